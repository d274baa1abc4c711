import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { OperationalError } from "../bytes/errors.ts";
import { printableBlock } from "../bytes/printable-text.ts";
import { type LogLineText, readLogLine } from "./log-text.ts";
import { LAB_LOG } from "./nodes.ts";
import { isRunning, type RunningLab, requireLab } from "./running.ts";
import type { LabReport } from "./supervisor/api.ts";
import { askLab } from "./supervisor/client.ts";

/** The logs of a lab that is up, as lines of text. */

const PAUSE_MS = 200;
const CHUNK_OCTETS = 65_536;

/** What is shown of logs. */
export interface LogOptions {
  /** Whether what is to come is shown too, until the lab ends. */
  readonly follow?: boolean;
  /** Whether details are shown. */
  readonly debug?: boolean;
}

/** A file whose lines are read as they come. */
class GrowingFile {
  readonly #path: string;
  #offset = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** The lines that are complete, and were not read before. */
  read(): readonly string[] {
    // A program that was not started yet has none; a lab that has ended has none any more.
    if (!existsSync(this.#path)) return [];
    const file = openSync(this.#path, "r");
    const octets = Buffer.alloc(CHUNK_OCTETS);
    const pieces: Buffer[] = [];
    for (;;) {
      const length = readSync(file, octets, 0, CHUNK_OCTETS, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      pieces.push(Buffer.from(octets.subarray(0, length)));
    }
    closeSync(file);
    const lines = (this.#rest + Buffer.concat(pieces).toString("utf8")).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines;
  }
}

/** The lines of the logs of a node, or of all, in the order of their times. */
export async function* readLogs(
  nameOrPath: string,
  node: string | undefined,
  { follow = false, debug = false }: LogOptions,
): AsyncGenerator<string> {
  const lab = requireLab(nameOrPath);
  const files = filesOf(await askLab(lab, "status", {}), lab, node);
  for (;;) {
    const isLast = !follow || !isRunning(lab);
    const lines = files.flatMap(({ subject, file }) => inOrder(file.read(), subject));
    for (const { subject, line } of lines.sort((a, b) => compare(a.time, b.time))) {
      const isOther = node !== undefined && line.node !== undefined && line.node !== node;
      if (!isOther && (debug || line.level !== "debug")) yield lineText(subject, line);
    }
    if (isLast) return;
    await pause(PAUSE_MS);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface SubjectFile {
  /** What its lines begin with. */
  readonly subject: string;
  readonly file: GrowingFile;
}

function filesOf({ nodes }: LabReport, lab: RunningLab, node: string | undefined): readonly SubjectFile[] {
  const found = nodes.filter(({ name }) => node === undefined || name === node);
  if (found.length === 0) {
    const known = nodes.map(({ name }) => name).join(", ");
    throw new OperationalError(`logs of node ${node} of lab ${lab.name}: there are ${known}`);
  }
  const open = (path: string) => new GrowingFile(`/proc/${lab.pid}/root${path}`);
  const ofPrograms = found.flatMap(({ name, programs }) =>
    programs.map((program) => ({
      subject: programs.length > 1 ? `${name} ${program.name}` : name,
      file: open(program.log),
    })),
  );
  return [{ subject: "lab", file: open(LAB_LOG) }, ...ofPrograms];
}

/** Lines with the times that they are sorted by: one without its own has that of the line before. */
function inOrder(
  lines: readonly string[],
  subject: string,
): { readonly subject: string; readonly time: string; readonly line: LogLineText }[] {
  let last = "";
  return lines.map((text) => {
    const line = readLogLine(text);
    last = line.time === "" ? last : line.time;
    return { subject, time: last, line };
  });
}

function lineText(subject: string, { time, level, text }: LogLineText): string {
  const parts = [
    subject,
    ...(time === "" ? [] : [time.slice(11, 23)]),
    ...(level === "" ? [] : [level]),
    printableBlock(text, "  "),
  ];
  return parts.join("  ");
}
