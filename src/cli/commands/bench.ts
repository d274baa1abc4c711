import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Shell } from "../shell.ts";

/** Words of the bench commands, as they are handed on to the lab's own namespaces. */
interface BenchArguments {
  readonly repetitions: string;
  readonly seconds: string;
  readonly congestion?: string;
  readonly only?: string;
  readonly measures?: string;
  readonly sessions?: string;
  readonly lookup?: string;
  readonly planes: string;
  readonly from?: string;
  readonly json?: string;
  readonly markdown?: string;
  readonly plot?: string;
  readonly document?: string;
  readonly part?: string;
}

/** Options that name files, from where the command was given. */
const files: readonly string[] = ["from", "json", "markdown", "plot", "document"];

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

function counts(text: string): string {
  for (const count of text.split(",")) positive(count);
  return text;
}

function options(command: Command): Command {
  return command
    .option("--repetitions <n>", "rounds through all candidates", positive, "5")
    .option("--seconds <s>", "of each measurement, about", positive, "3")
    .option(
      "--congestion <name>",
      "what TCP flows go by, such as cubic or bbr; default: what the machine's do",
    )
    .option("--only <pattern>", "candidates beside the baselines, a regular expression", pattern)
    .option("--measures <pattern>", "keys of measures, a regular expression", pattern)
    .option(
      "--sessions <list>",
      "instead: set-up time, memory and speed with so many sessions, such as 1,1000,10000",
      counts,
    )
    .option("--lookup <list>", "instead: speed of one session of so many, such as 1,10000,100000", counts)
    .addOption(
      new Option("--planes <which>", "planes for --sessions and --lookup")
        .choices(["userspace", "ebpf", "both"])
        .default("both"),
    )
    .option("--from <file>", "instead: write the results of an earlier run anew, from its --json file")
    .option("--json <file>", "write all single results to a file")
    .option("--markdown <file>", "write the tables to a file, in Markdown")
    .option("--plot <file>", "draw the ratios to the plain bridge into a file, as SVG")
    .option("--document <file>", "write the tables into a Markdown file, between its marks")
    .option("--part <name>", "marks of the document to write between; default: those of what is measured");
}

/** `wirespan lab bench`. */
export function addBench(lab: Command, shell: Shell): void {
  options(
    lab
      .command("bench")
      .description(
        "measure Wirespan beside plain bridging, the kernel's tunnels and OpenVPN (needs root and iperf3)",
      ),
  ).action(async (given: BenchArguments) => {
    const { benchLab } = await import("../../lab/lab.ts");
    const args = Object.entries(given).flatMap(([key, value]) => [
      `--${key}`,
      files.includes(key) ? resolve(value) : value,
    ]);
    shell.exit(await benchLab(args));
  });
}

/** What it starts inside namespaces of its own. */
export function addBenchInside(inside: Command, line: (text: string) => void, shell: Shell): void {
  options(inside.command("bench")).action(async (given: BenchArguments) => {
    shell.exit(await measure(given, line));
  });
}

async function measure(given: BenchArguments, line: (text: string) => void): Promise<number> {
  const [repetitions, seconds] = [Number(given.repetitions), Number(given.seconds)];
  const { json, markdown, plot, document, part } = given;
  const output = { json, markdown, plot, document, part };
  if (given.from !== undefined) {
    const { writeAgain } = await import("../../lab/bench/output.ts");
    return await writeAgain(given.from, output);
  }
  const numbers = (list: string) => list.split(",").map(Number);
  const planes = (["userspace", "ebpf"] as const).filter((name) => [name, "both"].includes(given.planes));
  if (given.sessions !== undefined) {
    const { benchSessions } = await import("../../lab/bench/sessions.ts");
    return await benchSessions({ counts: numbers(given.sessions), planes, seconds, ...output }, line);
  }
  if (given.lookup !== undefined) {
    const { benchLookup } = await import("../../lab/bench/lookup.ts");
    return await benchLookup(
      { counts: numbers(given.lookup), planes, seconds, repetitions, ...output },
      line,
    );
  }
  const { benchInside } = await import("../../lab/bench/bench.ts");
  const regular = (text: string | undefined) => (text === undefined ? undefined : new RegExp(text));
  const { congestion } = given;
  const chosen = { congestion, only: regular(given.only), measures: regular(given.measures) };
  return await benchInside({ repetitions, seconds, ...chosen, ...output }, line);
}
