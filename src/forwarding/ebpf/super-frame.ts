import { Register } from "../../bpf/instruction.ts";
import { type Line, label } from "../../bpf/line.ts";
import {
  add,
  and,
  divide,
  jump,
  jumpIfAtMost,
  jumpIfEqual,
  jumpIfNotEqual,
  load8,
  load16,
  load32,
  move,
  multiply,
  shiftRight,
  store32,
  subtract,
  toBigEndian16,
} from "../../bpf/mnemonics.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../wire/ethernet.ts";
import { loadOctets } from "./parts.ts";
import { networkOrder } from "./vlan-tag.ts";

/**
 * Super-frames: TCP segments of one flow that hosts and the kernel hand on in one piece, with one set of headers. Whoever sends them
 * out at last cuts them, or the peer takes them whole.
 */

const { arg1, arg2, arg3, arg4, frame } = Register;

const TCP = 6;
/** Octet of the TCP header whose upper half is its length in words. */
const TCP_LENGTH = 12;

/** TABLE: of an IP header of either version without options: its octets, where it names its length and what follows, what the length leaves out. */
const versions = [
  { type: ETHERTYPE_IPV4, octets: 20, first: 0x45, mask: 0xff, length: 2, leftOut: 0, protocol: 9 },
  { type: ETHERTYPE_IPV6, octets: 40, first: 0x60, mask: 0xf0, length: 4, leftOut: 40, protocol: 6 },
] as const;

/** Places on the stack, of four octets each. */
export interface SuperPlaces {
  /** The size of a segment's payload; afterwards how many frames it makes. */
  readonly frames: number;
  /** Octets of the headers; afterwards the octets that all frames have more than what is here. */
  readonly extra: number;
  readonly scratch: number;
}

/**
 * Leaves the octets of the IP and TCP headers at `extra`, or goes on at `otherwise` where they are not plain. `arg1` holds the
 * EtherType, in network order, of what is at `at` in the packet; `name` makes labels. With `rest` the IP packet must be as long as
 * that register says, less `linkOctets`.
 */
export function measureHeaders(
  name: string,
  at: number,
  places: SuperPlaces,
  otherwise: string,
  rest?: { readonly octets: Register; readonly linkOctets: number },
): readonly Line[] {
  const { scratch, extra } = places;
  const ofVersion = ({ octets, first, mask, length, leftOut, protocol }: (typeof versions)[number]) => [
    ...loadOctets(at, scratch, 1, otherwise),
    load8(arg1, frame, scratch),
    and(arg1, mask),
    jumpIfNotEqual(arg1, first, otherwise),
    ...(rest === undefined
      ? []
      : [
          ...loadOctets(at + length, scratch, 2, otherwise),
          load16(arg1, frame, scratch),
          toBigEndian16(arg1),
          add(arg1, leftOut + rest.linkOctets),
          jumpIfNotEqual(arg1, rest.octets, otherwise),
        ]),
    ...loadOctets(at + protocol, scratch, 1, otherwise),
    load8(arg1, frame, scratch),
    jumpIfNotEqual(arg1, TCP, otherwise),
    ...loadOctets(at + octets + TCP_LENGTH, scratch, 1, otherwise),
    load8(arg1, frame, scratch),
    shiftRight(arg1, 2),
    and(arg1, 0x3c),
    add(arg1, octets),
    store32(frame, extra, arg1),
    jump(`${name}.done`),
  ];
  return [
    ...versions.map(({ type }) => jumpIfEqual(arg1, networkOrder(type), `${name}.${type}`)),
    jump(otherwise),
    ...versions.flatMap((version) => [label(`${name}.${version.type}`), ...ofVersion(version)]),
    label(`${name}.done`),
  ];
}

/**
 * Turns the places into what is counted. `arg1` holds the octets of all headers of a frame, its Ethernet header and tags among them,
 * and `octets` those of the whole; `arg3` gets those of the longest frame.
 */
export function countSegments(octets: Register, places: SuperPlaces, otherwise: string): readonly Line[] {
  return [
    jumpIfAtMost(octets, arg1, otherwise),
    load32(arg2, frame, places.frames),
    jumpIfEqual(arg2, 0, otherwise),
    move(arg3, arg1),
    add(arg3, arg2),
    jumpIfAtMost(arg3, octets, "longest"),
    move(arg3, octets),
    label("longest"),
    move(arg4, octets),
    subtract(arg4, arg1),
    add(arg4, arg2),
    add(arg4, -1),
    divide(arg4, arg2),
    store32(frame, places.frames, arg4),
    add(arg4, -1),
    multiply(arg4, arg1),
    store32(frame, places.extra, arg4),
  ];
}

/** What is counted of a plain frame. */
export function countOne({ frames, extra }: SuperPlaces): readonly Line[] {
  return [store32(frame, frames, 1), store32(frame, extra, 0)];
}
