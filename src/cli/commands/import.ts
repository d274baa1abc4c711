import { type Command, Option } from "commander";
import { type ImportFormat, importFormats, LONGEST_IMPORT } from "../../other-ends/import/formats.ts";
import { exitCode, type Shell } from "../shell.ts";

interface ImportArguments {
  readonly from: ImportFormat | "auto";
}

const help = `
Examples:
  (ip -j l2tp show tunnel; ip -j l2tp show session) | wirespan import
  wirespan import tunnels.sh > wirespan.yaml      a script of ip l2tp add
  wirespan import router.cfg --from cisco-ios     what Wirespan has to be in place of that router

What is not taken over is told on standard error, each line with its number.
Exit codes: 0 done, 1 something that a tunnel needs is missing.`;

/** Adds `wirespan import`. */
export function addImport(program: Command, shell: Shell): void {
  program
    .command("import")
    .description("print our configuration for what ip l2tp, Cisco IOS or VyOS has at this end")
    .argument("[file]", "what to read; - or nothing: standard input", "-")
    .addOption(
      new Option("--from <format>", "what it is").choices(["auto", ...importFormats]).default("auto"),
    )
    .addHelpText("after", help)
    .action((file: string, options: ImportArguments) => importFile(file, options, shell));
}

/** Rejects with SystemError for a file that cannot be read. */
async function importFile(file: string, { from }: ImportArguments, shell: Shell): Promise<void> {
  const [{ readStart }, { importConfig }] = await Promise.all([
    import("../../os/files.ts"),
    import("../../other-ends/import/import-config.ts"),
  ]);
  const isInput = file === "-";
  // UTF-8 has up to four octets for a character: a longer text is refused by its length.
  const octets = await readStart(isInput ? undefined : file, 4 * LONGEST_IMPORT + 4);
  const text = octets.toString("utf8");
  const name = isInput ? "standard input" : file;
  const imported = importConfig(text, name, from === "auto" ? undefined : from);
  for (const line of imported.lines) shell.error(`${line}\n`);
  if (imported.text !== undefined) shell.out(imported.text);
  if (!imported.isComplete) shell.exit(exitCode.failed);
}
