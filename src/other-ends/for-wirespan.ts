import { Document, isMap, isScalar, visit } from "yaml";
import type { CircuitConfig } from "../config/config.ts";
import type { SecretSource } from "../config/secret-source.ts";
import type { OtherEnd, OtherPseudowire } from "./other-end.ts";
import { type WrittenKeys, withoutGaps } from "./written-keys.ts";

/** The file of Wirespan at the other end. */

const DEFAULT_PORT = 1701;
const DEFAULT_HELLO_MS = 5000;
const DEFAULT_MTU = 1500;

type Keys = Readonly<WrittenKeys>;

/** Mappings that stand in one line. */
const inline: ReadonlySet<string> = new Set(["lcce", "circuit", "secret", "next_secret"]);

/** The YAML of a file, each line of the comment behind a `#`. */
export function yamlText(file: Keys, comment: readonly string[]): string {
  const document = new Document(file);
  visit(document, {
    Pair: (_index, { key, value }) => {
      if (isScalar(key) && inline.has(String(key.value)) && isMap(value)) value.flow = true;
    },
  });
  const head = comment.map((line) => (line === "" ? "#" : `# ${line}`)).join("\n");
  return `${head}\n${document.toString({ lineWidth: 0, flowCollectionPadding: true })}`;
}

/** The file for the other end of a tunnel, without comments. */
export function wirespanFile(end: OtherEnd): Keys {
  const { ours, hostName, routerId } = end;
  const { control } = ours;
  const devices = new Devices();
  const isOfAnyAddress = end.remote === undefined;
  const lcce = withoutGaps({ host_name: hostName, router_id: routerId });
  const tunnel = withoutGaps({
    local: end.local,
    remote: end.remote ?? "any",
    encapsulation: ours.encapsulation === "ip" ? "ip" : undefined,
    local_port: portOf(end.localPort),
    remote_port: isOfAnyAddress ? undefined : portOf(end.remotePort),
    control: control === undefined ? "static" : undefined,
    fragmentation: ours.fragmentation === "pseudowire" ? "pseudowire" : undefined,
    udp_checksum: ours.checksum === "zero" ? "zero" : undefined,
    ...(control === undefined ? {} : controlKeys(end, isOfAnyAddress)),
    pseudowires: Object.fromEntries(
      end.pseudowires.map((pseudowire) => [pseudowire.ours.name, pseudowireKeys(pseudowire, devices)]),
    ),
  });
  return { ...(Object.keys(lcce).length === 0 ? {} : { lcce }), tunnels: { [ours.name]: tunnel } };
}

function portOf(port: number): number | undefined {
  return port === 0 || port === DEFAULT_PORT ? undefined : port;
}

function controlKeys({ ours, role, remoteHostName, remotePort }: OtherEnd, isOfAnyAddress: boolean): Keys {
  const { control, name, encapsulation } = ours;
  if (control === undefined) return {};
  const { authentication, helloIntervalMs } = control;
  const [secret, nextSecret] = authentication.secrets;
  // We take any free port: nobody can call us there.
  const mustWait = encapsulation === "udp" && remotePort === 0;
  return {
    role: isOfAnyAddress || mustWait ? "responder" : role === "either" ? undefined : role,
    authentication: authentication.mode === "integrity" ? "integrity" : undefined,
    secret: secret && { file: secretPathThere(secret, name) },
    next_secret: nextSecret && { file: secretPathThere(nextSecret, `${name}-next`) },
    digest: authentication.digestType === "hmac-sha1" ? "sha1" : undefined,
    hide_avps: authentication.hideAvps ? true : undefined,
    hello_interval_s: helloIntervalMs === DEFAULT_HELLO_MS ? undefined : helloIntervalMs / 1000,
    peer_host_name: isOfAnyAddress ? remoteHostName : undefined,
  };
}

/** Where the secret is put at the other end: where it is here, if that is a file. */
export function secretPathThere(source: SecretSource, name: string): string {
  return source.kind === "file" ? source.path : `/etc/wirespan/${name}.secret`;
}

function pseudowireKeys({ ours, endId, session, vlan }: OtherPseudowire, devices: Devices): Keys {
  const { mtu, cookieOctets, sublayer, sequencing, vccv, type } = ours;
  const isFragmented = ours.mrru !== undefined;
  const wanted = { sublayer: session?.sublayer ?? sublayer, sequencing: session?.sequencing ?? sequencing };
  const byDefault = isFragmented ? { sublayer: "default", sequencing: "all" } : NOTHING;
  const vccvByDefault = wanted.sublayer === "default" && session === undefined ? "echo" : "off";
  return withoutGaps({
    circuit: {
      interface: devices.for(ours.circuit),
      ...(vlan === undefined
        ? {}
        : { vlan: vlan.id, ...(vlan.protocol === 0x88a8 ? { vlan_protocol: "802.1ad" } : {}) }),
    },
    type: vlan !== undefined && type === "ethernet" ? "ethernet" : undefined,
    remote_end_id: session === undefined && endId !== ours.name ? endId : undefined,
    mtu: mtu === DEFAULT_MTU ? undefined : mtu,
    cookie: session === undefined && cookieOctets !== 8 ? cookieOctets : undefined,
    sublayer: wanted.sublayer === byDefault.sublayer ? undefined : wanted.sublayer,
    sequencing: wanted.sequencing === byDefault.sequencing ? undefined : wanted.sequencing,
    vccv: vccv === vccvByDefault ? undefined : vccv,
    static:
      session &&
      withoutGaps({
        local_session_id: session.localSessionId,
        remote_session_id: session.remoteSessionId,
        receive_cookie: session.receiveCookie === "" ? undefined : session.receiveCookie,
        transmit_cookie: session.transmitCookie === "" ? undefined : session.transmitCookie,
        transmit_sublayer:
          session.transmitSublayer === wanted.sublayer ? undefined : session.transmitSublayer,
        transmit_sequencing:
          session.transmitSequencing === wanted.sequencing ? undefined : session.transmitSequencing,
      }),
  });
}

const NOTHING = { sublayer: "none", sequencing: "none" } as const;

/** Names for the devices of the other end: one for each of ours, and none with the same VLAN twice. */
class Devices {
  readonly #names = new Map<string, { readonly name: string; readonly vlans: Set<number> }>();
  #count = 0;

  for({ device, vlan }: CircuitConfig): string {
    const known = this.#names.get(device);
    const id = vlan?.idOnPseudowire ?? -1;
    const protocol = vlan?.protocol ?? 0;
    const key = id * 0x1_0000 + protocol;
    if (known !== undefined && !known.vlans.has(key)) {
      known.vlans.add(key);
      return known.name;
    }
    this.#count += 1;
    const name = `eth${this.#count}`;
    this.#names.set(device, { name, vlans: new Set([key]) });
    return name;
  }
}
