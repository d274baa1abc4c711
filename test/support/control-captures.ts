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

/** The connection id that the sender of a message assigned in it; undefined where it is not told. */
function assignedId({ avps }: CapturedMessage): number | undefined {
  const assigned = avps.find(({ name }) => name === "assignedControlConnectionId");
  return assigned === undefined ? undefined : Number.parseInt(assigned.revealed ?? assigned.value, 16);
}

/**
 * The messages of a capture, parted by control connection, attempts that came to nothing among them. Both
 * ends may open at once (RFC 3931 §5.4.3), and tshark remembers but one nonce for each direction.
 */
export function connections(messages: readonly CapturedMessage[]): readonly (readonly CapturedMessage[])[] {
  const byId = new Map<number, CapturedMessage[]>();
  for (const message of messages) {
    const own = assignedId(message);
    const opening = message.message === "SCCRQ" && own !== undefined;
    const id = opening ? own : message.controlConnectionId;
    const connection = byId.get(id) ?? [];
    connection.push(message);
    byId.set(id, connection);
    if (message.message === "SCCRP" && own !== undefined) byId.set(own, connection);
  }
  return [...new Set(byId.values())];
}

/**
 * What tshark says of a capture, as frame numbers: of control messages, of those whose digest it finds wrong,
 * and of what it cannot read.
 */
export interface Verdict {
  readonly control: readonly number[];
  readonly wrong: readonly number[];
  readonly malformed: readonly number[];
}

/** Asks tshark once, for it takes long to start. Packets that ICMP quotes are truncated, and none of ours. */
export async function tsharkSays(capture: string, secret: string): Promise<Verdict> {
  const fields = ["frame.number", "l2tp.type", "l2tp.incorrect_digest", "_ws.malformed"];
  const words = [
    ...["-r", capture, "-o", `l2tp.shared_secret:${secret}`, "-Y", "l2tp && !icmp && !icmpv6"],
    ...["-T", "fields", ...fields.flatMap((field) => ["-e", field])],
  ];
  const { stdout } = await run(["tshark", ...words], { timeoutMs: 60_000 });
  const rows = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
  const numbers = (holds: (row: readonly string[]) => boolean): readonly number[] =>
    rows.filter(holds).map(([number]) => Number(number));
  return {
    control: numbers(([, type]) => type === "1" || type === "True"),
    wrong: numbers(([, , digest]) => digest !== ""),
    malformed: numbers(([, , , malformed]) => malformed !== ""),
  };
}

/** Writes the frames with these numbers to a capture of their own. */
export async function extract(capture: string, numbers: readonly number[], into: string): Promise<void> {
  await run(["editcap", "-r", capture, into, ...numbers.map(String)]);
}
