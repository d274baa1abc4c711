import { afterAll, beforeAll, expect, test } from "vitest";
import { hex, toHex } from "../../src/bytes/hex.ts";
import { encapsulateChannel } from "../../src/forwarding/encapsulation.ts";
import { heartbeatPlane } from "../support/built-planes.ts";
import { PlaneBench } from "../support/plane-bench.ts";
import { messageOf } from "../support/plane-messages.ts";
import { PlaneTestBed } from "../support/plane-test-bed.ts";
import { variantOver } from "../support/plane-variants.ts";

/** Protocols on control channels run in the worker: whatever the main thread does, they keep their time. */

const HEARTBEAT_TYPE = 0x7ff0;
const BEATS = 20;
const LIMIT_MS = 30_000;

let testBed: PlaneTestBed;
beforeAll(async () => {
  testBed = await PlaneTestBed.make();
});
afterAll(() => testBed?.[Symbol.asyncDispose]());

test("a protocol sends and answers while the main thread is blocked", async () => {
  const { session, attachment, device } = variantOver("udp", 4, {
    session: {
      receiveSublayer: "default",
      transmitSublayer: "default",
      vccvControlChannel: "l2-specific-sublayer",
    },
  });
  await using bench = await PlaneBench.open(testBed, heartbeatPlane, { path: session.path, device });
  await bench.add(session, attachment);
  const echoed = messageOf(session, hex`ffff`, { channelType: HEARTBEAT_TYPE });
  const expected = new Set(
    [...Array(BEATS).keys()].map((beat) => toHex(heartbeatOf(Uint8Array.of(beat + 1)))),
  ).add(toHex(heartbeatOf(hex`ffff`)));
  const missing = new Set(expected);
  bench.peer.send(echoed);
  // Not once does this loop return to the event loop.
  for (const endMs = performance.now() + LIMIT_MS; missing.size > 0 && performance.now() < endMs; ) {
    const octets = bench.peer.receive();
    if (octets !== undefined) missing.delete(toHex(octets));
  }
  expect(missing).toEqual(new Set());
  expect(bench.channel).toEqual([]);
  await bench.plane.removeSession(session.localSessionId);
  while (bench.peer.receive() !== undefined);
  // The worker has answered a later order, and would have sent before.
  await bench.plane.closeCircuit(device.name);
  expect(bench.peer.receive()).toBeUndefined();

  function heartbeatOf(payload: Uint8Array): Uint8Array {
    return encapsulateChannel({ channelType: HEARTBEAT_TYPE, payload }, session) ?? hex``;
  }
});
