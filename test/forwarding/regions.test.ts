import { expect, test } from "vitest";
import { InvariantError } from "../../src/bytes/errors.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { MmsghdrTable, VectorTable } from "../../src/forwarding/userspace/mmsghdr-table.ts";
import { ReceiveBuffers } from "../../src/forwarding/userspace/receive-buffers.ts";
import { Regions } from "../../src/forwarding/userspace/regions.ts";
import {
  COPIED_HEADER_OCTETS,
  MOST_FRAMES,
  TransmitMessages,
} from "../../src/forwarding/userspace/transmit-messages.ts";

const LENGTHS = [1, 63, 64, 65, 4096];

function isRefused(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return error instanceof InvariantError;
  }
}

test("an address is given only for octets within one region", () => {
  const memory = new Regions(new Uint8Array(16 * 1024));
  const regions = LENGTHS.map((length) => ({ length, start: memory.take(length) }));
  const base = memory.address(regions[0]!.start, 1) - regions[0]!.start;
  let refused = 0;
  const wrong: string[] = [];
  for (let offset = -130; offset < 5000; offset += 1) {
    for (const length of [0, 1, 2, 63, 64, 65, 4096, 4097, -1, Number.NaN, 2 ** 32]) {
      const isWithin = regions.some(
        ({ start, length: room }) => offset >= start && length >= 0 && offset + length <= start + room,
      );
      // Length 0 at the end of a region is never used and harmless; it is refused if no region follows there.
      if (length === 0 && regions.some(({ start, length: room }) => offset === start + room)) continue;
      if (isWithin) {
        if (memory.address(offset, length) !== base + offset) wrong.push(`${length} at ${offset}`);
      } else {
        if (!isRefused(() => memory.address(offset, length))) wrong.push(`${length} at ${offset}`);
        refused += 1;
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(refused).toBeGreaterThan(10_000);
  for (const offset of [2 ** 32 + 64, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => memory.address(offset, 1)).toThrow(InvariantError);
  expect(() => memory.take(16 * 1024)).toThrow(InvariantError);
});

test("a write past the end or before the start of a region is detected by its guard octets", () => {
  for (const length of LENGTHS) {
    const arena = new Arena();
    const starts = [arena, arena.tables].map((memory) => ({ memory, start: memory.take(length) }));
    arena.checkGuards();
    for (const { memory, start } of starts) {
      const end = Math.ceil((start + length) / 64) * 64;
      for (const at of [start - 1, start - 64, end, end + 63]) {
        const before = memory.octets[at]!;
        memory.octets[at]! ^= 1;
        expect(() => arena.checkGuards()).toThrow(/guard octets/);
        memory.octets[at] = before;
      }
      arena.checkGuards();
    }
  }
});

test("message and vector tables refuse an index out of range and octets outside of a region", () => {
  const arena = new Arena();
  const start = arena.take(100);
  const vectors = new VectorTable(arena, 4);
  const messages = new MmsghdrTable(arena, 2);
  vectors.set(3, start, 100);
  messages.setVectors(1, vectors, 0, 4);
  expect(messages.vectorCount(1)).toBe(4);
  const hostile: readonly (() => void)[] = [
    () => vectors.set(4, start, 1),
    () => vectors.set(-1, start, 1),
    () => vectors.set(Number.NaN, start, 1),
    () => vectors.set(0, start, 101),
    () => vectors.set(0, start + 99, 2),
    () => vectors.set(0, start - 1, 1),
    () => messages.setVectors(2, vectors, 0, 1),
    () => messages.setVectors(0, vectors, 3, 2),
    () => messages.setVectors(0, vectors, -1, 2),
    () => messages.setName(0, 1024 * 1024 * 4, 28),
    () => messages.setControl(-1, 0, 0),
    () => messages.address(1, 2),
    () => messages.copy(0, messages, 2),
  ];
  for (const act of hostile) expect(act, String(act)).toThrow(InvariantError);
});

test("queued messages never use more copied headers or vectors than were allocated", () => {
  const messages = new TransmitMessages(new Arena());
  expect(() => messages.allocateHeader(COPIED_HEADER_OCTETS + 1)).toThrow(/copied headers/);
  for (let header = 0; header < MOST_FRAMES; header += 1) messages.allocateHeader(COPIED_HEADER_OCTETS);
  expect(() => messages.allocateHeader(1)).toThrow(InvariantError);
  messages.clear();
  messages.allocateHeader(COPIED_HEADER_OCTETS);
  const arena = new Arena();
  const frame = arena.take(64);
  const full = new TransmitMessages(arena);
  for (let vector = 0; vector < 512 * 3; vector += 1) full.addVector(frame, 1);
  expect(() => full.addVector(frame, 1)).toThrow(InvariantError);
  for (let vector = 0; vector < 512 * 2; vector += 1) full.gather(frame, 1);
  expect(() => full.gather(frame, 1)).toThrow(InvariantError);
});

test("a receive buffer ends where its guard begins", () => {
  const arena = new Arena();
  const buffers = new ReceiveBuffers(arena, true);
  const room = 68 * 1024 + 128 - 64;
  expect(buffers.bufferAddress(63, room)).toBeGreaterThan(buffers.bufferAddress(0, room));
  expect(() => buffers.bufferAddress(0, room + 1)).toThrow(InvariantError);
  arena.octets.fill(1, buffers.start(5) - 64, buffers.start(5) + room);
  arena.checkGuards();
  arena.octets[buffers.start(5) + room] = 1;
  expect(() => arena.checkGuards()).toThrow(InvariantError);
});
