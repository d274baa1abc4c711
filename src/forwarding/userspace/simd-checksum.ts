/**
 * The Internet checksum by SIMD: a WebAssembly module of one function, assembled here from its instructions.
 * One instruction adds eight 16-bit words, where JavaScript needs several for two. The result is that of
 * `addToSum` of checksum.ts, which tests compare it with and which is used where there is no SIMD.
 *
 *   sum(start, length):              adds the 16-bit words, little-endian, of `length` octets at `start`
 *     end = start + length
 *     while end - start >= 64:       four vectors of 16 octets at once, two accumulators of four 32-bit lanes
 *     while end - start >= 16:       one vector
 *     total = all lanes
 *     while end - start >= 2:        one word
 *     if end - start >= 1:           the last octet is the lower half of a word
 *     return total
 *
 * No lane overflows below 512 KiB, and no total below 128 KiB. WebAssembly returns the unsigned total as a
 * signed number.
 */

/** Opcodes and type codes of WebAssembly's binary format (WebAssembly Core Specification, 5.4). */
const wasm = {
  i32: 0x7f,
  v128: 0x7b,
  functionType: 0x60,
  memoryKind: 0x02,
  functionKind: 0x00,
  noValue: 0x40,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  get: 0x20,
  set: 0x21,
  load8: 0x2d,
  load16: 0x2f,
  constant: 0x41,
  lessSigned: 0x48,
  add: 0x6a,
  subtract: 0x6b,
} as const;

/** Opcodes of vector instructions: the prefix 0xfd and a number. */
const vector = {
  load: [0xfd, 0x00],
  lane: [0xfd, 0x1b],
  addPairsOf16: [0xfd, 0x7f],
  add32: [0xfd, 0xae, 0x01],
} as const;

type WasmCode = readonly number[];

const START = 0;
const LENGTH = 1;
const END = 2;
const TOTAL = 3;
const LANES = 4;
const MORE_LANES = 5;
/** 32-bit lanes of a vector. */
const LANE_NUMBERS = [0, 1, 2, 3];
const PAGE_OCTETS = 65_536;

/** An unsigned number in LEB128. */
function unsigned(value: number): WasmCode {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** A constant below 128 in signed LEB128; from 64 on it needs a second octet, or it would be negative. */
function constant(value: number): WasmCode {
  return [wasm.constant, ...(value < 0x40 ? [value] : [value | 0x80, 0x00])];
}

const get = (local: number): WasmCode => [wasm.get, local];
const set = (local: number): WasmCode => [wasm.set, local];

function sized(octets: WasmCode): WasmCode {
  return [...unsigned(octets.length), ...octets];
}

function section(id: number, ...items: readonly WasmCode[]): WasmCode {
  return [id, ...sized([...unsigned(items.length), ...items.flat()])];
}

function text(value: string): WasmCode {
  return sized([...value].map((character) => character.charCodeAt(0)));
}

/** A loop: while at least `octets` are left, `body`, then START advances by so many. */
function whileLeft(octets: number, body: WasmCode): WasmCode {
  const isLess = [...get(END), ...get(START), wasm.subtract, ...constant(octets), wasm.lessSigned];
  const advance = [...get(START), ...constant(octets), wasm.add, ...set(START)];
  const loop = [
    wasm.loop,
    wasm.noValue,
    ...isLess,
    wasm.branchIf,
    1,
    ...body,
    ...advance,
    wasm.branch,
    0,
    wasm.end,
  ];
  return [wasm.block, wasm.noValue, ...loop, wasm.end];
}

/** Adds the words of 16 octets at START + `offset` to the lanes of a local variable. */
function addVector(offset: number, lanes: number): WasmCode {
  const load = [...get(START), ...vector.load, 0, offset];
  return [...get(lanes), ...load, ...vector.addPairsOf16, ...vector.add32, ...set(lanes)];
}

function addToTotal(value: WasmCode): WasmCode {
  return [...get(TOTAL), ...value, wasm.add, ...set(TOTAL)];
}

const body: WasmCode = [
  ...[...get(START), ...get(LENGTH), wasm.add, ...set(END)],
  ...whileLeft(64, [
    ...addVector(0, LANES),
    ...addVector(16, MORE_LANES),
    ...addVector(32, LANES),
    ...addVector(48, MORE_LANES),
  ]),
  ...whileLeft(16, addVector(0, LANES)),
  ...[...get(LANES), ...get(MORE_LANES), ...vector.add32, ...set(LANES)],
  ...LANE_NUMBERS.flatMap((lane) => addToTotal([...get(LANES), ...vector.lane, lane])),
  ...whileLeft(2, addToTotal([...get(START), wasm.load16, 0, 0])),
  ...[...get(START), ...get(END), wasm.lessSigned],
  ...[wasm.if, wasm.noValue, ...addToTotal([...get(START), wasm.load8, 0, 0]), wasm.end],
  ...get(TOTAL),
  wasm.end,
];

/** The module: one function type, one imported memory, one function, exported as `sum`. */
function moduleOctets(): Uint8Array {
  const locals = [2, ...[2, wasm.i32], ...[2, wasm.v128]];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [wasm.functionType, 2, wasm.i32, wasm.i32, 1, wasm.i32]),
    ...section(2, [...text("arena"), ...text("memory"), wasm.memoryKind, 0, 1]),
    ...section(3, [0]),
    ...section(7, [...text("sum"), wasm.functionKind, 0]),
    ...section(10, sized([...locals, ...body])),
  ]);
}

/** Adds the 16-bit words of octets at an offset of a memory; the caller converts the result to unsigned. */
export type Sum = (start: number, length: number) => number;

/** A memory shared with WebAssembly and its checksum function; undefined where there is no SIMD. */
export interface SummedOctets {
  readonly octets: Uint8Array;
  readonly sum: Sum | undefined;
}

/** Allocates at least so many octets, which never grow or move. */
export function summedOctets(size: number): SummedOctets {
  const octets = moduleOctets();
  if (!WebAssembly.validate(octets)) return { octets: new Uint8Array(size), sum: undefined };
  const pages = Math.ceil(size / PAGE_OCTETS);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(octets), { arena: { memory } });
  return { octets: new Uint8Array(memory.buffer), sum: instance.exports["sum"] as Sum };
}
