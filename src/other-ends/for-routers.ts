import type { OtherEnd, OtherPseudowire } from "./other-end.ts";

/** Commands of routers that need few: RouterOS of MikroTik, freeRtr, SEIL, Yamaha RTX. */

/** Commands of RouterOS 7. */
export function mikrotikText(end: OtherEnd, comment: readonly string[]): string {
  const { ours, pseudowires } = end;
  const isServer = ours.control?.role === "initiator";
  const lines = pseudowires.flatMap((pseudowire) =>
    isServer ? mikrotikServer(end, pseudowire) : mikrotikInterface(end, pseudowire),
  );
  return `${[...comment.map((line) => `# ${line}`), ...lines].join("\n")}\n`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\$?]/g, (one) => `\\${one}`)}"`;
}

function words(keys: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(keys)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
    .join(" ");
}

function cookieLength(octets: number): string {
  return octets === 0 ? "0" : `${octets}-bytes`;
}

function digestHash({ ours: { control } }: OtherEnd): string {
  const { mode, digestType } = control?.authentication ?? { mode: "none", digestType: "hmac-md5" };
  return mode === "none" ? "none" : digestType.replace("hmac-", "");
}

function mikrotikServer(end: OtherEnd, { ours, endId }: OtherPseudowire): readonly string[] {
  const keys = {
    enabled: "yes",
    "accept-proto-version": "l2tpv3",
    "accept-pseudowire-type": "ether",
    "l2tpv3-circuit-id": quoted(String(endId)),
    "l2tpv3-cookie-length": cookieLength(ours.cookieOctets),
    "l2tpv3-digest-hash": digestHash(end),
  };
  return [
    `# Pseudowire ${ours.name}: its interface comes with the session; put it into a bridge then.`,
    "/interface/l2tp-server/server",
    `set ${words(keys)}`,
  ];
}

function mikrotikInterface(end: OtherEnd, pseudowire: OtherPseudowire): readonly string[] {
  const { ours, endId, session, vlan } = pseudowire;
  const name = `l2tp-${ours.name}`;
  const negotiated = {
    "cookie-length": cookieLength(ours.cookieOctets),
    "digest-hash": digestHash(end),
    "circuit-id": quoted(String(endId)),
  };
  const fixed = session && {
    "unmanaged-mode": "yes",
    "local-address": end.local,
    "local-tunnel-id": session.localSessionId,
    "remote-tunnel-id": session.remoteSessionId,
    "local-session-id": session.localSessionId,
    "remote-session-id": session.remoteSessionId,
    "send-cookie": session.transmitCookie === "" ? undefined : session.transmitCookie,
    "peer-cookie": session.receiveCookie === "" ? undefined : session.receiveCookie,
  };
  const keys = {
    name: quoted(name),
    "connect-to": end.remote,
    "l2tp-proto-version": `l2tpv3-${end.ours.encapsulation}`,
    "use-l2-specific-sublayer": (session?.sublayer ?? ours.sublayer) === "default" ? "yes" : "no",
    mtu: ours.mtu,
    ...(fixed ?? negotiated),
    disabled: "no",
  };
  return [
    `# Pseudowire ${ours.name}`,
    "/interface/l2tp-ether",
    `add ${words(keys)}`,
    ...(vlan === undefined
      ? []
      : [`# All its frames have VLAN ID ${vlan.id}: the bridge has to know that VLAN.`]),
    "/interface/bridge/port",
    `add bridge=bridge1 interface=${quoted(name)}`,
  ];
}

/** Commands of freeRtr: its server where we may call, else what calls us. */
export function freertrText(end: OtherEnd, comment: readonly string[]): string {
  const isServer = end.ours.control?.role !== "responder";
  const head = [
    ...comment.map((line) => `! ${line}`),
    "! ethernet2 is the interface that is bridged; v1 is the VRF of ethernet1, which leads to us.",
  ];
  const bridge = ["bridge 1", " mac-learn", " exit", "interface ethernet2", " bridge-group 1", " exit"];
  const server = ["server l2tp3 wirespan", " bridge 1", " vrf v1", " exit"];
  const callers = [
    "proxy-profile wirespan",
    " vrf v1",
    " source ethernet1",
    " exit",
    ...end.pseudowires.flatMap((pseudowire, index) => freertrCaller(end, pseudowire, index)),
  ];
  return `${[...head, ...bridge, ...(isServer ? server : callers)].join("\n")}\n`;
}

