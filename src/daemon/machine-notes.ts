import { operationalMessage } from "../bytes/errors.ts";
import { equalOctets } from "../bytes/hex.ts";
import type { BridgeConfig, CircuitConfig, Config, TunnelConfig } from "../config/config.ts";
import type { LocalEnd } from "../config/ends.ts";
import type { Issue } from "../config/issues.ts";
import { nearest } from "../config/nearest.ts";
import type { SecretSource } from "../config/secret-source.ts";
import { hiddenName, isHiddenName } from "../forwarding/ebpf/plane/hidden-interfaces.ts";
import type { HostInterface } from "../os/host-network.ts";
import { bridgeProblem, othersTap, takenName } from "../os/link-problems.ts";
import { type AddressPair, OWN_ADDRESS, type SendError } from "../os/path-mtus.ts";
import { readSecret } from "../os/secrets.ts";
import { hostUseOf } from "./host-use.ts";
import { ownerOf } from "./owner.ts";
import { sendProblem } from "./send-problems.ts";
import { endsInFile } from "./settings.ts";

/**
 * The kernel's verdict on the route between two addresses; undefined where packets leave this machine by it.
 */
export type RouteVerdict = (path: AddressPair) => SendError | undefined;

/** What a note is about. */
export type MachineNoteKind = "secret" | "local" | "remote" | "interface" | "host-use" | "tap" | "bridge";

/** A note, with the path of the key that it is about. */
export interface MachineNote extends Issue {
  readonly kind: MachineNoteKind;
  /** Whether something waits for it, rather than works as it is. */
  readonly isWaiting: boolean;
}

/**
 * What a configuration that is in order would wait for on this machine, each with the path of the key that it
 * is about: secrets that cannot be read, local addresses and interfaces that are not there, remote addresses
 * to which nothing can be sent from here, interfaces that this machine itself uses, bridges that there are
 * not, names of TAP devices that are taken.
 */
export function machineNotes(
  config: Config,
  interfaces: readonly HostInterface[],
  verdictOf: RouteVerdict,
): readonly MachineNote[] {
  const notes = config.tunnels.flatMap((tunnel) => [
    ...secretNotes(tunnel),
    ...addressNotes(tunnel, interfaces),
    ...remoteNotes(tunnel, interfaces, verdictOf),
    ...circuitNotes(tunnel, config, interfaces),
  ]);
  const all = [...notes, ...config.bridges.flatMap((bridge) => bridgeNotes(bridge, config, interfaces))];
  return all.map(({ message, ...issue }) => ({ ...issue, message: `on this machine: ${message}` }));
}

/**
 * Keys of a tunnel's secrets, in the order of the configuration, and the key in each that names its source.
 */
const secretKeys = ["secret", "next_secret"] as const;
const placeKeys = { file: "file", credential: "credential", environment: "env" } as const satisfies Record<
  SecretSource["kind"],
  string
>;

function secretNotes({ name, control }: TunnelConfig): readonly MachineNote[] {
  const known: Uint8Array[] = [];
  return (control?.authentication.secrets ?? []).flatMap((source, index) => {
    const path = ["tunnels", name, secretKeys[index] ?? "secret", placeKeys[source.kind]];
    try {
      const { octets, notes } = readSecret(source);
      const isSame = known.some((one) => equalOctets(one, octets));
      known.push(octets);
      const same = isSame ? ["the same secret as in `secret`; `next_secret` must be a different one"] : [];
      const isWaiting = (message: string) => same.includes(message);
      return [...notes, ...same].map((message) => ({
        ...{ kind: "secret", path, message },
        isWaiting: isWaiting(message),
      }));
    } catch (error) {
      return [{ kind: "secret", isWaiting: true, path, message: operationalMessage(error) }];
    }
  });
}

function addressNotes(
  { name, local }: TunnelConfig,
  interfaces: readonly HostInterface[],
): readonly MachineNote[] {
  const message = localProblem(local, interfaces);
  const path = ["tunnels", name, "local"];
  return message === undefined ? [] : [{ kind: "local", isWaiting: true, path, message }];
}

function localProblem(local: LocalEnd, interfaces: readonly HostInterface[]): string | undefined {
  if (local.kind === "route") return undefined;
  if (local.kind === "address")
    return interfaces.some(({ addresses }) => addresses.includes(local.address))
      ? undefined
      : `no interface that is up has the address ${local.address}; see: ip address show`;
  const own = interfaces.find(({ name }) => name === local.name);
  if (own === undefined) return `there is no interface ${local.name}; see: ip link show`;
  return own.addresses.length > 0 ? undefined : `${local.name} has no address yet; see: ip address show`;
}

