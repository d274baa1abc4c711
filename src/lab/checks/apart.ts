import { type ApartPartner, apartPartners } from "../format/apart-partners.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { markedFrame } from "../special-frames.ts";
import { type HostRoute, routeBetween } from "./addresses.ts";
import { byHand, type CheckContext, requireNode } from "./context.ts";
import { framesCrossing } from "./crossing.ts";
import { crossingMs } from "./crossing-time.ts";
import { firstOctetDifference } from "./frame-difference.ts";
import { isReached, pingWords } from "./ping.ts";
import { CheckError, type CheckOutcome } from "./result.ts";
import { limitOf, tryWithin } from "./within.ts";

/** A node that another one reaches. */
interface Reached {
  readonly name: string;
  /** From the start of the ping to its answer. */
  readonly answeredMs: number;
}

/** Whom a host reaches; undefined for nobody within the time. Throws CheckError where there is nobody. */
async function reachedPartner(
  context: CheckContext,
  name: string,
  other: string,
  limitMs: number,
): Promise<Reached | undefined> {
  const partners = apartPartners(context.topology, name, other);
  if (partners.length === 0)
    throw new CheckError(`${name} cannot show that it reaches anybody: add a host that it should reach`);
  let reached: Reached | undefined;
  await tryWithin(limitMs, async () => {
    reached = await firstReached(context, name, partners);
    return { passed: reached !== undefined, expected: "", seen: "" };
  });
  return reached;
}

/** The first partner whose ping is answered, without waiting for others; undefined for none. */
function firstReached(
  context: CheckContext,
  name: string,
  partners: readonly ApartPartner[],
): Promise<Reached | undefined> {
  return new Promise((resolve, reject) => {
    const tries = partners.map(async (partner) => {
      const route = await routeTo(context, name, partner);
      const startMs = performance.now();
      if (route !== undefined && (await isReached(route)))
        resolve({ name: partner.name, answeredMs: performance.now() - startMs });
    });
    Promise.all(tries).then(() => resolve(undefined), reject);
  });
}

/** The way to a partner; undefined while the two have no addresses of one family. */
async function routeTo(
  context: CheckContext,
  name: string,
  { name: to, port }: ApartPartner,
): Promise<HostRoute | undefined> {
  try {
    return await routeBetween(context, [name, to], { limitMs: 0, toPort: port });
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    return undefined;
  }
}

/** No ping and no frame between two hosts, each of which reaches another node. */
export async function checkApart(check: CheckOf<"apart">, context: CheckContext): Promise<CheckOutcome> {
  const [from, to] = check.apart.map((name) => requireNode(context, name).name) as [string, string];
  const limitMs = limitOf("apart", check.within);
  const expected = `no ping and no frame crosses between ${from} and ${to}; each reaches another node`;
  const [fromPartner, toPartner] = await Promise.all([
    reachedPartner(context, from, to, limitMs),
    reachedPartner(context, to, from, limitMs),
  ]);
  if (fromPartner === undefined || toPartner === undefined) {
    const alone = fromPartner === undefined ? from : to;
    const partners = apartPartners(context.topology, alone, alone === from ? to : from);
    const seen = `${alone} reaches nobody: not ${partners.map(({ name }) => name).join(", not ")}`;
    const difference = `${seen}; so that nothing crosses shows nothing`;
    return { passed: false, expected, seen, difference };
  }
  const answeredMs = Math.max(fromPartner.answeredMs, toPartner.answeredMs);
  const waitMs = crossingMs(answeredMs, await context.links());
  const ways = await Promise.all([routeBetween(context, [from, to]), routeBetween(context, [to, from])]);
  const crossed = await whatCrosses(ways, waitMs);
  const reached = `${from} reaches ${fromPartner.name}, ${to} reaches ${toPartner.name}`;
  return {
    passed: crossed === undefined,
    expected,
    seen: `${crossed ?? "nothing crossed"}; ${reached}`,
    difference: crossed,
    command: byHand(context, from, ...pingWords(ways[0], "-c3")),
  };
}

/** The first thing that crosses between two hosts; undefined when nothing does. */
async function whatCrosses(ways: readonly HostRoute[], waitMs: number): Promise<string | undefined> {
  const [pings, frames] = await Promise.all([
    Promise.all(ways.map((way) => isReached(way, waitMs))),
    Promise.all(ways.map((way, index) => frameThatCrosses(way, `0${index + 1}`, waitMs))),
  ]);
  const pinged = ways[pings.indexOf(true)];
  if (pinged !== undefined) return `a ping from ${pinged.from.node} to ${pinged.destination} was answered`;
  return frames.find((text) => text !== undefined);
}

/** Sends a broadcast and a unicast frame from a host's interface, which the other one's must not receive. */
async function frameThatCrosses(
  { from, to }: HostRoute,
  mark: string,
  waitMs: number,
): Promise<string | undefined> {
  const frames = [
    ["broadcast", markedFrame("ffffffffffff", mark)],
    ["unicast", markedFrame(to.mac.replaceAll(":", ""), mark)],
  ] as const;
  const arrived = await framesCrossing(
    { node: from.node, port: from.name },
    { node: to.node, port: to.name },
    frames.map(([, frame]) => frame),
    { waitMs },
  );
  const found = frames.find(([, sent]) =>
    arrived.some((frame) => firstOctetDifference(sent, frame) === undefined),
  );
  return found && `a ${found[0]} frame from ${from.node} arrived at ${to.node}`;
}
