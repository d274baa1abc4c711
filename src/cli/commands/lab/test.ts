import { type Command, InvalidArgumentError } from "commander";
import { asFirstProcess } from "../../first-process.ts";
import type { Shell } from "../../shell.ts";
import { labArguments, withStartOptions } from "./options.ts";

/** Options of `lab test` as they are parsed. */
interface TestWords {
  readonly capture?: string;
  readonly keep?: boolean;
  readonly plane?: string;
  readonly timeout?: number;
  readonly only?: readonly number[];
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly junit?: string;
  readonly report?: string;
  readonly captures?: string;
}

function numbersOf(text: string): readonly number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError("wanted numbers, such as 2,5.");
  return text.split(",").map(Number);
}

/** Adds the options that say which checks are made, and what is written of them. */
function withResultOptions(command: Command): Command {
  return command
    .option(
      "--only <numbers>",
      "only these checks, counted from 1 as they stand in the topology, such as 2,5",
      numbersOf,
    )
    .option("--json", "print a JSON document with all results instead of text")
    .option("--verbose", "print the status of each daemon also where everything passed")
    .option("--junit <file>", "write the results as JUnit XML")
    .option("--report <file>", "write a report as one HTML file")
    .option(
      "--captures <folder>",
      "write the capture files of the topology's `captures` here (default: beside the report)",
    );
}

/** `wirespan lab test`. */
export function addLabTest(lab: Command, shell: Shell): void {
  const test = lab
    .command("test")
    .description("build a topology, make its checks, and take it down; if it is up, only make its checks")
    .argument(...labArguments.topology)
    .option("--capture <file>", "write the traffic of the first network to a pcap file")
    .option("--keep", "leave the lab up");
  withResultOptions(withStartOptions(test)).action(async (topology: string, options: TestWords) => {
    const { testLab } = await import("../../../lab/lab.ts");
    shell.exit(await testLab(topology, options));
  });
}

/** What `wirespan lab test` starts inside the lab's own namespaces. */
export function addLabTestInside(inside: Command, shell: Shell): void {
  const line = (text: string): void => shell.out(`${text}\n`);
  const test = inside.command("test <topology>").option("--capture <file>");
  withResultOptions(withStartOptions(test)).action((topology: string, options: TestWords) =>
    asFirstProcess(shell, async () => {
      const { testInside } = await import("../../../lab/inside.ts");
      const { statusText } = await import("../../status/overview.ts");
      return testInside(topology, line, statusText, options);
    }),
  );
  const warn = (text: string): void => shell.error(`${text}\n`);
  const check = inside.command("check <topology>");
  withResultOptions(withStartOptions(check)).action(async (topology: string, options: TestWords) => {
    const { checkInside } = await import("../../../lab/inside.ts");
    const { readTopology } = await import("../../../lab/format/read.ts");
    const { statusText } = await import("../../status/overview.ts");
    shell.exit(await checkInside(readTopology(topology, warn), line, statusText, options));
  });
}
