import { Register } from "../../../bpf/instruction.ts";
import type { Line } from "../../../bpf/line.ts";
import {
  add,
  and,
  call,
  load16,
  load32,
  load64,
  move,
  shiftRight,
  store16,
  store32,
  store64,
  toBigEndian16,
  xor,
} from "../../../bpf/mnemonics.ts";
import { circuitValue } from "./map-layout.ts";
import { headerOffsets, type ProgramOptions } from "./options.ts";
import { entry } from "./parts.ts";
import { networkOrder } from "./vlan-tag.ts";

/** The outer IP and UDP headers on the stack. */

const { result, arg1, arg2, frame } = Register;

/** TABLE: offsets of header fields. */
export const ipv4Fields = {
  length: 2,
  identification: 4,
  fragment: 6,
  protocol: 9,
  checksum: 10,
  source: 12,
};
export const ipv6Fields = { length: 4, protocol: 6, source: 8 };
export const IPV4_OCTETS = 20;
export const IPV6_OCTETS = 40;
/** The "more fragments" bit and the fragment offset, as a little-endian machine loads them. */
export const IPV4_FRAGMENT_BITS = networkOrder(0x3fff);
export const udpFields = { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6 };

/** Copies the entry's template to the stack, where it begins at a multiple of 8. */
export function copyTemplate(to: number, octets: number): readonly Line[] {
  const from = circuitValue.template.offset;
  const words = Array.from({ length: Math.floor(octets / 8) }, (_, index) => 8 * index);
  const rest = 8 * words.length;
  return [
    ...words.flatMap((offset) => [load64(arg1, entry, from + offset), store64(frame, to + offset, arg1)]),
    ...(octets % 8 === 0 ? [] : [load32(arg1, entry, from + rest), store32(frame, to + rest, arg1)]),
  ];
}

/**
 * Completes the outer headers for one frame: lengths, and for IPv4 an identification, since IP may fragment
 * it, and the checksum.
 */
export function finishOuterHeader(
  options: ProgramOptions,
  template: number,
  frameOctets: Register,
): readonly Line[] {
  const offsets = headerOffsets(options);
  const udpLength: readonly Line[] = [
    move(arg1, frameOctets),
    add(arg1, offsets.frame - offsets.udp),
    toBigEndian16(arg1),
    store16(frame, template + offsets.udp + udpFields.length, arg1),
  ];
  return [
    ...(options.family === 4
      ? finishIpv4(options, template, frameOctets, offsets.frame)
      : finishIpv6(template, frameOctets, offsets.frame)),
    ...(options.encapsulation === "udp" ? udpLength : []),
  ];
}

function finishIpv4(
  { copiesDscp }: ProgramOptions,
  template: number,
  frameOctets: Register,
  headerOctets: number,
): readonly Line[] {
  // The entry's sum is of a template with traffic class 0.
  const addClass: readonly Line[] = [
    load16(arg2, frame, template),
    and(arg2, 0xff00), // the second octet
    add(arg1, arg2),
  ];
  return [
    call("get_prandom_u32"),
    and(result, 0xffff),
    store16(frame, template + ipv4Fields.identification, result),
    move(arg1, frameOctets),
    add(arg1, headerOctets),
    toBigEndian16(arg1),
    store16(frame, template + ipv4Fields.length, arg1),
    add(arg1, result),
    load32(arg2, entry, circuitValue.headerSum.offset),
    add(arg1, arg2),
    ...(copiesDscp === true ? addClass : []),
    ...fold(arg1, arg2),
    xor(arg1, 0xffff),
    store16(frame, template + ipv4Fields.checksum, arg1),
  ];
}

function finishIpv6(template: number, frameOctets: Register, headerOctets: number): readonly Line[] {
  return [
    move(arg1, frameOctets),
    add(arg1, headerOctets - IPV6_OCTETS),
    toBigEndian16(arg1),
    store16(frame, template + ipv6Fields.length, arg1),
  ];
}

/** Folds a sum of up to 32 bits into 16 (RFC 1071). */
export function fold(
  sum: typeof Register.arg1 | typeof Register.result,
  scratch: typeof Register.arg2,
): readonly Line[] {
  const once = [move(scratch, sum), shiftRight(scratch, 16), and(sum, 0xffff), add(sum, scratch)];
  return [...once, ...once];
}
