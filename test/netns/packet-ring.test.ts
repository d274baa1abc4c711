import { afterAll, beforeAll, expect, test } from "vitest";
import { addressOf, close, ifNameToIndex, linux, poll, read } from "../../src/os/libc.ts";
import { LONGEST_RING_FRAME, PacketRing } from "../../src/os/packet-ring.ts";
import { openPacketSocket, VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { withoutCapability } from "../support/without-capability.ts";

const ETHER_TYPE = [0x88, 0xb5];

let namespace: TestNamespace;
let entered: Disposable;
let left: number;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-packet-ring");
  entered = namespace.enter();
  left = ifNameToIndex("left");
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

/** A frame of a protocol for experiments, full of a mark. */
function frame(mark: number, length: number): Uint8Array {
  const octets = new Uint8Array(length).fill(mark);
  octets.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...ETHER_TYPE]);
  return octets;
}

function put(ring: PacketRing, index: number, octets: Uint8Array, throughQueue = false): boolean {
  const room = ring.room();
  if (room === undefined) throw new Error("there is no room");
  room.set(octets);
  return ring.send(index, octets.length, throughQueue);
}

/** The next frame of ours that a packet socket reads. */
async function next(fd: number): Promise<Uint8Array> {
  let found = new Uint8Array(0);
  await eventually("a frame comes", () => {
    const waiting = new Int32Array([fd, linux.POLLIN]);
    if (poll(addressOf(new Uint8Array(waiting.buffer)), 1, 0) <= 0) return false;
    const octets = new Uint8Array(70_000);
    const length = read(fd, addressOf(octets), octets.length);
    found = octets.slice(VNET_HEADER_OCTETS, length);
    return found[12] === ETHER_TYPE[0] && found[13] === ETHER_TYPE[1];
  });
  return found;
}

test.each([
  ["straight", false],
  ["through the queue", true],
])("frames of every length come out %s, more of them than there are slots", async (_, throughQueue) => {
  using ring = PacketRing.open();
  const wire = openPacketSocket("right");
  try {
    // The longest are a tag longer than the MTU allows, which send(2) would refuse without the tag.
    for (const length of [60, 1514, 1518])
      for (let mark = 1; mark <= 10; mark += 1) {
        await eventually("there is room", () => ring.room() !== undefined);
        expect(put(ring, left, frame(mark, length), throughQueue)).toBe(true);
        expect(await next(wire)).toEqual(frame(mark, length));
      }
  } finally {
    close(wire);
  }
});

test("a frame as long as jumbo frames are comes out where the MTU is so", async () => {
  await namespace.ip("link set left mtu 60000");
  await namespace.ip("link set right mtu 60000");
  using ring = PacketRing.open();
  const wire = openPacketSocket("right");
  expect(ring.mtuOf(left)).toBe(60_000);
  expect(LONGEST_RING_FRAME).toBeGreaterThan(60_014);
  expect(put(ring, left, frame(7, 60_014))).toBe(true);
  expect(await next(wire)).toEqual(frame(7, 60_014));
  close(wire);
  await namespace.ip("link set left mtu 1500");
  await namespace.ip("link set right mtu 1500");
  expect(ring.mtuOf(left)).toBe(1500);
});

test("an interface is known by a socket that is bound to it, until it goes", async () => {
  using ring = PacketRing.open();
  await namespace.ip("link add here type veth peer name there");
  await namespace.ip("link set here up");
  await namespace.ip("link set there up");
  const index = ifNameToIndex("here");
  const bound = openPacketSocket("here");
  expect([ring.interfaceOf(bound), ring.mtuOf(index)]).toEqual([index, 1500]);
  await namespace.ip("link set here mtu 1400");
  await namespace.ip("link set here name elsewhere");
  expect([ring.interfaceOf(bound), ring.mtuOf(index)]).toEqual([index, 1400]);
  expect(put(ring, index, frame(1, 60))).toBe(true);
  await namespace.ip("link delete elsewhere");
  await eventually("it is gone", () => ring.interfaceOf(bound) === 0);
  expect(ring.mtuOf(index)).toBe(0);
  close(bound);
  expect(ring.interfaceOf(bound)).toBe(0);
});

test.each([
  ["is gone", () => 99_999],
  ["is switched off", () => ifNameToIndex("off")],
])("to an interface that %s nothing is sent, and the slot serves the next frame", async (_, find) => {
  await namespace.ip("link add off type veth peer name other");
  using ring = PacketRing.open();
  const wire = openPacketSocket("right");
  // More often than there are slots.
  for (let mark = 1; mark <= 20; mark += 1) expect(put(ring, find(), frame(mark, 60))).toBe(false);
  expect(put(ring, left, frame(42, 60))).toBe(true);
  expect(await next(wire)).toEqual(frame(42, 60));
  close(wire);
  await namespace.ip("link delete off");
});

test("without CAP_NET_RAW there is none", () => {
  expect(() => withoutCapability("CAP_NET_RAW", () => PacketRing.open())).toThrow(
    "open a transmit ring: EPERM (packet socket); frames need CAP_NET_RAW",
  );
});
