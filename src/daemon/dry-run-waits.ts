import type { PlanStep } from "../config/plan.ts";
import { pathText } from "../config/yaml-text.ts";
import { readHostNetwork } from "../os/host-network.ts";
import { PathMtus } from "../os/path-mtus.ts";
import { afterRelease } from "./bridge-records.ts";
import { type MachineNote, machineNotes } from "./machine-notes.ts";
import type { ReloadPlan } from "./reload.ts";

/**
 * What the new tunnels and pseudowires of a plan would wait for on this machine, a line each: as far as it is
 * known without opening them. Rejects with SystemError.
 */
export async function planWaits({ config, steps }: ReloadPlan): Promise<readonly string[]> {
  if (steps.every(({ action }) => action !== "create" && action !== "replace")) return [];
  using routes = PathMtus.open();
  const interfaces = afterRelease(config, await readHostNetwork());
  const notes = machineNotes(config, interfaces, (path) => routes.sendErrors([path])[0]);
  return notes
    .filter((note) => note.isWaiting && isOpenedBy(steps, note))
    .map(({ path, message }) => `${pathText(path)}: ${message}`);
}

/** Whether a note is about something that the steps open. */
function isOpenedBy(
  steps: readonly PlanStep[],
  { path: [part, tunnel, , pseudowire] }: MachineNote,
): boolean {
  return steps.some(({ kind, action, name }) => {
    if (action !== "create" && action !== "replace") return false;
    if (kind === "lcce") return part === "tunnels";
    if (kind === "bridge") return part === "bridges" && name === tunnel;
    return part === "tunnels" && name === (kind === "tunnel" ? tunnel : pseudowire);
  });
}
