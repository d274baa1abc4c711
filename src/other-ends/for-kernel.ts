import { addressFamily, type OtherEnd, type OtherPseudowire, type OtherSession } from "./other-end.ts";

/** Static sessions of the Linux kernel: as commands of iproute2, files of systemd-networkd, and for VyOS. */

/** A pseudowire that is known to be static, with the name of its interface at the other end. */
interface KernelSession {
  readonly device: string;
  /** Name of the VLAN device on it, where there is one. */
  readonly tagged: string;
  readonly pseudowire: OtherPseudowire;
  readonly session: OtherSession;
}

/** Names are made of session ids, which are of one tunnel each: tunnels to one peer do not meet there. */
function sessionsOf({ pseudowires }: OtherEnd): readonly KernelSession[] {
  return pseudowires.flatMap((pseudowire) => {
    const { session } = pseudowire;
    if (session === undefined) return [];
    const id = session.localSessionId;
    return [{ device: `l2tp${id}`, tagged: `vlan${id}`, pseudowire, session }];
  });
}

/**
 * Ids of the tunnel. No data message has them: those of the first sessions do, which are of one tunnel each.
 */
function tunnelIds(end: OtherEnd): { readonly local: number; readonly remote: number } {
  const [first] = sessionsOf(end);
  return { local: first?.session.localSessionId ?? 1, remote: first?.session.remoteSessionId ?? 1 };
}

/** Which way frames are numbered, in the words of `ip l2tp`. */
function seqOf({ sequencing, transmitSequencing }: OtherSession): "both" | "send" | "recv" | undefined {
  const [receives, sends] = [sequencing !== "none", transmitSequencing !== "none"];
  if (receives && sends) return "both";
  return sends ? "send" : receives ? "recv" : undefined;
}

/** A shell script for the other end. */
export function linuxText(end: OtherEnd, comment: readonly string[]): string {
  const { ours } = end;
  const ids = tunnelIds(end);
  const isV6 = addressFamily(end.local ?? "") === 6;
  const module = ours.encapsulation === "udp" ? "" : isV6 ? " l2tp_ip6" : " l2tp_ip";
  const lines = [
    "#!/bin/sh",
    ...comment.map((line) => `# ${line}`),
    "set -e",
    `modprobe -a l2tp_eth${module}`,
    `ip l2tp add tunnel tunnel_id ${ids.local} peer_tunnel_id ${ids.remote} encap ${ours.encapsulation} \\`,
    `  local ${end.local} remote ${end.remote}${portWords(end)}${checksumWords(end, isV6)}`,
    ...sessionsOf(end).flatMap((one) => linuxSession(one, ids.local)),
  ];
  return `${lines.join("\n")}\n`;
}

function portWords({ ours, localPort, remotePort }: OtherEnd): string {
  return ours.encapsulation === "udp" ? ` udp_sport ${localPort} udp_dport ${remotePort}` : "";
}

function checksumWords({ ours }: OtherEnd, isV6: boolean): string {
  if (ours.encapsulation === "ip") return "";
  if (isV6) return ours.checksum === "zero" ? " udp6_csum_tx off udp6_csum_rx off" : "";
  return ours.checksum === "full" ? " udp_csum on" : "";
}

function linuxSession(
  { device, tagged, pseudowire, session }: KernelSession,
  tunnelId: number,
): readonly string[] {
  const { vlan, ours } = pseudowire;
  const cookies = [
    session.transmitCookie === "" ? "" : ` cookie ${session.transmitCookie}`,
    session.receiveCookie === "" ? "" : ` peer_cookie ${session.receiveCookie}`,
  ].join("");
  const seq = seqOf(session);
  return [
    "",
    `# Pseudowire ${ours.name}. cookie is what this end sends, peer_cookie what it demands.`,
    `ip l2tp add session name ${device} tunnel_id ${tunnelId} session_id ${session.localSessionId} \\`,
    `  peer_session_id ${session.remoteSessionId} l2spec_type ${session.sublayer}${cookies}` +
      (seq === undefined ? "" : ` seq ${seq}`),
    `ip link set dev ${device} mtu ${ours.mtu} up`,
    ...(vlan === undefined ? [] : linuxVlan(device, tagged, vlan)),
    `# ip link set dev ${vlan === undefined ? device : tagged} master br0`,
  ];
}

function linuxVlan(
  device: string,
  tagged: string,
  { id, protocol }: NonNullable<OtherPseudowire["vlan"]>,
): readonly string[] {
  const kind = protocol === 0x88a8 ? " proto 802.1ad" : "";
  return [
    `# All its frames have VLAN ID ${id}, which this device takes off.`,
    `ip link add link ${device} name ${tagged} type vlan${kind} id ${id}`,
    `ip link set dev ${tagged} up`,
  ];
}

