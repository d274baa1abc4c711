import { Register, type WritableRegister } from "../../../bpf/instruction.ts";
import { updateModes, verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  atomicAdd64,
  call,
  divide,
  exit,
  jump,
  jumpIfAtLeast,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfLess,
  jumpIfNotEqual32,
  jumpIfSet,
  load8,
  load16,
  load32,
  load64,
  loadConstant,
  loadMapFd,
  loadMapValue,
  move,
  move32,
  multiply,
  store16,
  store32,
  store64,
  subtract,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { burstFrames, type StormKind, type StormLimits, stormKinds } from "../../storm-kinds.ts";
import { context, loadOctets, stackAt } from "./parts.ts";

/**
 * The program at the ingress of a port of a bridge that limits what the bridge would flood. A frame that
 * finds room goes on to the next program and to the bridge; another is counted and dropped.
 *
 * Each kind has a time until which its rate is used up. A frame moves it on by what one takes of a second,
 * and none passes while it lies further ahead than the burst. Programs on several processors at once may let
 * one more pass.
 */

const { result, arg1, arg2, arg3, arg4, saved2, saved3, frame } = Register;

/** Octets of the value in the array of a port: of each bucket the time in ns, of each kind the count. */
const BUCKET_OCTETS = 8;
/**
 * Behind those of the kinds as many of what keeps networks free of loops, so that it passes during a storm:
 * one a kind, since kinds of different rates in one bucket would starve each other.
 */
const CONTROL_BUCKETS = stormKinds.length;
const COUNTS = 2 * stormKinds.length * BUCKET_OCTETS;
export const STORM_STATE_OCTETS = COUNTS + stormKinds.length * 8;

/** The offset of the count of a kind's discards in the value of a port. */
export function stormCountOffset(kind: StormKind): number {
  return COUNTS + 8 * indexOf(kind);
}

function indexOf(kind: StormKind): number {
  return stormKinds.findIndex((row) => row.kind === kind);
}

function controlBucket(kind: "broadcast" | "multicast"): number {
  return CONTROL_BUCKETS + indexOf(kind);
}

/** Octets of an entry of the map of addresses: the address with two zeros, and when it last sent, in ns. */
export const learntEntry = { keyOctets: 8, valueOctets: 8 } as const;
/** Such a time of an address that never ages: later than the machine's clock will be in a century. */
export const NEVER_AGES_NS = 2n ** 62n;

export interface LearntAddresses {
  readonly map: number;
  readonly ageingNs: bigint;
  /** Whether the bridge learns at this port: what it does not learn by a blocked one stays unknown. */
  readonly isLearning: boolean;
}

export interface StormProgramOptions {
  readonly limits: StormLimits;
  /** Descriptor of the array with the port's state. */
  readonly state: number;
  /**
   * The addresses that sent to the bridge, on any port; absent where no port limits unknown unicast. They may
   * be more than the bridge learnt (`mac_limit`): no helper of the kernel asks its table.
   */
  readonly learnt?: LearntAddresses | undefined;
}

/** Offsets from the frame register: the first 14 octets of the frame, a key of the map, a value. */
const HEADER = -16;
const SOURCE = HEADER + 6;
const ETHER_TYPE = HEADER + 12;
const HEADER_OCTETS = 14;
const KEY = -24;
const VALUE = -32;

/** Registers: nanoseconds now; frames that the packet stands for. */
const nowNs = saved2;
const frames = saved3;

/** Octets of the shortest headers of a GSO packet: Ethernet, IPv4 and UDP. */
const LEAST_GSO_HEADERS = 14 + 20 + 8;

/** Local experimental EtherType (IEEE 802), as load16 reads it: probes for loops have it. */
const EXPERIMENTAL = 0xb588;
/** 01-80-C2-00-00-0X as load32 and load16 read them. */
const LINK_LOCAL = { head: 0x00c2_8001, tail: 0x0000, tailMask: 0xf0ff } as const;

export function stormProgram({ limits, state, learnt }: StormProgramOptions): readonly Line[] {
  return [
    move(context, arg1),
    ...countFrames(),
    ...loadOctets(0, HEADER, HEADER_OCTETS, "pass"),
    call("ktime_get_ns"),
    move(nowNs, result),
    ...(learnt?.isLearning === true ? learnSource(learnt.map) : []),
    load8(arg1, frame, HEADER),
    jumpIfSet(arg1, 1, "group"),
    ...(learnt === undefined || limits.unknownUnicast === undefined
      ? []
      : [...passKnown(learnt), ...limitTo(limits.unknownUnicast, "unknownUnicast", state)]),
    jump("pass"),
    label("group"),
    ...controlFrames(limits, state),
    load32(arg1, frame, HEADER),
    jumpIfNotEqual32(arg1, -1, "multicast"),
    load16(arg1, frame, HEADER + 4),
    jumpIfNotEqual32(arg1, 0xffff, "multicast"),
    ...limitTo(limits.broadcast, "broadcast", state),
    jump("pass"),
    label("multicast"),
    ...limitTo(limits.multicast, "multicast", state),
    label("pass"),
    move(result, verdicts.next),
    exit(),
    ...drops(limits, learnt !== undefined, state),
  ];
}

/**
 * `frames = those that the packet stands for`. The kernel does not count the segments of a GSO packet that a
 * TAP device's writer gave with a virtio header, so they follow from the lengths: never too few, and one too
 * many at most with segments that are longer than the headers.
 */
function countFrames(): readonly Line[] {
  return [
    load32(frames, context, skbContext.gsoSegments),
    jumpIfAtLeast(frames, 1, "counted"),
    move(frames, 1),
    load32(arg2, context, skbContext.gsoSize),
    jumpIfEqual(arg2, 0, "counted"),
    load32(arg1, context, skbContext.length),
    jumpIfLess(arg1, LEAST_GSO_HEADERS + 1, "counted"),
    subtract(arg1, LEAST_GSO_HEADERS + 1),
    divide(arg1, arg2),
    add(frames, arg1),
    label("counted"),
  ];
}

/** `key = address at stack[offset]` */
function keyOf(offset: number): readonly Line[] {
  return [
    load32(arg1, frame, offset),
    store32(frame, KEY, arg1),
    load16(arg1, frame, offset + 4),
    store16(frame, KEY + 4, arg1),
    store16(frame, KEY + 6, 0),
  ];
}

/** Keeps when the source was seen; addresses that never age stay so. */
function learnSource(map: number): readonly Line[] {
  return [
    load8(arg1, frame, SOURCE),
    jumpIfSet(arg1, 1, "learnt"),
    // Words of the source do not lie at multiples of 4, as those of the destination do.
    load16(arg1, frame, SOURCE),
    store16(frame, KEY, arg1),
    load16(arg1, frame, SOURCE + 2),
    store16(frame, KEY + 2, arg1),
    load16(arg1, frame, SOURCE + 4),
    store16(frame, KEY + 4, arg1),
    store16(frame, KEY + 6, 0),
    loadMapFd(arg1, map),
    ...stackAt(arg2, KEY),
    call("map_lookup_elem"),
    jumpIfEqual(result, 0, "new"),
    load64(arg1, result, 0),
    jumpIfAtLeast(arg1, nowNs, "learnt"),
    store64(result, 0, nowNs),
    jump("learnt"),
    label("new"),
    store64(frame, VALUE, nowNs),
    loadMapFd(arg1, map),
    ...stackAt(arg2, KEY),
    ...stackAt(arg3, VALUE),
    move(arg4, updateModes.any),
    call("map_update_elem"),
    label("learnt"),
  ];
}

/** Goes on at "pass" if the destination sent to the bridge not long ago. */
function passKnown({ map, ageingNs }: LearntAddresses): readonly Line[] {
  return [
    ...keyOf(HEADER),
    loadMapFd(arg1, map),
    ...stackAt(arg2, KEY),
    call("map_lookup_elem"),
    jumpIfEqual(result, 0, "unknown"),
    load64(arg1, result, 0),
    loadConstant(arg2, ageingNs),
    add(arg1, arg2),
    jumpIfAtLeast(arg1, nowNs, "pass"),
    label("unknown"),
  ];
}

/**
 * BPDUs and the like, and probes for loops, have buckets of their own, each with the rate of its kind: what
 * ends a storm is not to be lost in it.
 */
function controlFrames(limits: StormLimits, state: number): readonly Line[] {
  const { broadcast, multicast } = limits;
  if (broadcast === undefined && multicast === undefined) return [];
  return [
    load16(arg1, frame, ETHER_TYPE),
    ...(broadcast === undefined
      ? []
      : [
          jumpIfNotEqual32(arg1, EXPERIMENTAL, "notProbe"),
          load32(arg1, frame, HEADER),
          jumpIfNotEqual32(arg1, -1, "notControl"),
          ...limitTo(broadcast, "broadcast", state, controlBucket("broadcast")),
          jump("pass"),
          label("notProbe"),
        ]),
    ...(multicast === undefined
      ? []
      : [
          load32(arg1, frame, HEADER),
          jumpIfNotEqual32(arg1, LINK_LOCAL.head, "notControl"),
          load16(arg1, frame, HEADER + 4),
          and(arg1, LINK_LOCAL.tailMask),
          jumpIfNotEqual32(arg1, LINK_LOCAL.tail, "notControl"),
          ...limitTo(multicast, "multicast", state, controlBucket("multicast")),
          jump("pass"),
        ]),
    label("notControl"),
  ];
}

/** Takes the frames from a bucket, or goes on where the kind is dropped; nothing without a limit. */
function limitTo(
  limit: number | undefined,
  kind: StormKind,
  state: number,
  bucket = indexOf(kind),
): readonly Line[] {
  if (limit === undefined) return [];
  const nsAFrame = Math.round(1e9 / limit);
  const burstNs = BigInt(nsAFrame) * BigInt(burstFrames(limit) - 1);
  const place = `${kind}${bucket}`;
  const usedUntil: WritableRegister = arg3;
  return [
    loadMapValue(arg1, state, bucket * BUCKET_OCTETS),
    load64(usedUntil, arg1, 0),
    loadConstant(arg2, burstNs),
    add(arg2, nowNs),
    jumpIfGreater(usedUntil, arg2, dropLabel(kind)),
    jumpIfAtLeast(usedUntil, nowNs, `${place}.used`),
    move(usedUntil, nowNs),
    label(`${place}.used`),
    move32(arg2, nsAFrame),
    multiply(arg2, frames),
    add(usedUntil, arg2),
    store64(arg1, 0, usedUntil),
  ];
}

function dropLabel(kind: StormKind): string {
  return `drop.${kind}`;
}

/** The ends at which frames of the limited kinds are counted and dropped. */
function drops(limits: StormLimits, learns: boolean, state: number): readonly Line[] {
  const limited = stormKinds.filter(
    ({ kind }) => limits[kind] !== undefined && (kind !== "unknownUnicast" || learns),
  );
  return limited.flatMap(({ kind }) => [
    label(dropLabel(kind)),
    loadMapValue(arg1, state, stormCountOffset(kind)),
    atomicAdd64(arg1, 0, frames),
    move(result, verdicts.drop),
    exit(),
  ]);
}
