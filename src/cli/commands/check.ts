import type { Command } from "commander";
import { counted } from "../../bytes/counted.ts";
import { ignoreOperational } from "../../bytes/errors.ts";
import { adviceOn } from "../../config/advice.ts";
import type { Config } from "../../config/config.ts";
import type { Issue } from "../../config/issues.ts";
import type { RejectedConfig } from "../../daemon/configuration-file.ts";
import { checkAddOns } from "../../os/add-ons.ts";
import { CONFIGURATION_FILE } from "../default-file.ts";
import { exitCode, type Shell } from "../shell.ts";

/** Adds `wirespan check`. */
export function addCheck(program: Command, shell: Shell): void {
  program
    .command("check")
    .description("check a configuration and report every problem")
    .argument("[file]", "the YAML configuration", CONFIGURATION_FILE)
    .action((file: string) => check(file, shell));
}

/** Reports every problem of a file, and what it would wait for on this machine. Throws SystemError. */
async function check(file: string, shell: Shell): Promise<void> {
  const { loadConfig } = await import("../../daemon/configuration-file.ts");
  const loaded = loadConfig(file);
  if ("problems" in loaded) {
    for (const problem of loaded.problems) shell.error(`${problem}\n`);
    shell.exit(exitCode.badConfiguration);
    for (const line of await validPartNotes(loaded)) shell.error(`${line}\n`);
    return;
  }
  const { config, linesOf, files, notes } = loaded;
  shell.out(`OK: ${countsOf(config)}\n`);
  if (files.length > 1) for (const { file: one } of files) shell.out(`read: ${one}\n`);
  checkAddOns();
  for (const line of notes()) shell.error(`${line}\n`);
  for (const line of linesOf([...adviceOn(config), ...(await notesOn(config))])) shell.error(`${line}\n`);
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

/** Lines about what the valid parts of an invalid file would wait for on this machine. */
async function validPartNotes({ validParts }: RejectedConfig): Promise<readonly string[]> {
  if (validParts === undefined) return [];
  try {
    checkAddOns();
    return validParts.linesOf(await notesOn(validParts.config()));
  } catch (error) {
    ignoreOperational(error);
    // Why this machine cannot be examined is reported once the file is valid.
    return [];
  }
}

/** What a configuration would wait for on this machine. */
async function notesOn(config: Config): Promise<readonly Issue[]> {
  const [{ machineNotes }, { afterRelease }, { readHostNetwork }, { PathMtus }] = await Promise.all([
    import("../../daemon/machine-notes.ts"),
    import("../../daemon/bridge-records.ts"),
    import("../../os/host-network.ts"),
    import("../../os/path-mtus.ts"),
  ]);
  using routes = PathMtus.open();
  const interfaces = afterRelease(config, await readHostNetwork());
  return machineNotes(config, interfaces, (path) => routes.sendErrors([path])[0]);
}
