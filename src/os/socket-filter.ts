import { addressOf, linux, setsockopt } from "./libc.ts";

/** One instruction of classic BPF: struct sock_filter. */
export type FilterLine = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

/**
 * TABLE: opcodes: load the word, or the half-word, at k; load 4 × (octet at k & 15) into X; load the word at
 * X + k; load the packet's length; subtract X; jump if equal to k; jump if k or more; return k.
 */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_HEADER_LENGTH = 0xb1;
const LOAD_WORD_BEHIND = 0x40;
const LOAD_LENGTH = 0x80;
const SUBTRACT_X = 0x1c;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;
const EVERYTHING = 0x40000;

/**
 * Loads the session id of an L2TP packet; raw IPv4 sockets see the IP header first, raw IPv6 sockets do not.
 */
function loadSessionId(isV6: boolean): readonly FilterLine[] {
  if (isV6) return [[LOAD_WORD, 0, 0, 0]];
  return [
    [LOAD_HEADER_LENGTH, 0, 0, 0],
    [LOAD_WORD_BEHIND, 0, 0, 0],
  ];
}

/**
 * Accepts packets with a session id other than 0 (RFC 3931 §4.1.1.1), and those too short to have one, so
 * that they are counted.
 */
export function dataOnlyFilter(isV6: boolean): readonly FilterLine[] {
  const length: readonly FilterLine[] = [
    [LOAD_LENGTH, 0, 0, 0],
    ...(isV6 ? [] : [[SUBTRACT_X, 0, 0, 0] as const]),
  ];
  return [
    ...(isV6 ? [] : [[LOAD_HEADER_LENGTH, 0, 0, 0] as const]),
    ...length,
    [JUMP_AT_LEAST, 1, 0, 4],
    [RETURN, 0, 0, EVERYTHING],
    ...loadSessionId(isV6),
    [JUMP_EQUAL, 0, 1, 0],
    [RETURN, 0, 0, 0],
    [RETURN, 0, 0, EVERYTHING],
  ];
}

/**
 * Offset of the destination in the IPv6 header, counted from the network header (SKF_NET_OFF of
 * linux/filter.h).
 */
const DESTINATION = -0x10_0000 + 24;

/** Drops packets that are not for an IPv6 address. */
function onlyTo(destination: Uint8Array): readonly FilterLine[] {
  const view = new DataView(destination.buffer, destination.byteOffset, destination.byteLength);
  return [0, 4, 8, 12].flatMap((at): readonly FilterLine[] => [
    [LOAD_WORD, 0, 0, (DESTINATION + at) >>> 0],
    [JUMP_EQUAL, 1, 0, view.getUint32(at)],
    [RETURN, 0, 0, 0],
  ]);
}

/**
 * Accepts packets with session id 0, control messages (RFC 3931 §4.1.1.2); over IPv6 only those to an
 * address.
 */
export function controlOnlyFilter(destination: Uint8Array | undefined): readonly FilterLine[] {
  const isV6 = destination !== undefined;
  return [
    ...(isV6 ? onlyTo(destination) : []),
    ...loadSessionId(isV6),
    [JUMP_EQUAL, 0, 1, 0],
    [RETURN, 0, 0, EVERYTHING],
    [RETURN, 0, 0, 0],
  ];
}

/** Accepts Ethernet frames of a type that begin with a word behind it. */
export function etherTypeFilter(type: number, word: number): readonly FilterLine[] {
  return [
    [LOAD_HALF, 0, 0, 12],
    [JUMP_EQUAL, 0, 3, type],
    [LOAD_WORD, 0, 0, 14],
    [JUMP_EQUAL, 0, 1, word],
    [RETURN, 0, 0, EVERYTHING],
    [RETURN, 0, 0, 0],
  ];
}

/**
 * Keeps the first octets of the packets that a filter of classic BPF accepts, two words for each instruction
 * as in struct sock_filter; without one, of all packets.
 */
export function keepingFilter(octets: number, program?: Uint32Array): readonly FilterLine[] {
  if (program === undefined) return [[RETURN, 0, 0, octets]];
  return Array.from({ length: program.length / 2 }, (_, index): FilterLine => {
    const first = program[2 * index] ?? 0;
    const k = program[2 * index + 1] ?? 0;
    const code = first & 0xffff;
    const keeps = code === RETURN && k > 0;
    return [code, (first >>> 16) & 0xff, first >>> 24, keeps ? octets : k];
  });
}

/** Keeps nothing. */
export const nothingFilter: readonly FilterLine[] = [[RETURN, 0, 0, 0]];

/**
 * A filter as setsockopt(2) takes it: struct sock_fprog in `header`, which points at `lines`; keep both until
 * the call is done.
 */
export function filterProgram(lines: readonly FilterLine[]): {
  readonly header: Buffer;
  readonly lines: Uint8Array;
} {
  const program = new Uint8Array(lines.length * 8);
  const view = new DataView(program.buffer);
  for (const [index, [code, jumpTrue, jumpFalse, k]] of lines.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jumpTrue);
    view.setUint8(index * 8 + 3, jumpFalse);
    view.setUint32(index * 8 + 4, k, true);
  }
  const header = Buffer.alloc(16);
  header.writeUInt16LE(lines.length, 0);
  header.writeBigUInt64LE(BigInt(addressOf(program)), 8);
  return { header, lines: program };
}

/** Has a socket receive what a filter accepts, and no more than it keeps; whether the kernel took it. */
export function attachFilter(fd: number, lines: readonly FilterLine[]): boolean {
  const { header } = filterProgram(lines);
  return setsockopt(fd, linux.SOL_SOCKET, linux.SO_ATTACH_FILTER, addressOf(header), header.length) === 0;
}
