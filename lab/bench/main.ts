import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { inNewNamespaces, onTerminal, whileThisRuns } from "../../src/lab/namespaces.ts";

/**
 * The benchmark as a program, started by lab/bench/run.sh: measures Wirespan beside plain bridging, the
 * kernel's tunnels and OpenVPN, in network namespaces of its own. Needs root and iperf3.
 */

/** Options as they are given. */
interface BenchArguments {
  /** Whether this process is inside the namespaces already. */
  readonly inside?: boolean;
  readonly repetitions: string;
  readonly seconds: string;
  readonly congestion?: string;
  readonly only?: string;
  readonly measures?: string;
  readonly sessions?: string;
  readonly tunnels?: string;
  readonly lookup?: string;
  readonly scrapes?: string;
  readonly planes: string;
  readonly from?: string;
  readonly json?: string;
  readonly markdown?: string;
  readonly plot?: string;
  readonly document?: string;
  readonly part?: string;
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

function counts(text: string): string {
  for (const count of text.split(",")) positive(count);
  return text;
}

function withOptions(command: Command): Command {
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
    .option(
      "--tunnels <list>",
      "instead: set-up time and memory of a hub with so many tunnels, such as 100,1000",
      counts,
    )
    .option("--lookup <list>", "instead: speed of one session of so many, such as 1,10000,100000", counts)
    .option(
      "--scrapes <list>",
      "instead: what reading the metrics of so many sessions each second costs, such as 1000,10000",
      counts,
    )
    .addOption(
      new Option("--planes <which>", "planes for --sessions, --tunnels, --lookup and --scrapes")
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

async function measure(given: BenchArguments, line: (text: string) => void): Promise<number> {
  const [repetitions, seconds] = [Number(given.repetitions), Number(given.seconds)];
  const { json, markdown, plot, document, part } = given;
  const output = { json, markdown, plot, document, part };
  if (given.from !== undefined) {
    const { writeAgain } = await import("./output.ts");
    return await writeAgain(given.from, output);
  }
  const numbers = (list: string) => list.split(",").map(Number);
  const planes = (["userspace", "ebpf"] as const).filter((name) => [name, "both"].includes(given.planes));
  if (given.sessions !== undefined) {
    const { benchSessions } = await import("./sessions.ts");
    return await benchSessions({ counts: numbers(given.sessions), planes, seconds, ...output }, line);
  }
  if (given.tunnels !== undefined) {
    const { benchTunnels } = await import("./tunnels.ts");
    return await benchTunnels({ counts: numbers(given.tunnels), planes, ...output }, line);
  }
  if (given.lookup !== undefined) {
    const { benchLookup } = await import("./lookup.ts");
    return await benchLookup(
      { counts: numbers(given.lookup), planes, seconds, repetitions, ...output },
      line,
    );
  }
  if (given.scrapes !== undefined) {
    const { benchScrapes } = await import("./scrapes.ts");
    return await benchScrapes({ counts: numbers(given.scrapes), planes, seconds, ...output }, line);
  }
  const { benchInside } = await import("./bench.ts");
  const regular = (text: string | undefined) => (text === undefined ? undefined : new RegExp(text));
  const { congestion } = given;
  const chosen = { congestion, only: regular(given.only), measures: regular(given.measures) };
  return await benchInside({ repetitions, seconds, ...chosen, ...output }, line);
}

const line = (text: string): void => console.log(text);
const program = withOptions(new Command("lab/bench/run.sh"))
  .description("measure Wirespan beside plain bridging, the kernel's tunnels and OpenVPN")
  .addOption(new Option("--inside").hideHelp())
  .action(async (given: BenchArguments) => {
    const command = [process.execPath, fileURLToPath(import.meta.url), "--inside", ...process.argv.slice(2)];
    const isHere = given.inside === true || given.from !== undefined;
    process.exitCode = isHere
      ? await measure(given, line)
      : await onTerminal(whileThisRuns(inNewNamespaces(command)));
  });
try {
  await program.parseAsync();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
