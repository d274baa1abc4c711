import type { CircuitDeviceState } from "./circuit-device-state.ts";

/** Whether there is an interface of that name. */
type IsThere = (device: string) => boolean;

/** Why frames of a pseudowire do not pass at our end, as text; undefined while they can. */
export function whyNotPassing(
  circuit: CircuitDeviceState | undefined,
  pseudowire: string,
  isThere: IsThere,
): string | undefined {
  const attached = circuit?.pseudowires.get(pseudowire);
  if (circuit === undefined || attached === undefined) return "not attached yet";
  if (attached.problem !== undefined || circuit.isUp) return attached.problem;
  const { device, kind } = attached.config.circuit;
  if (circuit.problem !== undefined && (isThere(device) || kind === "tap")) return circuit.problem;
  return isThere(device) ? `${device} is down` : `waiting for interface ${device}`;
}

/** Why a circuit cannot be attached as the file wants it; undefined where it is, or nothing was tried yet. */
export function whyNotAttached(
  { name, problem, pseudowires }: CircuitDeviceState,
  isThere: IsThere,
): string | undefined {
  const [first] = pseudowires.values();
  const isMissing = first?.config.circuit.kind === "interface" && !isThere(name);
  return isMissing && problem !== undefined ? `there is no interface ${name}` : problem;
}
