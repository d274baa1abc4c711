import { writeSync } from "node:fs";
import { addressOf, read } from "../os/libc.ts";

/** Descriptor of the requests, for those who wait for it beside others. */
export const REQUESTS = 0;
const ANSWERS = 1;
const MOST_OCTETS = 65_536;

const input = new Uint8Array(MOST_OCTETS);
const decoder = new TextDecoder();
let unfinished = "";

/**
 * Reads the requests that came, lines of JSON on the standard input, and answers each by a line on the
 * standard output; false at the end of the input. For programs that wait by poll(2), not in the event loop:
 * `JsonLinesProcess` is the other side.
 */
export function answerJsonRequests<Request, Answer>(answerTo: (request: Request) => Answer): boolean {
  const length = read(REQUESTS, addressOf(input), input.length);
  if (length <= 0) return false;
  const lines = (unfinished + decoder.decode(input.subarray(0, length), { stream: true })).split("\n");
  unfinished = lines.pop() ?? "";
  for (const line of lines) writeSync(ANSWERS, `${JSON.stringify(answerTo(JSON.parse(line) as Request))}\n`);
  return true;
}
