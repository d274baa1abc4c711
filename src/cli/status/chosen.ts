import { NoSuchNameError } from "../../daemon/api-errors.ts";
import type { BridgeStatus } from "../../daemon/bridge-status.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../daemon/status.ts";

/** What a name stands for: a tunnel and a pseudowire may have the same. */
export interface Chosen {
  readonly tunnel?: ControlConnectionStatus | undefined;
  readonly pseudowire?: PseudowireStatus | undefined;
  readonly bridge?: BridgeStatus | undefined;
}

/** What has a name. Throws NoSuchNameError where nothing has it, with the name that is most like it. */
export function chosenOf(report: StatusReport, name: string): Chosen {
  const { controlConnections, pseudowires, bridges = [] } = report;
  const tunnel = controlConnections.find((one) => one.tunnel === name);
  const pseudowire = pseudowires.find((one) => one.name === name);
  const bridge = bridges.find((one) => one.name === name);
  if (tunnel === undefined && pseudowire === undefined && bridge === undefined) {
    const names = [
      ...controlConnections.map((one) => one.tunnel),
      ...pseudowires.map((one) => one.name),
      ...bridges.map((one) => one.name),
    ];
    throw new NoSuchNameError("tunnel, pseudowire or bridge", name, names);
  }
  return { tunnel, pseudowire, bridge };
}

/** Whether all that has the name is up. */
export function isAllUp({ tunnel, pseudowire, bridge }: Chosen): boolean {
  const isTunnelUp = tunnel === undefined || (tunnel.whyNot === undefined && tunnel.state !== "waiting");
  const isPseudowireUp = pseudowire === undefined || pseudowire.whyNot === undefined;
  return isTunnelUp && isPseudowireUp && bridge?.problem === undefined;
}
