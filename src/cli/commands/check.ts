import type { Command } from "commander";
import { counted } from "../../bytes/counted.ts";
import { ignoreOperational } from "../../bytes/errors.ts";
import { adviceOn } from "../../config/advice.ts";
import type { Config } from "../../config/config.ts";
import type { Issue } from "../../config/issues.ts";
import type { Finding } from "../../doctor/examine.ts";
import { checkAddOns } from "../../os/add-ons.ts";
import { defaultSocket } from "../daemon-socket.ts";
import { CONFIGURATION_FILE } from "../default-file.ts";
import { exitCode, type Shell } from "../shell.ts";

interface CheckArguments {
  readonly here?: boolean;
}

const help = `
Without --here the answer is of the file alone, the same on every machine. With it, what the file needs and
this machine does not have is told too, each with the key of the file that it is about.

Exit codes: 0 in order, 3 invalid; with --here 1 where something of a valid file cannot work here.`;

/** Adds `wirespan check`. */
export function addCheck(program: Command, shell: Shell): void {
  program
    .command("check")
    .description("check a configuration and report every problem")
    .argument("[file]", "the YAML configuration", CONFIGURATION_FILE)
    .option("--here", "compare it with this machine too, as doctor does")
    .addHelpText("after", help)
    .action((file: string, { here = false }: CheckArguments) => check(file, here, shell));
}

/** Reports every problem of a file, and if wanted those of this machine with it. Throws SystemError. */
async function check(file: string, isHere: boolean, shell: Shell): Promise<void> {
  const { loadConfig } = await import("../../daemon/configuration-file.ts");
  const loaded = loadConfig(file);
  if ("problems" in loaded) {
    for (const problem of loaded.problems) shell.error(`${problem}\n`);
    shell.exit(exitCode.badConfiguration);
    const found = isHere ? await foundIfPossible(file) : [];
    for (const line of loaded.validParts?.linesOf(found.map(issueOf)) ?? []) shell.error(`${line}\n`);
    return;
  }
  const { config, linesOf, files, notes } = loaded;
  shell.out(`OK: ${countsOf(config)}\n`);
  if (files.length > 1) for (const { file: one } of files) shell.out(`read: ${one}\n`);
  const found = isHere ? await findingsHere(file) : [];
  if (found.some(({ severity }) => severity === "error")) shell.exit(exitCode.failed);
  for (const line of notes()) shell.error(`${line}\n`);
  for (const line of linesOf([...adviceOn(config), ...found.map(issueOf)])) shell.error(`${line}\n`);
}

/** How many tunnels and pseudowires there are, and how many of them are disabled. */
function countsOf({ tunnels, disabled }: Config): string {
  const within = (all: Config["tunnels"]) =>
    all.reduce((sum, { pseudowires }) => sum + pseudowires.length, 0);
  const text = (ofTunnels: number, ofPseudowires: number) =>
    `${counted(ofTunnels, "tunnel")}, ${counted(ofPseudowires, "pseudowire")}`;
  const off = [disabled.tunnels.length, within(disabled.tunnels) + disabled.pseudowires.length] as const;
  const all = text(tunnels.length + off[0], within(tunnels) + off[1]);
  return off[0] + off[1] === 0 ? all : `${all}; disabled: ${text(...off)}`;
}

/** Of the valid parts of an invalid file; why this machine cannot be examined is told once it is valid. */
async function foundIfPossible(file: string): Promise<readonly Finding[]> {
  try {
    return await findingsHere(file);
  } catch (error) {
    ignoreOperational(error);
    return [];
  }
}

/** What doctor finds about keys of a file, but for what is only worth knowing. */
async function findingsHere(file: string): Promise<readonly Finding[]> {
  checkAddOns();
  const [{ gather }, { examine }] = await Promise.all([
    import("../../doctor/gather.ts"),
    import("../../doctor/examine.ts"),
  ]);
  const { facts } = await gather({ file, defaultSocket: defaultSocket(), isThorough: false });
  return examine(facts).findings.filter(
    ({ path, check, severity }) => path !== undefined && check !== "file" && severity !== "note",
  );
}

function issueOf({ path = [], what, commands, advice }: Finding): Issue {
  const remedy =
    commands.length > 0 ? `; run: ${commands.join(" && ")}` : advice === undefined ? "" : `; ${advice}`;
  return { path, message: `on this machine: ${what}${remedy}` };
}
