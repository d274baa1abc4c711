import { operationalMessage } from "../bytes/errors.ts";
import { equalOctets } from "../bytes/hex.ts";
import type { Issue } from "../config/check.ts";
import type { CircuitConfig, Config, SecretSource, TunnelConfig } from "../config/config.ts";
import { hiddenName } from "../forwarding/ebpf/plane/hidden-interfaces.ts";
import type { HostInterface } from "../os/host-network.ts";
import { bridgeProblem, takenName } from "../os/link-problems.ts";
import { type AddressPair, OWN_ADDRESS, type SendError } from "../os/path-mtus.ts";
import { readSecret } from "../os/secrets.ts";
import { hostUseOf } from "./host-use.ts";
import { ownerOf } from "./owner.ts";
import { sendProblem } from "./send-problems.ts";

/**
 * The kernel's verdict on the route between two addresses; undefined where packets leave this machine by it.
 */
export type RouteVerdict = (path: AddressPair) => SendError | undefined;

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
): readonly Issue[] {
  const notes = config.tunnels.flatMap((tunnel) => [
    ...secretNotes(tunnel),
    ...addressNotes(tunnel, interfaces),
    ...remoteNotes(tunnel, interfaces, verdictOf),
    ...circuitNotes(tunnel, config, interfaces),
  ]);
  return notes.map(({ path, message }) => ({ path, message: `on this machine: ${message}` }));
}

/**
 * Keys of a tunnel's secrets, in the order of the configuration, and the key in each that names its source.
 */
const secretKeys = ["secret", "next_secret"] as const;
const placeKeys = { file: "file", credential: "credential", environment: "env" } as const satisfies Record<
  SecretSource["kind"],
  string
>;

function secretNotes({ name, control }: TunnelConfig): readonly Issue[] {
  const known: Uint8Array[] = [];
  return (control?.authentication.secrets ?? []).flatMap((source, index) => {
    const path = ["tunnels", name, secretKeys[index] ?? "secret", placeKeys[source.kind]];
    try {
      const { octets, notes } = readSecret(source);
      const isSame = known.some((one) => equalOctets(one, octets));
      known.push(octets);
      const same = isSame ? ["the same secret as in `secret`; `next_secret` must be a different one"] : [];
      return [...notes, ...same].map((message) => ({ path, message }));
    } catch (error) {
      return [{ path, message: operationalMessage(error) }];
    }
  });
}

function addressNotes({ name, local }: TunnelConfig, interfaces: readonly HostInterface[]): readonly Issue[] {
  if (interfaces.some(({ addresses }) => addresses.includes(local))) return [];
  const message = `no interface that is up has the address ${local}; see: ip address show`;
  return [{ path: ["tunnels", name, "local"], message }];
}

function remoteNotes(
  { name, local, remote }: TunnelConfig,
  interfaces: readonly HostInterface[],
  verdictOf: RouteVerdict,
): readonly Issue[] {
  const isThere = (address: string) => interfaces.some(({ addresses }) => addresses.includes(address));
  const asked = isThere(local)
    ? verdictOf({ localAddress: local, remoteAddress: remote })
    : // From an address that is not there no route is known.
      isThere(remote)
      ? OWN_ADDRESS
      : undefined;
  // Between two loopback addresses a tunnel is meant to stay on the machine.
  if (asked === undefined || (asked === OWN_ADDRESS && isLoopback(local) && isLoopback(remote))) return [];
  return [{ path: ["tunnels", name, "remote"], message: sendProblem({ local, remote }, asked) }];
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

function circuitNotes(
  { name: tunnel, pseudowires }: TunnelConfig,
  config: Config,
  interfaces: readonly HostInterface[],
): readonly Issue[] {
  return pseudowires.flatMap(({ name, circuit }) => {
    const path = ["tunnels", tunnel, "pseudowires", name, "circuit"];
    if (circuit.kind === "tap") return tapNotes(path, circuit, ownerOf(config), interfaces);
    const at = [...path, "interface"];
    if (!interfaces.some((one) => one.name === circuit.device))
      return [{ path: at, message: `there is no interface ${circuit.device}; see: ip link show` }];
    const use = circuit.allowHostUse ? undefined : hostUseOf(circuit, interfaces, config.tunnels);
    if (use === undefined) return [];
    return [
      {
        path: at,
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
  owner: string,
  interfaces: readonly HostInterface[],
): readonly Issue[] {
  const named = (wanted: string) => interfaces.find(({ name }) => name === wanted);
  const own = named(device);
  // The kernel calls the kind of TAP devices "tun"; the eBPF plane of the same daemon makes a veth pair.
  const isOurPair = own?.kind === "veth" && named(hiddenName("hostPeer", owner, device)) !== undefined;
  const taken = own === undefined || own.kind === "tun" || isOurPair ? undefined : takenName(device);
  const noBridge = bridge === undefined ? undefined : bridgeProblem(bridge, named(bridge));
  return [
    ...(taken === undefined ? [] : [{ path: [...path, "tap"], message: taken }]),
    ...(noBridge === undefined ? [] : [{ path: [...path, "bridge"], message: noBridge }]),
  ];
}
