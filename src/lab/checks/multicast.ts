import { ignoreErrno } from "../../os/errors.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { type LiveInterface, routeBetween } from "./addresses.ts";
import type { CheckContext } from "./context.ts";
import { carryStream, multicastGroups, type StreamEnd } from "./multicast-stream.ts";
import type { CheckOutcome } from "./result.ts";
import { limitOf, type Try, tryWithin } from "./within.ts";

const DATAGRAMS = 100;

/** Sends a numbered stream and counts the datagrams that arrive unchanged. */
export async function checkMulticast(
  check: CheckOf<"multicast">,
  context: CheckContext,
): Promise<CheckOutcome> {
  const limitMs = limitOf("multicast", check.within);
  const { from, to, source, destination } = await routeBetween(context, check.multicast, { limitMs });
  const isSix = destination.includes(":");
  const group = multicastGroups[isSix ? "udp6" : "udp4"];
  const expected = `${DATAGRAMS} of ${DATAGRAMS} datagrams to ${group} arrive intact`;
  const endAt = ({ node, name }: LiveInterface, address: string): StreamEnd => ({
    node,
    local: isSix ? `::%${name}` : address,
  });
  const attempt = async (): Promise<Try> => {
    try {
      const stream = await carryStream(endAt(from, source), endAt(to, destination), DATAGRAMS);
      const { received, firstMissing } = stream;
      const seen = `${received} of ${DATAGRAMS} datagrams arrived intact`;
      const difference = firstMissing === undefined ? undefined : `${seen}; number ${firstMissing} did not`;
      return { passed: difference === undefined, expected, seen, difference };
    } catch (error) {
      ignoreErrno(error);
      const difference = (error as Error).message;
      return { passed: false, expected, seen: "the stream could not be sent or received", difference };
    }
  };
  return tryWithin(limitMs, attempt);
}
