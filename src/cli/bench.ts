import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Shell } from "./program.ts";

/** Words of the bench commands, as they are handed on to the lab's own namespaces. */
interface BenchWords {
  readonly repetitions: string;
  readonly seconds: string;
  readonly only?: string;
  readonly measures?: string;
  readonly sessions?: string;
  readonly json?: string;
}

function positive(text: string): string {
  if (!(Number(text) > 0)) throw new InvalidArgumentError("wanted a number above 0");
  return text;
}

function pattern(text: string): string {
  try {
    new RegExp(text);
    return text;
  } catch {
    throw new InvalidArgumentError("wanted a regular expression");
  }
}

function options(command: Command): Command {
  return command
    .option("--repetitions <n>", "rounds through all candidates", positive, "3")
    .option("--seconds <s>", "of each measurement, about", positive, "3")
    .option("--only <pattern>", "candidates beside the baselines, a regular expression", pattern)
    .option("--measures <pattern>", "keys of measures, a regular expression", pattern)
    .option(
      "--sessions <list>",
      "instead: set-up time, memory and speed with so many sessions, such as 1,1000,10000",
    )
    .option("--json <file>", "write all single results to a file");
}

/** `wirespan lab bench`. */
export function addBench(lab: Command, shell: Shell): void {
  options(
    lab
      .command("bench")
      .description(
        "measure Wirespan beside plain bridging, kernel VXLAN and OpenVPN (needs root and iperf3)",
      ),
  ).action(async ({ json, ...words }: BenchWords) => {
    const { benchLab } = await import("../lab/lab.ts");
    const given = { ...words, ...(json === undefined ? {} : { json: resolve(json) }) };
    shell.exit(await benchLab(Object.entries(given).flatMap(([key, value]) => [`--${key}`, value])));
  });
}

/** What it starts inside namespaces of its own. */
export function addBenchInside(inside: Command, line: (text: string) => void, shell: Shell): void {
  options(inside.command("bench")).action(async (words: BenchWords) => {
    const { only, measures, sessions, json } = words;
    const [repetitions, seconds] = [Number(words.repetitions), Number(words.seconds)];
    if (sessions !== undefined) {
      const { benchSessions } = await import("../lab/bench/sessions.ts");
      return shell.exit(
        await benchSessions({ counts: sessions.split(",").map(Number), seconds, json }, line),
      );
    }
    const { benchInside } = await import("../lab/bench/bench.ts");
    const regular = (text: string | undefined) => (text === undefined ? undefined : new RegExp(text));
    const chosen = { only: regular(only), measures: regular(measures) };
    shell.exit(await benchInside({ repetitions, seconds, json, ...chosen }, line));
  });
}
