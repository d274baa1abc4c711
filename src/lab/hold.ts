import { buildLab } from "./build.ts";
import { readTopology } from "./format/read.ts";
import type { LabOptions } from "./inside.ts";
import { nameNodes } from "./node-names.ts";
import { Programs } from "./programs/programs.ts";
import { quietMsOf, untilSessionsUp } from "./sessions.ts";
import type { LabMessage } from "./starter.ts";
import { logProgram } from "./supervisor/lab-log.ts";
import { Supervisor } from "./supervisor/supervisor.ts";

/** The first process of a lab that stays: it holds the namespaces, starts programs, and answers commands. */

/** Builds a topology and keeps it until SIGTERM; `say` is told of what comes up, and when that is all. */
export async function holdLab(
  path: string,
  { plane, timeout }: LabOptions,
  say: (message: LabMessage) => void,
): Promise<number> {
  const topology = readTopology(path);
  const ended = new Promise<void>((resolve) => {
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  const lab = await Promise.race([buildLab(topology), ended]);
  if (lab === undefined) return 0;
  await using programs = new Programs(topology, { plane, changed: logProgram });
  await new Supervisor(lab, programs).serve();
  const told = (progress: string): void => say({ progress });
  const start = async () => {
    await programs.startAll();
    return untilSessionsUp(topology, { programs, quietMs: quietMsOf(topology, timeout), told });
  };
  const result = await Promise.race([start(), ended]);
  if (result === undefined) return 0;
  await nameNodes(topology);
  say({ isReady: true, problems: result.problems });
  await ended;
  return 0;
}
