import type { Command } from "commander";
import type { Shell } from "../shell.ts";
import { addLabAdd } from "./lab/add.ts";
import { addLabCapture } from "./lab/capture.ts";
import { addLabCheck } from "./lab/check.ts";
import { addLabDown } from "./lab/down.ts";
import { addLabDraw } from "./lab/draw.ts";
import { addLabExec } from "./lab/exec.ts";
import { addLabExercise } from "./lab/exercise.ts";
import { addLabExport } from "./lab/export.ts";
import { addLabForget } from "./lab/forget.ts";
import { addLabInside } from "./lab/inside.ts";
import { addLabLink } from "./lab/link.ts";
import { addLabLogs } from "./lab/logs.ts";
import { addLabPrograms } from "./lab/programs.ts";
import { addLabStatus } from "./lab/status.ts";
import { addLabTest } from "./lab/test.ts";
import { addLabUp } from "./lab/up.ts";

const description =
  "build sites with hosts, switches and daemons in network namespaces of this machine; " +
  "needs no root where the kernel allows it";

/** `wirespan lab`: topologies in network namespaces of this machine. */
export function addLab(program: Command, shell: Shell): void {
  const lab = program.command("lab").description(description);
  addLabTest(lab, shell);
  addLabUp(lab, shell);
  addLabDown(lab);
  addLabStatus(lab, shell);
  addLabExec(lab, shell);
  addLabLogs(lab, shell);
  addLabPrograms(lab, shell);
  addLabLink(lab, shell);
  addLabForget(lab);
  addLabCapture(lab, shell);
  addLabAdd(lab, shell);
  addLabCheck(lab, shell);
  addLabExercise(lab, shell);
  addLabDraw(lab, shell);
  addLabExport(lab, shell);
  addLabInside(lab, shell);
}
