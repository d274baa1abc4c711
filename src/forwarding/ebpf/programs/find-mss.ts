import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  jump,
  jumpIfAtLeast,
  jumpIfAtMost,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfLess,
  jumpIfNotEqual,
  jumpIfSet,
  load8,
  load16,
  load32,
  move,
  multiply,
  shiftRight,
  store32,
  store64,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, TAG_OCTETS } from "../../../wire/ethernet.ts";
import {
  extensionHeaders,
  headerOctets,
  MOST_EXTENSION_HEADERS,
  MOST_TAGS,
  SYN,
  TPID_OLD_SERVICE,
  tcpOffsets,
  tcpOptions,
} from "../../mss.ts";
import { TCP } from "./inner-headers.ts";
import { LINK_OCTETS } from "./options.ts";
import { ipv4Fields, ipv6Fields } from "./outer-header.ts";
import { context, loadOctets, stackAt } from "./parts.ts";
import { jumpIfTag, networkOrder } from "./vlan-tag.ts";

/** Finds the MSS option of a SYN, by copies of its headers on the stack; other frames go on at "mss.end". */

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

/** TABLE: what is kept on the stack, as offsets from a base that is a multiple of 8; words of 32 bits. */
export const kept = {
  /** A copied header. */
  header: 0,
  /** Copied TCP options: 40 octets, and some behind them that loads of the last one may touch. */
  options: 40,
  /** Offset of the header in the packet. */
  at: 88,
  /** Octets of all tags, and of those that the pseudowire's MTU makes no room for. */
  tags: 92,
  uncounted: 96,
  /** Octets of the IP and TCP headers without options. */
  headers: 100,
  /** Next Header; then octets of the TCP options. */
  next: 104,
  optionOctets: 104,
  /** Offset of the MSS option in the options, and the MSS to write. */
  option: 108,
  mss: 112,
} as const;
/** Octets of the whole. */
export const CLAMP_OCTETS = 120;

const MOST_OPTION_OCTETS = 40;
/** All bits of an offset within the options. */
const OFFSET_MASK = 0x3f;
const FRAGMENT_OFFSET_OF_IPV4 = networkOrder(0x1fff);
const FRAGMENT_OFFSET_OF_IPV6 = networkOrder(0xfff8);

/**
 * Leaves the offset of the MSS option within the options in arg2, a pointer to its copy in arg4, and of the
 * headers what `kept` says. Goes on at "mss.end" where there is none.
 */
export function findMss(base: number): readonly Line[] {
  return [...skipTags(base), ...findTcp(base), ...loadOptions(base), ...findOption(base)];
}

/** Goes on at `target` if the register holds the number of an extension header that is skipped. */
export function jumpIfSkipped(register: Register, target: string): readonly Line[] {
  return Object.values(extensionHeaders).map((number) => jumpIfEqual(register, number, target));
}

/** Adds a number or register to a word on the stack, by arg1. */
function increase(offset: number, by: Register | number): readonly Line[] {
  return [load32(arg1, frame, offset), add(arg1, by), store32(frame, offset, arg1)];
}

/**
 * Counts the tags of metadata and octets, and leaves the EtherType behind them in arg1 and its offset, and 2,
 * in `at`.
 */
function skipTags(base: number): readonly Line[] {
  const readType = [
    load32(arg1, frame, base + kept.at),
    add(arg1, -2),
    ...loadOctets(arg1, base + kept.header, 2, "mss.end"),
    load16(arg1, frame, base + kept.header),
  ];
  const skip = (tag: number): readonly Line[] => [
    ...readType,
    jumpIfEqual(arg1, networkOrder(TPID_OLD_SERVICE), `mss.uncounted${tag}`),
    ...jumpIfTag(arg1, `mss.tag${tag}`),
    jump("mss.type"),
    label(`mss.tag${tag}`),
    load32(arg1, frame, base + kept.uncounted),
    jumpIfEqual(arg1, 0, `mss.step${tag}`),
    label(`mss.uncounted${tag}`),
    ...increase(base + kept.uncounted, TAG_OCTETS),
    label(`mss.step${tag}`),
    ...increase(base + kept.tags, TAG_OCTETS),
    ...increase(base + kept.at, TAG_OCTETS),
  ];
  return [
    store32(frame, base + kept.at, LINK_OCTETS),
    store32(frame, base + kept.uncounted, 0),
    store32(frame, base + kept.tags, 0),
    load32(arg1, context, skbContext.vlanPresent),
    jumpIfEqual(arg1, 0, "mss.tags"),
    store32(frame, base + kept.tags, TAG_OCTETS),
    label("mss.tags"),
    ...Array.from({ length: MOST_TAGS }, (_, tag) => tag).flatMap(skip),
    ...readType,
    label("mss.type"),
    load32(arg2, frame, base + kept.tags),
    jumpIfGreater(arg2, MOST_TAGS * TAG_OCTETS, "mss.end"),
  ];
}

