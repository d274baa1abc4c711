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

const { session, attachment, device } = variantOver("udp", 4, {
  session: {
    receiveSublayer: "default",
    transmitSublayer: "default",
    vccvControlChannel: "l2-specific-sublayer",
  },
});

function heartbeatOf(payload: Uint8Array): Uint8Array {
  return encapsulateChannel({ channelType: HEARTBEAT_TYPE, payload }, session) ?? hex``;
}

/** The next datagram that the peer gets; not once does this return to the event loop. */
function heardWhileBlocked(bench: PlaneBench): string {
  let octets = bench.peer.receive();
  for (const endMs = performance.now() + LIMIT_MS; octets === undefined && performance.now() < endMs; )
    octets = bench.peer.receive();
  return octets === undefined ? "nothing" : toHex(octets);
}

test("a protocol sends and answers while the main thread is blocked", async () => {
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
});

test("of what a protocol said of a session while the main thread was blocked, the last arrives", async () => {
  await using bench = await PlaneBench.open(testBed, heartbeatPlane, { path: session.path, device });
  // It does not beat a second time here.
  await bench.add(session, { ...attachment, channelOptions: { heartbeat: { intervalMs: LIMIT_MS } } });
  expect(heardWhileBlocked(bench)).toBe(toHex(heartbeatOf(Uint8Array.of(1))));
  for (let count = 1; count <= BEATS; count += 1) {
    const payload = Uint8Array.of(count);
    bench.peer.send(messageOf(session, payload, { channelType: HEARTBEAT_TYPE }));
    expect(heardWhileBlocked(bench)).toBe(toHex(heartbeatOf(payload)));
  }
  const last = `${session.localSessionId} down: ${BEATS}`;
  await expect.poll(() => bench.statuses).toContain(last);
  // One was on its way already when the others came.
  expect(bench.statuses.length).toBeLessThanOrEqual(2);
  expect(bench.statuses.at(-1)).toBe(last);
});

test("a protocol hears that the attachment circuit fell and rose", async () => {
  await using bench = await PlaneBench.open(testBed, heartbeatPlane, { path: session.path, device });
  const circuit = { ...attachment, channelOptions: { heartbeat: { intervalMs: LIMIT_MS } } };
  await bench.add(session, circuit);
  expect(heardWhileBlocked(bench)).toBe(toHex(heartbeatOf(Uint8Array.of(1))));
  for (const active of [false, true]) {
    await bench.plane.updateSession(session, { ...circuit, active });
    expect(heardWhileBlocked(bench)).toBe(toHex(heartbeatOf(Uint8Array.of(0xcc, Number(active)))));
  }
});
