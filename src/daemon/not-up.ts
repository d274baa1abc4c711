import {
  type ControlConnectionStatus,
  isWanted,
  type PseudowireStatus,
  type StatusReport,
} from "./status.ts";

/** What should be up and is not. */
export interface NotUp {
  readonly tunnels: readonly ControlConnectionStatus[];
  /** Without those of the tunnels, which have nothing to add. */
  readonly pseudowires: readonly PseudowireStatus[];
}

/** What is not up of a report, also what is closed by hand; not what the file disables. */
export function notUpIn({
  controlConnections,
  pseudowires,
}: Pick<StatusReport, "controlConnections" | "pseudowires">): NotUp {
  const isDown = (one: ControlConnectionStatus | PseudowireStatus) =>
    isWanted(one) && one.whyNot !== undefined;
  const tunnels = controlConnections.filter(isDown);
  const names = new Set(tunnels.map(({ tunnel }) => tunnel));
  return { tunnels, pseudowires: pseudowires.filter((one) => isDown(one) && !names.has(one.tunnel)) };
}
