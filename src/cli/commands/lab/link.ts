import type { Command } from "commander";
import type { LinkRequest } from "../../../lab/supervisor/api.ts";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

interface LinkOptions extends Readonly<Record<string, string | boolean | undefined>> {
  readonly down?: boolean;
  readonly up?: boolean;
  readonly clear?: boolean;
  readonly out?: boolean;
  readonly in?: boolean;
}

/** TABLE: conditions as options; src/lab/links/conditions.ts says what each one means. */
const conditions = [
  ["delay", "time that each frame takes, such as 50ms"],
  ["jitter", "how much the delay varies, such as 5ms"],
  ["loss", "share of the frames that are lost, such as 1%"],
  ["duplicate", "share of the frames that arrive twice"],
  ["reorder", "share of the frames that skip the delay"],
  ["rate", "such as 10mbit"],
  ["queue", "frames that may wait for the rate"],
] as const;

/** Adds `wirespan lab link`. */
export function addLabLink(lab: Command, shell: Shell): void {
  const command = lab
    .command("link")
    .description("change what is on a link while frames flow; conditions that are not given stay")
    .argument(...labArguments.lab)
    .argument("<link>", "NODE.PORT, or NODE of a node with one port");
  for (const [key, help] of conditions) command.option(`--${key} <value>`, help);
  command
    .option("--out", "only from the node into the network")
    .option("--in", "only from the network to the node")
    .option("--clear", "take all former conditions away")
    .option("--down", "take the carrier away at both ends")
    .option("--up", "give it back")
    .action(async (name: string, link: string, options: LinkOptions) => {
      const { askLab } = await import("../../../lab/supervisor/client.ts");
      const { requireLab } = await import("../../../lab/running.ts");
      const { linkStateLines } = await import("../../lab-status-text.ts");
      const report = await askLab(requireLab(name), "link", requestOf(link, options));
      for (const line of linkStateLines(report)) shell.out(`${line}\n`);
    });
}

function requestOf(link: string, options: LinkOptions): LinkRequest {
  const given = conditions.flatMap(([key]) => {
    const value = options[key];
    return typeof value === "string" ? [[key, value] as const] : [];
  });
  const { out = false, in: back = false, clear = false, down, up } = options;
  return {
    link,
    direction: out === back ? "both" : out ? "out" : "in",
    conditions: Object.fromEntries(given),
    clear,
    down: down === true ? true : up === true ? false : undefined,
  };
}