/** The files for systemd-networkd, each behind a comment with its path. */
export function networkdText(end: OtherEnd, comment: readonly string[]): string {
  const { ours } = end;
  const ids = tunnelIds(end);
  const isUdp = ours.encapsulation === "udp";
  const isV6 = addressFamily(end.local ?? "") === 6;
  const tunnel = [
    "[NetDev]",
    // Names no interface: those are of the sessions, and have other names.
    `Name=l2tun${ids.local}`,
    "Kind=l2tp",
    "",
    "[L2TP]",
    `TunnelId=${ids.local}`,
    `PeerTunnelId=${ids.remote}`,
    `Local=${end.local}`,
    `Remote=${end.remote}`,
    `EncapsulationType=${ours.encapsulation}`,
    ...(isUdp ? [`UDPSourcePort=${end.localPort}`, `UDPDestinationPort=${end.remotePort}`] : []),
    ...(isUdp && !isV6 && ours.checksum === "full" ? ["UDPCheckSum=yes"] : []),
    // As its parser has them; its manual of version 252 calls them UDP6ZeroChecksumTx= and so on.
    ...(isUdp && isV6 && ours.checksum === "zero"
      ? ["# These mean: without checksum.", "UDP6CheckSumTx=yes", "UDP6CheckSumRx=yes"]
      : []),
    ...sessionsOf(end).flatMap(({ device, pseudowire, session }) => [
      "",
      `# Pseudowire ${pseudowire.ours.name}`,
      "[L2TPSession]",
      `Name=${device}`,
      `SessionId=${session.localSessionId}`,
      `PeerSessionId=${session.remoteSessionId}`,
      `Layer2SpecificHeader=${session.sublayer}`,
    ]),
  ];
  const parts = [
    comment.map((line) => `# ${line}`),
    fileOf(`50-l2tun${ids.local}.netdev`, tunnel),
    ...sessionsOf(end).flatMap(networkdDevices),
  ];
  return `${parts.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function fileOf(name: string, lines: readonly string[]): readonly string[] {
  return [`# /etc/systemd/network/${name}`, ...lines];
}

function networkdDevices({ device, tagged, pseudowire }: KernelSession): readonly (readonly string[])[] {
  const { vlan, ours } = pseudowire;
  const own = [
    "[Match]",
    `Name=${device}`,
    "",
    "[Link]",
    `MTUBytes=${ours.mtu}`,
    "",
    "[Network]",
    "LinkLocalAddressing=no",
  ];
  const bridge = "#Bridge=br0";
  if (vlan === undefined) return [fileOf(`50-${device}.network`, [...own, bridge])];
  const protocol = vlan.protocol === 0x88a8 ? ["Protocol=802.1ad"] : [];
  return [
    fileOf(`50-${device}.network`, [...own, `VLAN=${tagged}`]),
    fileOf(`50-${tagged}.netdev`, [
      "[NetDev]",
      `Name=${tagged}`,
      "Kind=vlan",
      "",
      "[VLAN]",
      `Id=${vlan.id}`,
      ...protocol,
    ]),
    fileOf(`50-${tagged}.network`, [
      "[Match]",
      `Name=${tagged}`,
      "",
      "[Network]",
      "LinkLocalAddressing=no",
      bridge,
    ]),
  ];
}

/** Room for numbers in its names of interfaces, which begin with l2tpeth and have up to 15 characters. */
const VYOS_NUMBERS = 100_000_000;

/** Commands of VyOS in configuration mode. */
export function vyosText(end: OtherEnd, comment: readonly string[]): string {
  const { encapsulation } = end.ours;
  const lines = sessionsOf(end).flatMap(({ pseudowire: { vlan, ours }, session }) => {
    const device = `l2tpeth${session.localSessionId % VYOS_NUMBERS}`;
    const set = (words: string) => `set interfaces l2tpv3 ${device} ${words}`;
    return [
      `# Pseudowire ${ours.name}`,
      set(`description '${ours.name}'`),
      set(`encapsulation '${encapsulation}'`),
      set(`source-address '${end.local}'`),
      set(`remote '${end.remote}'`),
      ...(encapsulation === "udp"
        ? [set(`source-port '${end.localPort}'`), set(`destination-port '${end.remotePort}'`)]
        : []),
      set(`tunnel-id '${session.localSessionId}'`),
      set(`peer-tunnel-id '${session.remoteSessionId}'`),
      set(`session-id '${session.localSessionId}'`),
      set(`peer-session-id '${session.remoteSessionId}'`),
      set(`mtu '${ours.mtu}'`),
      ...(vlan === undefined
        ? [`# set interfaces bridge br0 member interface ${device}`]
        : [
            `# All its frames have VLAN ID ${vlan.id}:`,
            "# set interfaces bridge br0 enable-vlan",
            `# set interfaces bridge br0 member interface ${device} allowed-vlan '${vlan.id}'`,
          ]),
    ];
  });
  return `${[...comment.map((line) => `# ${line}`), ...lines].join("\n")}\n`;
}
