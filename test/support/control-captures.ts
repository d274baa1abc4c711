import { run } from "../../src/lab/command.ts";
import { wirespan } from "./lab.ts";

/** A control message of a capture, as `wirespan decode --json` tells it. */
export interface CapturedMessage {
  readonly number: number;
  readonly message: string | null;
  readonly controlConnectionId: number;
  readonly avps: readonly {
    readonly name: string | null;
    readonly value: string;
    readonly revealed: string | null;
    readonly digest: string | null;
  }[];
}

/** The control messages of a capture, with digests checked by the secret in a file. */
export async function controlMessages(
  capture: string,
  secretFile: string,
): Promise<readonly CapturedMessage[]> {
  const { stdout, status } = await wirespan(
    "decode",
    capture,
    "--json",
    "--control",
    "--secret-file",
    secretFile,
  );
  if (status !== 0) throw new Error(`decode ${capture}: exit status ${status}`);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as CapturedMessage & { kind: string });
  return lines.filter(({ kind }) => kind === "control");
}

/** The connection id that the sender of an SCCRQ assigned; undefined for other messages. */
function opens({ message, avps }: CapturedMessage): number | undefined {
  const assigned = avps.find(({ name }) => name === "assignedControlConnectionId");
  if (message !== "SCCRQ" || assigned === undefined) return undefined;
  return Number.parseInt(assigned.revealed ?? assigned.value, 16);
}

/**
 * Parts of a capture in which each end has one nonce: the messages of each attempt that came to nothing, and all the others.
 * Both ends may open at once (RFC 3931 §5.4.3), and tshark remembers but one nonce for each direction.
 */
export function attempts(messages: readonly CapturedMessage[]): readonly (readonly CapturedMessage[])[] {
  const answered = new Set(
    messages.filter(({ message }) => message === "SCCRP").map((sccrp) => sccrp.controlConnectionId),
  );
  const opened = messages.map(opens).filter((id) => id !== undefined);
  const lost = new Map(opened.filter((id) => !answered.has(id)).map((id) => [id, [] as CapturedMessage[]]));
  const rest: CapturedMessage[] = [];
  for (const message of messages) {
    (lost.get(opens(message) ?? message.controlConnectionId) ?? rest).push(message);
  }
  return [...lost.values(), rest];
}

/** Frame numbers that tshark shows under a filter. */
export async function tsharkShows(
  capture: string,
  filter: string,
  secret: string,
): Promise<readonly number[]> {
  const words = [
    "-r",
    capture,
    "-o",
    `l2tp.shared_secret:${secret}`,
    "-Y",
    filter,
    "-T",
    "fields",
    "-e",
    "frame.number",
  ];
  const { stdout } = await run(["tshark", ...words], { timeoutMs: 60_000 });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** Writes the frames with these numbers to a capture of their own. */
export async function extract(capture: string, numbers: readonly number[], into: string): Promise<void> {
  await run(["tshark", "-r", capture, "-w", into, "-Y", `frame.number in {${numbers.join(", ")}}`], {
    timeoutMs: 60_000,
  });
}
