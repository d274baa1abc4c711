import { Register } from "../../bpf/instruction.ts";
import { type Line, label } from "../../bpf/line.ts";
import {
  add,
  and,
  call,
  jump,
  jumpIfEqual,
  jumpIfNotEqual,
  jumpIfSet,
  load8,
  load16,
  load32,
  move,
  shiftLeft,
  store32,
  toBigEndian16,
} from "../../bpf/mnemonics.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../wire/ethernet.ts";
import { LINK_OCTETS } from "./options.ts";
import { fold } from "./outer-header.ts";
import { loadOctets, stackAt } from "./parts.ts";
import { networkOrder } from "./vlan-tag.ts";

/**
 * Frames whose TCP or UDP checksum nobody has computed yet: the sum of the pseudo-header stands in its place, for the device to
 * finish. A program is not told, but sees that sum there; a finished checksum that happens to be equal is finished once more to itself.
 */

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

/** More fragments, or an offset: as a little-endian machine loads them. */
const FRAGMENT_BITS = networkOrder(0x3fff);

/** TABLE: of IP headers without options: octets, addresses, and where they tell the length and what follows. */
const versions = [
  { type: ETHERTYPE_IPV4, octets: 20, addresses: 12, addressOctets: 8, length: 2, leftIn: 20, protocol: 9 },
  { type: ETHERTYPE_IPV6, octets: 40, addresses: 8, addressOctets: 32, length: 4, leftIn: 0, protocol: 6 },
] as const;
type Version = (typeof versions)[number];

/** TABLE: protocols with such a checksum, and where it is in their headers. */
const protocols = [
  { number: 6, checksum: 16 },
  { number: 17, checksum: 6 },
] as const;

/**
 * Goes on at `unfinished` for such a frame, else at what follows. `type` is where the stack holds the EtherType, `room` 48 octets of
 * stack, and `scratch` four, all to be used.
 */
export function jumpIfUnfinished(
  type: number,
  room: number,
  scratch: number,
  unfinished: string,
): readonly Line[] {
  return [
    load16(arg1, frame, type),
    ...versions.map((version) => jumpIfEqual(arg1, networkOrder(version.type), `sum.${version.type}`)),
    jump("finished"),
    ...versions.flatMap((version) => [
      label(`sum.${version.type}`),
      ...compare(version, room, scratch, unfinished),
    ]),
    label("finished"),
  ];
}

function compare(version: Version, room: number, scratch: number, unfinished: string): readonly Line[] {
  const sum = room + 40;
  const isPlain =
    version.type === ETHERTYPE_IPV4
      ? [
          load8(arg1, frame, room),
          jumpIfNotEqual(arg1, 0x45, "finished"),
          load16(arg1, frame, room + 6),
          jumpIfSet(arg1, FRAGMENT_BITS, "finished"),
        ]
      : [];
  return [
    ...loadOctets(LINK_OCTETS, room, version.octets, "finished"),
    ...isPlain,
    load16(arg5, frame, room + version.length),
    toBigEndian16(arg5),
    add(arg5, -version.leftIn),
    and(arg5, 0xffff),
    toBigEndian16(arg5),
    load8(arg1, frame, room + version.protocol),
    shiftLeft(arg1, 8),
    add(arg5, arg1),
    move(arg1, 0),
    move(arg2, 0),
    ...stackAt(arg3, room + version.addresses),
    move(arg4, version.addressOctets),
    call("csum_diff"),
    ...fold(result, arg2),
    store32(frame, sum, result),
    load8(arg1, frame, room + version.protocol),
    ...protocols.map(({ number }) => jumpIfEqual(arg1, number, `sum.${version.type}.${number}`)),
    jump("finished"),
    ...protocols.flatMap(({ number, checksum }) => [
      label(`sum.${version.type}.${number}`),
      ...loadOctets(LINK_OCTETS + version.octets + checksum, scratch, 2, "finished"),
      load16(arg1, frame, scratch),
      load32(arg2, frame, sum),
      jumpIfEqual(arg1, arg2, unfinished),
      jump("finished"),
    ]),
  ];
}
