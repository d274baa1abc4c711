import { type Command, InvalidArgumentError } from "commander";
import { OperationalError } from "../../bytes/errors.ts";
import type { CaptureRequest } from "../../daemon/capture-request.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface CaptureArguments {
  readonly write?: string;
  readonly psn?: boolean;
  readonly psnOnly?: boolean;
  readonly count?: number;
  readonly snaplen?: number;
  readonly duration?: number;
  readonly socket: string;
}

const examples = `
Examples:
  wirespan capture lan | wireshark -k -i -       show frames as they pass
  wirespan capture lan -w lan.pcapng             write a file, until interrupted
  wirespan capture lan arp or icmp | tcpdump -r -
  wirespan capture lan --psn -c 100 -w both.pcapng
                                                 with the L2TP packets that carry them, 100 of both`;

/** Adds `wirespan capture`. */
export function addCapture(program: Command, shell: Shell): void {
  const command = program
    .command("capture")
    .description("capture the frames of a pseudowire of a running daemon as pcapng (docs/capture.md)")
    .argument("<pseudowire>", "its name")
    .argument("[filter...]", "which frames, as for tcpdump; default: all")
    .option("-w, --write <file>", "write to this file, not to standard output")
    .option("--psn", "also the L2TP packets that carry them, and the tunnel's control messages")
    .option("--psn-only", "those alone")
    .option("-c, --count <number>", "end after so many frames and packets", countOf)
    .option("-s, --snaplen <octets>", "keep so many octets of each; 0, and the default: all", snapOctetsOf)
    .option("--duration <seconds>", "end after this time", durationOf)
    .addHelpText("after", examples);
  withSocket(command).action((name: string, filter: string[], options: CaptureArguments) =>
    capture(name, filter.join(" "), options, shell),
  );
}

/** Rejects as `openCapture` does, and with OperationalError for a filter or an output that cannot be used. */
async function capture(name: string, filter: string, options: CaptureArguments, shell: Shell): Promise<void> {
  if (options.write === undefined && process.stdout.isTTY)
    throw new OperationalError(
      "write a capture to a terminal: its octets are not for reading; give a file by -w, " +
        `or a reader: wirespan capture ${name} | wireshark -k -i -`,
    );
  const [{ receiveCapture }, request] = await Promise.all([
    import("../receive-capture.ts"),
    requestOf(name, filter, options),
  ]);
  const end = await withAdvice(receiveCapture(options.socket, request, options.write, ANSWER_MS));
  shell.error(`${end.text}\n`);
  if (!end.isAsked) shell.exit(exitCode.failed);
}

async function requestOf(name: string, text: string, options: CaptureArguments): Promise<CaptureRequest> {
  const { MOST_SNAP_OCTETS } = await import("../../daemon/capture-request.ts");
  const { psn = false, psnOnly = false, count, snaplen = 0, duration } = options;
  if (psnOnly && text !== "")
    throw new OperationalError(
      "filter packets of --psn-only: a filter is for frames; leave it out, or give --psn",
    );
  const filter = text === "" ? undefined : (await import("../../os/filter-compiler.ts")).compileFilter(text);
  return {
    pseudowire: name,
    frames: !psnOnly,
    psn: psn || psnOnly,
    snapOctets: snaplen === 0 ? MOST_SNAP_OCTETS : snaplen,
    count,
    durationMs: duration === undefined ? undefined : Math.ceil(duration * 1000),
    filter,
    filterText: text === "" ? undefined : text,
  };
}

const snapRange = { least: 14, most: 262_144 } as const;
/** What a timer of the daemon takes, some 24 days. */
const MOST_SECONDS = 2_147_483;

function countOf(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && Number.isSafeInteger(count)) return count;
  throw new InvalidArgumentError("wanted a number from 1 on.");
}

function snapOctetsOf(text: string): number {
  const octets = Number(text);
  const { least, most } = snapRange;
  if (/^\d+$/.test(text) && (octets === 0 || (octets >= least && octets <= most))) return octets;
  throw new InvalidArgumentError(`wanted octets, from ${least} to ${most}, or 0 for all.`);
}

function durationOf(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds > 0 && seconds <= MOST_SECONDS) return seconds;
  throw new InvalidArgumentError(`wanted seconds, up to ${MOST_SECONDS}.`);
}
