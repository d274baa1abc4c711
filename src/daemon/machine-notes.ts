import { messageOf } from "../bytes/errors.ts";
import type { CircuitConfig, Config, TunnelConfig } from "../config/config.ts";
import type { HostInterface } from "../os/host-network.ts";
import { bridgeProblem, takenName } from "../os/link-problems.ts";
import { readSecret } from "../os/secrets.ts";
import { hostUseOf } from "./host-use.ts";

/**
 * What a configuration that is in order would wait for on this machine, a line each: secrets that cannot be read, local addresses
 * and interfaces that are not there, interfaces that this machine itself uses, bridges that there are not, names of TAP devices that are
 * taken.
 */
export function machineNotes(config: Config, interfaces: readonly HostInterface[]): readonly string[] {
  return config.tunnels.flatMap((tunnel) => [
    ...secretNotes(tunnel),
    ...addressNotes(tunnel, interfaces),
    ...circuitNotes(tunnel, config, interfaces),
  ]);
}

function secretNotes({ name, control }: TunnelConfig): readonly string[] {
  return (control?.secrets ?? []).flatMap((source) => {
    try {
      return readSecret(source).notes.map((note) => `tunnel ${name}: ${note}`);
    } catch (error) {
      return [`tunnel ${name}: ${messageOf(error)}`];
    }
  });
}

function addressNotes(
  { name, local }: TunnelConfig,
  interfaces: readonly HostInterface[],
): readonly string[] {
  if (interfaces.some(({ addresses }) => addresses.includes(local))) return [];
  return [`tunnel ${name}: local: no interface that is up has the address ${local}; see: ip address show`];
}

function circuitNotes(
  { pseudowires }: TunnelConfig,
  { tunnels }: Config,
  interfaces: readonly HostInterface[],
): readonly string[] {
  return pseudowires.flatMap(({ name, circuit }) => {
    if (circuit.kind === "tap")
      return tapProblems(circuit, interfaces).map((problem) => `pseudowire ${name}: ${problem}`);
    if (!interfaces.some((one) => one.name === circuit.device))
      return [`pseudowire ${name}: there is no interface ${circuit.device}; see: ip link show`];
    const use = circuit.allowHostUse ? undefined : hostUseOf(circuit, interfaces, tunnels);
    return use === undefined
      ? []
      : [
          `pseudowire ${name}: ${use}: as a circuit it would be cut off from this machine, and is not attached`,
        ];
  });
}

function tapProblems(
  { device, bridge }: CircuitConfig,
  interfaces: readonly HostInterface[],
): readonly string[] {
  const named = (wanted: string) => interfaces.find(({ name }) => name === wanted);
  const own = named(device);
  // The kernel calls the kind of TAP devices "tun".
  const taken = own === undefined || own.kind === "tun" ? undefined : takenName(device);
  const noBridge = bridge === undefined ? undefined : bridgeProblem(bridge, named(bridge));
  return [taken, noBridge].filter((problem) => problem !== undefined);
}
