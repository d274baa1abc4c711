import type { CircuitConfig, TunnelConfig } from "../config/config.ts";
import type { HostInterface } from "../os/host-network.ts";

/**
 * What this machine would lose if an interface became an attachment circuit, as text: addresses or routes on
 * it, on what stands on it, or on the bridge or bond that it is a port of. Undefined where it would lose
 * nothing. Frames of the circuit go into the pseudowire and not to the machine; where they carry the tunnel
 * itself, nobody reaches the machine any more. A circuit that is one VLAN takes no other frames of its
 * interface.
 */
export function hostUseOf(
  circuit: Pick<CircuitConfig, "device" | "vlan">,
  interfaces: readonly HostInterface[],
  tunnels: readonly Pick<TunnelConfig, "name" | "local">[],
): string | undefined {
  const own = interfaces.find(({ name }) => name === circuit.device);
  if (own === undefined) return undefined;
  for (const one of affectedInterfaces(own, circuit.vlan?.id, interfaces)) {
    const use = tunnels.map((tunnel) => tunnelUse(one, own, tunnel)).find((text) => text !== undefined);
    if (use !== undefined) return use;
    const [address] = one.addresses;
    if (address !== undefined) return `${interfaceText(one, own)} the address ${address}`;
    if (one.hasRoutes) return `${interfaceText(one, own)} routes`;
  }
  const master =
    circuit.vlan === undefined ? interfaces.find(({ index }) => index === own.master) : undefined;
  return master === undefined
    ? undefined
    : `${own.name} is a port of the ${master.kind ?? "interface"} ${master.name}`;
}

/** What a tunnel has of an interface for its own end; undefined for nothing that its file says. */
function tunnelUse(
  one: HostInterface,
  own: HostInterface,
  { name, local }: Pick<TunnelConfig, "name" | "local">,
): string | undefined {
  if (local.kind === "address" && one.addresses.includes(local.address))
    return `${interfaceText(one, own)} ${local.address}, the local address of tunnel ${name}`;
  if (local.kind !== "interface" || local.name !== one.name) return undefined;
  return one === own
    ? `${own.name} is the local interface of tunnel ${name}`
    : `${interfaceText(one, own)} the local end of tunnel ${name}`;
}

/**
 * Ours: interfaces are read once for all circuits that are attached within this time, or a thousand would be
 * a million.
 */
const SHARED_MS = 1000;

/** Answers `hostUseOf` by the interfaces as they are. `tunnels` gives those of the running configuration. */
export function hostUseReader(
  tunnels: () => readonly TunnelConfig[],
  nowMs: () => number,
  read: () => Promise<readonly HostInterface[]>,
): (circuit: Pick<CircuitConfig, "device" | "vlan">) => Promise<string | undefined> {
  let last: { readonly atMs: number; readonly interfaces: Promise<readonly HostInterface[]> } | undefined;
  return async (circuit) => {
    if (last === undefined || nowMs() - last.atMs > SHARED_MS) last = { atMs: nowMs(), interfaces: read() };
    return hostUseOf(circuit, await last.interfaces, tunnels());
  };
}

function interfaceText(one: HostInterface, own: HostInterface): string {
  return one === own ? `${own.name} has` : `${one.name}, which is on top of ${own.name}, has`;
}

/**
 * The interfaces that get what comes in by one, if it comes at all: itself, what stands on it, and its
 * master.
 */
function affectedInterfaces(
  own: HostInterface,
  vlanId: number | undefined,
  interfaces: readonly HostInterface[],
): readonly HostInterface[] {
  const found: HostInterface[] = vlanId === undefined ? [own] : [];
  const seen = new Set([own.index]);
  const queue = interfaces.filter(
    ({ index, lower, vlanId: id }) =>
      (lower === own.index && (vlanId === undefined || id === vlanId)) ||
      (vlanId === undefined && index === own.master),
  );
  for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
    const { index, master } = one;
    if (seen.has(index)) continue;
    seen.add(index);
    found.push(one);
    queue.push(...interfaces.filter((other) => other.lower === index || other.index === master));
  }
  return found;
}
