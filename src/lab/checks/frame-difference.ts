import { toHex } from "../../bytes/hex.ts";

/** The first octet in which a frame that arrived differs from what was wanted; undefined when none does. */
export function firstOctetDifference(wanted: Uint8Array, arrived: Uint8Array): string | undefined {
  const shorter = Math.min(wanted.length, arrived.length);
  const at = wanted.subarray(0, shorter).findIndex((octet, index) => octet !== arrived[index]);
  if (at >= 0) return `octet ${at} is ${hexAt(arrived, at)}, not ${hexAt(wanted, at)}`;
  if (wanted.length === arrived.length) return undefined;
  return `it has ${arrived.length} octets, not ${wanted.length}`;
}

function hexAt(frame: Uint8Array, at: number): string {
  return `0x${toHex(frame.subarray(at, at + 1))}`;
}

/** A frame with a name for people. */
export interface NamedFrame {
  readonly name: string;
  readonly frame: Uint8Array;
}

/** What became of frames that were sent. */
export interface FrameComparison {
  /** Names of those that did not arrive as wanted. */
  readonly missing: readonly string[];
  /** Frames that arrived and were not wanted, or once more than wanted. */
  readonly extra: readonly Uint8Array[];
  /** The first one that did not arrive as wanted, and how what arrived instead differs. */
  readonly difference: string | undefined;
}

/** Compares the frames that arrived, in any order, with those that were wanted, one each. */
export function compareFrames(
  wanted: readonly NamedFrame[],
  arrived: readonly Uint8Array[],
): FrameComparison {
  const extra = [...arrived];
  const missing = wanted.filter(({ frame }) => {
    const at = extra.findIndex((other) => firstOctetDifference(frame, other) === undefined);
    if (at >= 0) extra.splice(at, 1);
    return at < 0;
  });
  const [first] = missing;
  const names = missing.map(({ name }) => name);
  if (first === undefined) return { missing: names, extra, difference: extraText(wanted, extra) };
  const instead = nearestFrame(first.frame, extra);
  const how =
    instead === undefined ? "nothing arrived" : `instead, ${firstOctetDifference(first.frame, instead)}`;
  return { missing: names, extra, difference: `${first.name}: ${how}` };
}

function extraText(
  wanted: readonly NamedFrame[],
  [first, ...more]: readonly Uint8Array[],
): string | undefined {
  if (first === undefined) return undefined;
  const known = wanted.find(({ frame }) => firstOctetDifference(frame, first) === undefined);
  const what = known === undefined ? `${toHex(first.subarray(0, 32))}...` : `${known.name}, once more`;
  return `${more.length + 1} frames too many arrived: ${what}`;
}

/** The frame that has the longest beginning and end in common with another one. */
function nearestFrame(wanted: Uint8Array, frames: readonly Uint8Array[]): Uint8Array | undefined {
  const common = (frame: Uint8Array): number => {
    let [head, tail] = [0, 0];
    while (head < wanted.length && wanted[head] === frame[head]) head += 1;
    while (tail < wanted.length - head && wanted.at(-1 - tail) === frame.at(-1 - tail)) tail += 1;
    return head + tail;
  };
  // Less than the test frames' common addresses and type: it is another one of them.
  const [best] = frames
    .filter((frame) => common(frame) * 2 >= wanted.length)
    .sort((a, b) => common(b) - common(a));
  return best;
}
