import { type Command, InvalidArgumentError, Option } from "commander";
import type { StaticFormat } from "../../capture/data-message.ts";
import type { PacketRecord } from "../../capture/record.ts";
import type { L2SpecificSublayer } from "../../wire/session-parameters.ts";
import type { Shell } from "../shell.ts";

/** What `wirespan decode` is told besides its file. */
export interface DecodeOptions {
  readonly port?: number;
  readonly cookie?: "0" | "4" | "8";
  readonly sublayer?: L2SpecificSublayer;
  readonly secretFile?: readonly string[];
  readonly control?: boolean;
  readonly json?: boolean;
}

const HIGHEST_PORT = 65_535;

/** Adds `wirespan decode`. */
export function addDecode(program: Command, shell: Shell): void {
  program
    .command("decode")
    .description(
      "print every L2TPv3 packet of a capture file (pcap or pcapng): messages, AVPs, digests, frames",
    )
    .argument("<file>", "the capture, as written by tcpdump -w")
    .option("--port <number>", "UDP port of L2TP (default: 1701)", portOf)
    .addOption(
      new Option(
        "--cookie <octets>",
        "cookie of sessions whose set-up is not in the capture (default with --sublayer: 0)",
      ).choices(["0", "4", "8"]),
    )
    .addOption(
      new Option(
        "--sublayer <kind>",
        "L2-Specific Sublayer of such sessions (default with --cookie: none)",
      ).choices(["none", "default"]),
    )
    .option(
      "--secret-file <file>",
      "shared secret to check Message Digests and reveal hidden AVPs; may be given more than once",
      (file: string, files: readonly string[] | undefined) => [...(files ?? []), file],
    )
    .option("--control", "print control messages only")
    .option("--json", "print one JSON object per line; octets are hexadecimal")
    .action((file: string, options: DecodeOptions) => decodeCapture(file, options, shell));
}

/**
 * Prints what a capture holds. Throws SystemError for files that cannot be read, UnsupportedError without
 * libpcap.
 */
export async function decodeCapture(file: string, options: DecodeOptions, shell: Shell): Promise<void> {
  const [{ colours }, { decodeFile }, { recordText, summaryText }] = await Promise.all([
    import("../colours.ts"),
    import("../../capture/decode-file.ts"),
    import("../decode-text.ts"),
  ]);
  const isJson = options.json === true;
  const summary = await decodeFile(
    file,
    {
      port: options.port,
      staticFormat: staticFormatOf(options),
      secretFiles: options.secretFile ?? [],
      onNote: (note) => shell.error(`${note}\n`),
    },
    (record) => {
      if (options.control === true && !isControl(record)) return;
      shell.out(`${isJson ? JSON.stringify(record) : recordText(record, colours)}\n`);
    },
  );
  shell.out(`${isJson ? JSON.stringify(summary) : summaryText(summary)}\n`);
}

/** Whether it is a control message, or what is left of one. */
function isControl(record: PacketRecord): boolean {
  if (record.kind === "malformed" || record.kind === "truncated") return record.of === "control";
  return record.kind === "control";
}

function staticFormatOf({ cookie, sublayer }: DecodeOptions): StaticFormat | undefined {
  if (cookie === undefined && sublayer === undefined) return undefined;
  const cookieOctets = cookie === "8" ? 8 : cookie === "4" ? 4 : 0;
  return { cookieOctets, sublayer: sublayer ?? "none" };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= HIGHEST_PORT) return port;
  throw new InvalidArgumentError(`a port is a number from 1 to ${HIGHEST_PORT}.`);
}