function remoteNotes(
  tunnel: TunnelConfig,
  interfaces: readonly HostInterface[],
  verdictOf: RouteVerdict,
): readonly MachineNote[] {
  const ends = endsInFile(tunnel);
  if (ends === undefined) return [];
  const { localAddress: local, remoteAddress: remote } = ends;
  const isThere = (address: string) => interfaces.some(({ addresses }) => addresses.includes(address));
  const asked = isThere(local)
    ? verdictOf({ localAddress: local, remoteAddress: remote })
    : // From an address that is not there no route is known.
      isThere(remote)
      ? OWN_ADDRESS
      : undefined;
  // Between two loopback addresses a tunnel is meant to stay on the machine.
  if (asked === undefined || (asked === OWN_ADDRESS && isLoopback(local) && isLoopback(remote))) return [];
  const message = sendProblem({ local, remote }, asked);
  return [{ kind: "remote", isWaiting: true, path: ["tunnels", tunnel.name, "remote"], message }];
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

function circuitNotes(
  { name: tunnel, pseudowires }: TunnelConfig,
  config: Config,
  interfaces: readonly HostInterface[],
): readonly MachineNote[] {
  return pseudowires.flatMap(({ name, circuit }): readonly MachineNote[] => {
    const path = ["tunnels", tunnel, "pseudowires", name, "circuit"];
    if (circuit.kind === "tap") return tapNotes(path, circuit, config, interfaces);
    const at = [...path, "interface"];
    if (!interfaces.some((one) => one.name === circuit.device))
      return [
        {
          ...{ kind: "interface", isWaiting: true, path: at },
          message: `there is no interface ${circuit.device}; see: ip link show`,
        },
      ];
    const use = circuit.allowHostUse ? undefined : hostUseOf(circuit, interfaces, config.tunnels);
    if (use === undefined) return [];
    return [
      {
        ...{ kind: "host-use", isWaiting: true, path: at },
        message:
          `${use}: as an attachment circuit it would be cut off from this machine; ` +
          "it is not attached unless allow_host_use is true",
      },
    ];
  });
}

function tapNotes(
  path: readonly string[],
  { device, bridge }: CircuitConfig,
  config: Config,
  interfaces: readonly HostInterface[],
): readonly MachineNote[] {
  const named = (wanted: string) => interfaces.find(({ name }) => name === wanted);
  const own = named(device);
  const taken = own === undefined ? undefined : tapProblem(own, config, interfaces);
  const isMade = config.bridges.some(
    ({ name, create, isDeclared }) => isDeclared && create && name === bridge,
  );
  const isMissing = bridge !== undefined && (!isMade || named(bridge) !== undefined);
  const problem = isMissing ? bridgeProblem(bridge, named(bridge)) : undefined;
  const noBridge = problem === undefined ? undefined : `${problem}${meantBridge(bridge, config, interfaces)}`;
  return [...tapTaken(path, taken), ...noBridgeNote(path, bridge, noBridge)];
}

function tapTaken(path: readonly string[], message: string | undefined): readonly MachineNote[] {
  return message === undefined ? [] : [{ kind: "tap", isWaiting: true, path: [...path, "tap"], message }];
}

function noBridgeNote(
  path: readonly string[],
  bridge: string | undefined,
  message: string | undefined,
): readonly MachineNote[] {
  if (message === undefined) return [];
  const of = [["bridges", bridge ?? ""]];
  return [{ kind: "bridge", isWaiting: true, path: [...path, "bridge"], message, of }];
}

/** Why a TAP device cannot have the name of an interface; undefined where it is one of ours. */
function tapProblem(
  { name: device, kind }: HostInterface,
  config: Config,
  interfaces: readonly HostInterface[],
): string | undefined {
  // The kernel calls the kind of TAP devices "tun"; the eBPF plane makes a veth pair.
  if (kind === "tun") return undefined;
  const peers = interfaces.filter(({ name }) => kind === "veth" && isHiddenName("hostPeer", name, device));
  if (peers.some(({ name }) => name === hiddenName("hostPeer", ownerOf(config), device))) return undefined;
  return peers.length > 0 ? othersTap(device) : takenName(device);
}

/** The bridge of the file or of this machine that a name of none may stand for; empty without any like it. */
function meantBridge(
  name: string | undefined,
  { bridges }: Config,
  interfaces: readonly HostInterface[],
): string {
  if (name === undefined || interfaces.some((one) => one.name === name)) return "";
  const declared = bridges.filter(({ isDeclared }) => isDeclared);
  const candidates = [...declared, ...interfaces.filter(({ kind }) => kind === "bridge")];
  const others = candidates.map((one) => one.name).filter((other) => other !== name);
  const like = nearest(name, others);
  return like === undefined ? "" : `; did you mean ${like}?`;
}

/** Of a bridge of `bridges:`: one that it is to wait for, and its interfaces. */
function bridgeNotes(
  { name, isDeclared, create, interfaces: members }: BridgeConfig,
  config: Config,
  interfaces: readonly HostInterface[],
): readonly MachineNote[] {
  if (!isDeclared) return [];
  const path = ["bridges", name];
  const named = (wanted: string) => interfaces.find((one) => one.name === wanted);
  const own = named(name);
  const problem = own === undefined && create ? undefined : bridgeProblem(name, own);
  const ofMembers = members.flatMap(({ device, allowHostUse }): readonly MachineNote[] => {
    const at = [...path, "interfaces", device];
    const member = named(device);
    if (member === undefined)
      return [
        {
          ...{ kind: "interface", isWaiting: true, path: at },
          message: `there is no interface ${device}; see: ip link show`,
        },
      ];
    if (allowHostUse || (own !== undefined && member.master === own.index)) return [];
    const use = hostUseOf({ device }, interfaces, config.tunnels);
    const what = "as a port of a bridge it would be cut off from this machine";
    return use === undefined
      ? []
      : [
          {
            ...{ kind: "host-use", isWaiting: true, path: at },
            message: `${use}: ${what}; it is not put into the bridge unless allow_host_use is true`,
          },
        ];
  });
  const ofBridge: readonly MachineNote[] =
    problem === undefined ? [] : [{ kind: "bridge", isWaiting: true, path, message: problem }];
  return [...ofBridge, ...ofMembers];
}
