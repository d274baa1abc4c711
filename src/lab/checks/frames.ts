import { counted } from "../../bytes/counted.ts";
import type { CheckOf } from "../format/check-keys.ts";
import type { Host, LabNode } from "../format/topology.ts";
import { padded, specialFrames, taggedFrame } from "../special-frames.ts";
import { type CheckContext, requireNode } from "./context.ts";
import { type FramePoint, framesCrossing } from "./crossing.ts";
import { compareFrames, type FrameComparison, type NamedFrame } from "./frame-difference.ts";
import { CheckError, type CheckOutcome } from "./result.ts";
import { limitOf, tryWithin } from "./within.ts";

/** Longest wait for frames after they were sent. */
const WAIT_MS = 2000;
/** Time after the last wanted frame in which others may follow. */
const AFTER_MS = 200;

/** Priority of tagged test frames: not the one that a tag has which is made anew. */
const PRIORITY = 5;

/** The port of a LAN's bridge that leads to an LCCE. */
function trunkOf(node: LabNode): FramePoint {
  const port = node.kind === "lcce" ? node.ports.find(({ name }) => name === node.trunk) : undefined;
  if (port === undefined) throw new CheckError(`${node.name} is no LCCE with a trunk to a LAN`);
  return { node: port.segment, port: port.farName };
}

/** Sends the special frames between the trunks of two LCCEs, both ways. */
export async function checkFrames(check: CheckOf<"frames">, context: CheckContext): Promise<CheckOutcome> {
  const [left, right] = check.frames;
  const points = new Map([left, right].map((name) => [name, trunkOf(requireNode(context, name))]));
  const wanted: readonly NamedFrame[] = specialFrames.map(([name, frame]) => ({
    name,
    frame: padded(frame),
  }));
  const ways = [
    [left, right],
    [right, left],
  ] as const;
  return tryWithin(limitOf("frames", check.within), async (leftMs) => {
    const seen: string[] = [];
    for (const [from, to] of ways) {
      const [source, target] = [points.get(from), points.get(to)];
      if (source === undefined || target === undefined) throw new Error(`no point of ${from} or ${to}`);
      const sent = specialFrames.map(([, frame]) => frame);
      const frames = wanted.map(({ frame }) => frame);
      const arrived = await framesCrossing(source, target, sent, {
        wanted: frames,
        waitMs: Math.min(WAIT_MS, leftMs),
        afterMs: AFTER_MS,
      });
      const found = compareFrames(wanted, arrived);
      seen.push(`${from} to ${to}: ${comparisonText(found, wanted.length)}`);
      if (found.difference !== undefined)
        return outcome(seen, `${from} to ${to}: ${found.difference}`, wanted.length);
    }
    return outcome(seen, undefined, wanted.length);
  });
}

function outcome(seen: readonly string[], difference: string | undefined, count: number): CheckOutcome {
  return {
    passed: difference === undefined,
    expected: `${counted(count, "frame")} each way, octet for octet, padded to 60 octets, and no others`,
    seen: seen.join("; "),
    difference,
  };
}

function comparisonText({ missing, extra }: FrameComparison, count: number): string {
  const all = `${count - missing.length} of ${counted(count, "frame")} arrived`;
  const named = missing.length === 0 ? "" : `; not: ${missing.join(", ")}`;
  return `${all}${named}${extra.length === 0 ? "" : `; ${extra.length} others`}`;
}

/** What a host's frames look like at its port. */
function tagsOf(node: LabNode): Host["interfaces"][number]["tags"] {
  return node.kind === "host" ? (node.interfaces[0]?.tags ?? []) : [];
}

function tagsText(node: LabNode): string {
  const tags = tagsOf(node).map(({ id, protocol }) => `${protocol === "802.1ad" ? "S-" : ""}VLAN ${id}`);
  const access =
    node.kind === "host" && node.access !== undefined ? `, access port of VLAN ${node.access}` : "";
  return `${tags.length === 0 ? "untagged" : tags.join(" with ")}${access}`;
}

/** The port of a host, as a point for frames with all their tags. */
function portOf(node: LabNode): FramePoint {
  const [port] = node.ports;
  if (port === undefined) throw new CheckError(`${node.name} has no port`);
  return { node: node.name, port: port.name };
}

/** Sends a frame with all tags of one host; it must arrive with those of the other one, else unchanged. */
export async function checkTagged(check: CheckOf<"tagged">, context: CheckContext): Promise<CheckOutcome> {
  const [from, to] = check.tagged.map((name) => requireNode(context, name)) as [LabNode, LabNode];
  // An untagged frame has no priority that could be kept.
  const priority = tagsOf(from).length === 0 ? 0 : PRIORITY;
  const wanted: NamedFrame = { name: `frame to ${to.name}`, frame: taggedFrame(tagsOf(to), priority) };
  const sent = `a frame with priority ${priority}, ${tagsText(from)}, from ${from.name}`;
  return tryWithin(limitOf("tagged", check.within), async (leftMs) => {
    const arrived = await framesCrossing(portOf(from), portOf(to), [taggedFrame(tagsOf(from), priority)], {
      wanted: [wanted.frame],
      waitMs: Math.min(WAIT_MS, leftMs),
    });
    const { missing, difference } = compareFrames([wanted], arrived);
    return {
      passed: missing.length === 0,
      expected: `${sent}, arrives at ${to.name} as ${tagsText(to)}, otherwise unchanged`,
      seen: missing.length === 0 ? "it arrived so" : `${arrived.length} test frames arrived, not this one`,
      difference: missing.length === 0 ? undefined : difference,
    };
  });
}
