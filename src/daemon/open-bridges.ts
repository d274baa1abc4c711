import type { Config } from "../config/config.ts";
import { BridgeRecords } from "./bridge-records.ts";
import { type BridgeContext, Bridges } from "./bridges.ts";
import { ownerOf } from "./owner.ts";

/** The bridges of a daemon, with what an earlier one left to be put back. */
export function openBridges(
  config: Pick<Config, "lcce">,
  context: Pick<BridgeContext, "links" | "log" | "limiter" | "hostUse">,
): Bridges {
  const records = BridgeRecords.open(config.lcce.controlSocket, (problem) =>
    context.log.warn({ event: "bridge", problem }, problem),
  );
  return new Bridges({ ...context, owner: ownerOf(config), records });
}