function freertrCaller(end: OtherEnd, { ours, endId }: OtherPseudowire, index: number): readonly string[] {
  const bridge = index + 1;
  return [
    ...(index === 0 ? [] : [`bridge ${bridge}`, " mac-learn", " exit"]),
    `vpdn ${ours.name}`,
    ` bridge-group ${bridge}`,
    " proxy wirespan",
    ` target ${end.remote}`,
    ` vcid ${endId}`,
    " direction out",
    ` pwtype ${ours.type === "ethernet-vlan" ? "vlan" : "ethernet"}`,
    " protocol l2tp3",
    " exit",
  ];
}

/** Commands of SEIL. It knows peers by their host names and router ids, and tells its own. */
export function seilText(end: OtherEnd, comment: readonly string[]): string {
  const { ours, pseudowires, hostName, routerId, remoteHostName, remoteRouterId } = end;
  const hasCookies = pseudowires.some((one) => one.ours.cookieOctets > 0);
  const hello = Math.round((ours.control?.helloIntervalMs ?? 0) / 1000);
  const lines = [
    `l2tp hostname ${hostName ?? "seil"}`,
    `l2tp router-id ${routerId ?? routerIdFrom(end.local)}`,
    `l2tp add ${peerName(ours.name)} hostname ${remoteHostName} router-id ${remoteRouterId} ` +
      `cookie ${hasCookies ? "on" : "off"} hello-interval ${hello === 0 ? "none" : hello}`,
    ...pseudowires.flatMap((pseudowire, index) => [
      `# Pseudowire ${pseudowire.ours.name}: put l2tp${index} into a bridge with its interface.`,
      `interface l2tp${index} tunnel ${end.local} ${end.remote}`,
      `interface l2tp${index} l2tp ${peerName(ours.name)} remote-end-id ${pseudowire.endId}`,
    ]),
  ];
  return `${[...comment.map((line) => `# ${line}`), ...lines].join("\n")}\n`;
}

const MOST_PEER_NAME = 16;

/** A name of its configuration, which it takes in 16 characters. */
function peerName(name: string): string {
  return name.slice(0, MOST_PEER_NAME);
}

/** What Yamaha and SEIL call themselves where nothing else is wanted: an IPv4 address of theirs. */
function routerIdFrom(address: string | undefined): string {
  return address === undefined || address.includes(":") ? "192.0.2.2" : address;
}

/** Commands of Yamaha RTX, with tunnel 1. */
export function yamahaText(end: OtherEnd, comment: readonly string[]): string {
  const { hostName, routerId, remoteRouterId, pseudowires, ours } = end;
  const hello = Math.round((ours.control?.helloIntervalMs ?? 0) / 1000);
  const lines = pseudowires
    .slice(0, 1)
    .flatMap(({ endId, ours: { name } }) => [
      `# Pseudowire ${name}`,
      "tunnel select 1",
      " tunnel encapsulation l2tpv3",
      ` tunnel endpoint address ${end.local} ${end.remote}`,
      " l2tp always-on on",
      ` l2tp hostname ${hostName ?? "yamaha"}`,
      " l2tp tunnel auth off",
      " l2tp tunnel disconnect time off",
      hello === 0 ? " l2tp keepalive use off" : ` l2tp keepalive use on ${Math.max(1, hello)} 3`,
      ` l2tp local router-id ${routerId ?? routerIdFrom(end.local)}`,
      ` l2tp remote router-id ${remoteRouterId}`,
      ` l2tp remote end-id ${endId}`,
      " tunnel enable 1",
      "bridge member bridge1 lan1 tunnel1",
      "l2tp service on l2tpv3",
    ]);
  return `${[...comment.map((line) => `# ${line}`), ...lines].join("\n")}\n`;
}