/** Moves `at` to the TCP header. */
function findTcp(base: number): readonly Line[] {
  const header = base + kept.header;
  return [
    jumpIfEqual(arg1, networkOrder(ETHERTYPE_IPV6), "mss.sixth"),
    jumpIfNotEqual(arg1, networkOrder(ETHERTYPE_IPV4), "mss.end"),
    load32(arg1, frame, base + kept.at),
    ...loadOctets(arg1, header, headerOctets.ipv4, "mss.end"),
    load8(arg1, frame, header + ipv4Fields.protocol),
    jumpIfNotEqual(arg1, TCP, "mss.end"),
    load16(arg1, frame, header + ipv4Fields.fragment),
    jumpIfSet(arg1, FRAGMENT_OFFSET_OF_IPV4, "mss.end"),
    load8(arg2, frame, header),
    move(arg1, arg2),
    shiftRight(arg1, 4),
    jumpIfNotEqual(arg1, 4, "mss.end"),
    and(arg2, 0xf),
    multiply(arg2, 4),
    jumpIfLess(arg2, headerOctets.ipv4, "mss.end"),
    ...increase(base + kept.at, arg2),
    store32(frame, base + kept.headers, headerOctets.ipv4 + headerOctets.tcp),
    jump("mss.tcp"),
    label("mss.sixth"),
    ...skipExtensionHeaders(base),
    label("mss.tcp"),
  ];
}

function skipExtensionHeaders(base: number): readonly Line[] {
  const header = base + kept.header;
  const skip = (index: number): readonly Line[] => [
    load32(arg1, frame, base + kept.next),
    jumpIfEqual(arg1, TCP, "mss.tcp"),
    ...jumpIfSkipped(arg1, `mss.extension${index}`),
    jump("mss.end"),
    label(`mss.extension${index}`),
    load32(arg1, frame, base + kept.at),
    ...loadOctets(arg1, header, 8, "mss.end"),
    load32(arg1, frame, base + kept.next),
    load8(arg2, frame, header),
    store32(frame, base + kept.next, arg2),
    load8(arg2, frame, header + 1),
    add(arg2, 1),
    multiply(arg2, 8),
    jumpIfNotEqual(arg1, extensionHeaders.fragment, `mss.skip${index}`),
    load16(arg2, frame, header + 2),
    jumpIfSet(arg2, FRAGMENT_OFFSET_OF_IPV6, "mss.end"),
    move(arg2, 8),
    label(`mss.skip${index}`),
    ...increase(base + kept.at, arg2),
  ];
  return [
    load32(arg1, frame, base + kept.at),
    ...loadOctets(arg1, header, headerOctets.ipv6, "mss.end"),
    load8(arg1, frame, header),
    shiftRight(arg1, 4),
    jumpIfNotEqual(arg1, 6, "mss.end"),
    load8(arg1, frame, header + ipv6Fields.protocol),
    store32(frame, base + kept.next, arg1),
    ...increase(base + kept.at, headerOctets.ipv6),
    store32(frame, base + kept.headers, headerOctets.ipv6 + headerOctets.tcp),
    ...Array.from({ length: MOST_EXTENSION_HEADERS }, (_, index) => index).flatMap(skip),
    load32(arg1, frame, base + kept.next),
    jumpIfNotEqual(arg1, TCP, "mss.end"),
  ];
}

/** Copies the options of a SYN to the stack, with zeros behind them. */
function loadOptions(base: number): readonly Line[] {
  const header = base + kept.header;
  const zeros = Array.from({ length: (kept.at - kept.options) / 8 }, (_, index) =>
    store64(frame, base + kept.options + 8 * index, 0),
  );
  return [
    load32(arg1, frame, base + kept.at),
    ...loadOctets(arg1, header, headerOctets.tcp, "mss.end"),
    load8(arg1, frame, header + tcpOffsets.flags),
    and(arg1, SYN),
    jumpIfEqual(arg1, 0, "mss.end"),
    ...zeros,
    load8(arg4, frame, header + tcpOffsets.dataOffset),
    shiftRight(arg4, 4),
    multiply(arg4, 4),
    jumpIfAtMost(arg4, headerOctets.tcp, "mss.end"),
    add(arg4, -headerOctets.tcp),
    store32(frame, base + kept.optionOctets, arg4),
    load32(arg1, frame, base + kept.at),
    add(arg1, headerOctets.tcp),
    ...loadOctets(arg1, base + kept.options, arg4, "mss.end"),
  ];
}

/**
 * Finds the MSS option: its offset in the options is in arg2 then, a pointer to it in arg4, and the octets of
 * the options are in arg3.
 */
function findOption(base: number): readonly Line[] {
  return [
    load32(arg3, frame, base + kept.optionOctets),
    move(arg1, 0), // options looked at: the verifier wants a bound
    move(arg2, 0),
    label("mss.option"),
    jumpIfAtLeast(arg1, MOST_OPTION_OCTETS, "mss.end"),
    add(arg1, 1),
    jumpIfAtLeast(arg2, arg3, "mss.end"),
    ...stackAt(arg4, base + kept.options),
    add(arg4, arg2),
    load8(arg5, arg4, 0),
    jumpIfEqual(arg5, tcpOptions.end, "mss.end"),
    jumpIfEqual(arg5, tcpOptions.noOperation, "mss.nop"),
    load8(result, arg4, 1),
    jumpIfLess(result, 2, "mss.end"),
    jumpIfNotEqual(arg5, tcpOptions.mss, "mss.next"),
    jumpIfEqual(result, tcpOptions.mssOctets, "mss.found"),
    label("mss.next"),
    add(arg2, result),
    jump("mss.forward"),
    label("mss.nop"),
    add(arg2, 1),
    label("mss.forward"),
    jumpIfAtLeast(arg2, MOST_OPTION_OCTETS, "mss.end"),
    // Changes nothing, but to the verifier all offsets are alike then, and it looks at one turn of the loop.
    and(arg2, OFFSET_MASK),
    jump("mss.option"),
    label("mss.found"),
    move(arg1, arg2),
    add(arg1, tcpOptions.mssOctets),
    jumpIfGreater(arg1, arg3, "mss.end"),
  ];
}
