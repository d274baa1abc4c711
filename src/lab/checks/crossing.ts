import { setTimeout as pause } from "node:timers/promises";
import { toHex } from "../../bytes/hex.ts";
import { inNetworkNamespace } from "../../os/network-namespace.ts";
import { FrameSocket } from "../frame-socket.ts";
import { namespaceFileOf } from "../nodes.ts";
import { TEST_SOURCE } from "../special-frames.ts";
import { firstOctetDifference } from "./frame-difference.ts";
import { asCheck, CheckError } from "./result.ts";

/** An interface in a namespace of the lab. */
export interface FramePoint {
  readonly node: string;
  readonly port: string;
}

/** How long frames are listened for. */
export interface FrameWait {
  /** Frames that end it once all of them have arrived; undefined: it lasts for the whole time. */
  readonly wanted?: readonly Uint8Array[];
  readonly waitMs: number;
  /** Time after the last wanted frame in which others may follow. */
  readonly afterMs?: number;
}

const SOURCE_OFFSET = 6;
const TURN_MS = 5;

/** A socket of this process at an interface of a node. Throws CheckError. */
function socketAt({ node, port }: FramePoint): FrameSocket {
  return asCheck(() => inNetworkNamespace(namespaceFileOf(node), () => new FrameSocket(port)));
}

/**
 * Sends frames out of one interface and listens at another one: resolves to the test frames that arrived
 * there. Rejects with CheckError.
 */
export async function framesCrossing(
  from: FramePoint,
  to: FramePoint,
  sent: readonly Uint8Array[],
  { wanted, waitMs, afterMs = 0 }: FrameWait,
): Promise<readonly Uint8Array[]> {
  using listener = socketAt(to);
  sendFrom(from, sent);
  const missing = [...(wanted ?? [])];
  const arrived: Uint8Array[] = [];
  let endMs = performance.now() + waitMs;
  let isComplete = false;
  for (;;) {
    const isOver = performance.now() > endMs;
    for (const frame of testFrames(listener)) {
      arrived.push(frame);
      const at = missing.findIndex((other) => firstOctetDifference(other, frame) === undefined);
      if (at >= 0) missing.splice(at, 1);
    }
    if (isOver) return arrived;
    if (wanted !== undefined && missing.length === 0 && !isComplete) {
      isComplete = true;
      endMs = performance.now() + afterMs;
      if (afterMs === 0) return arrived;
    }
    await pause(TURN_MS);
  }
}

function sendFrom(point: FramePoint, frames: readonly Uint8Array[]): void {
  using sender = socketAt(point);
  for (const frame of frames) {
    if (sender.send(frame)) continue;
    const what = `a frame of ${frame.length} octets`;
    throw new CheckError(`send ${what} from ${point.port} of ${point.node}: ${sender.problem}`);
  }
}

/** What has come in of the lab's own test frames. */
function* testFrames(socket: FrameSocket): Generator<Uint8Array> {
  for (let frame = socket.receive(); frame !== undefined; frame = socket.receive()) {
    if (toHex(frame.subarray(SOURCE_OFFSET, SOURCE_OFFSET + 6)) === TEST_SOURCE) yield frame;
  }
}
