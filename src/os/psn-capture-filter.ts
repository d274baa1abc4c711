import { addressOctets } from "../bytes/ip-address.ts";
import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { FilterLine } from "./socket-filter.ts";

/**
 * The filter of a capture of what two LCCEs send to each other: control messages, and data messages of some
 * sessions. It counts from the IP header on, so that it fits every kind of interface.
 */

/** TABLE: opcodes of classic BPF (linux/bpf_common.h). */
const opcode = {
  word: 0x20,
  half: 0x28,
  octet: 0x30,
  wordBehindX: 0x40,
  halfBehindX: 0x48,
  headerLengthToX: 0xb1,
  constantToX: 0x01,
  and: 0x54,
  equal: 0x15,
  someBits: 0x45,
  jump: 0x05,
  return: 0x06,
} as const;

/** Offsets count from the network header on (SKF_NET_OFF of linux/filter.h). */
const NETWORK = -0x10_0000;
const UDP = 17;
const IPV6_FRAGMENT = 44;
const IPV6_HEADER_OCTETS = 40;
const FRAGMENT_HEADER_OCTETS = 8;
const UDP_HEADER_OCTETS = 8;
const T_BIT = 0x8000;

/** Sessions whose data messages are captured at most: those of one pseudowire, while one replaces another. */
const MOST_SESSIONS = 8;

/** An instruction whose jumps name labels; without a name it goes on with the next one. */
interface Step {
  readonly label?: string;
  readonly code: number;
  readonly k?: number;
  readonly ifTrue?: string;
  readonly ifFalse?: string;
}

/** The ids by which data messages of a session are known: ours from the peer, and the peer's from us. */
export interface SessionIds {
  readonly localSessionId: number;
  readonly remoteSessionId: number;
}

/** Keeps the first octets of the packets of a path that are control messages or data of these sessions. */
export function psnCaptureFilter(
  path: PsnPath,
  sessions: readonly SessionIds[],
  keptOctets: number,
): readonly FilterLine[] {
  const ids = new Set(
    sessions
      .slice(-MOST_SESSIONS)
      .flatMap(({ localSessionId, remoteSessionId }) => [localSessionId, remoteSessionId]),
  );
  return assemble([
    ...(addressOctets(path.localAddress).length === 4 ? ipv4(path) : ipv6(path)),
    ...(path.encapsulation === "udp" ? udp(path) : []),
    ...message(path, [...ids]),
    { label: "keep", code: opcode.return, k: keptOctets },
    { label: "leave", code: opcode.return, k: 0 },
  ]);
}

function protocolOf({ encapsulation }: PsnPath): number {
  return encapsulation === "udp" ? UDP : IP_PROTOCOL_L2TP;
}

/** Leaves what is of other addresses or another protocol; X becomes the offset of what IP carries. */
function ipv4(path: PsnPath): readonly Step[] {
  return [
    { code: opcode.octet, k: NETWORK },
    { code: opcode.and, k: 0xf0 },
    { code: opcode.equal, k: 0x40, ifFalse: "leave" },
    { code: opcode.octet, k: NETWORK + 9 },
    { code: opcode.equal, k: protocolOf(path), ifFalse: "leave" },
    ...between(path, 12, 16),
    // A fragment but the first has no header that tells more.
    { code: opcode.half, k: NETWORK + 6 },
    { code: opcode.someBits, k: 0x1fff, ifTrue: "keep" },
    { code: opcode.headerLengthToX, k: NETWORK },
  ];
}

function ipv6(path: PsnPath): readonly Step[] {
  return [
    { code: opcode.octet, k: NETWORK },
    { code: opcode.and, k: 0xf0 },
    { code: opcode.equal, k: 0x60, ifFalse: "leave" },
    ...between(path, 8, 24),
    { code: opcode.octet, k: NETWORK + 6 },
    { code: opcode.equal, k: protocolOf(path), ifTrue: "plain" },
    { code: opcode.equal, k: IPV6_FRAGMENT, ifFalse: "leave" },
    { code: opcode.octet, k: NETWORK + IPV6_HEADER_OCTETS },
    { code: opcode.equal, k: protocolOf(path), ifFalse: "leave" },
    { code: opcode.half, k: NETWORK + IPV6_HEADER_OCTETS + 2 },
    { code: opcode.someBits, k: 0xfff8, ifTrue: "keep" },
    { code: opcode.constantToX, k: IPV6_HEADER_OCTETS + FRAGMENT_HEADER_OCTETS },
    { code: opcode.jump, ifTrue: "carried" },
    { label: "plain", code: opcode.constantToX, k: IPV6_HEADER_OCTETS },
    // Nothing but a place for the jump to go on at.
    { label: "carried", code: opcode.octet, k: NETWORK },
  ];
}

/** Leaves packets that are neither from us to the peer nor the other way round. */
function between(
  { localAddress, remoteAddress }: PsnPath,
  source: number,
  destination: number,
): readonly Step[] {
  const [local, remote] = [addressOctets(localAddress), addressOctets(remoteAddress)];
  return [
    ...isAddress(source, local, "not-ours"),
    ...isAddress(destination, remote, "leave"),
    { code: opcode.jump, ifTrue: "theirs" },
    ...isAddress(source, remote, "leave", "not-ours"),
    ...isAddress(destination, local, "leave"),
    { label: "theirs", code: opcode.octet, k: NETWORK },
  ];
}

function isAddress(at: number, octets: Uint8Array, ifFalse: string, label?: string): readonly Step[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Array.from({ length: octets.length / 4 }, (_, index): readonly Step[] => [
    {
      code: opcode.word,
      k: NETWORK + at + 4 * index,
      ...(index === 0 && label !== undefined ? { label } : {}),
    },
    { code: opcode.equal, k: view.getUint32(4 * index), ifFalse },
  ]).flat();
}

function udp({ localPort, remotePort }: PsnPath): readonly Step[] {
  return [
    { code: opcode.wordBehindX, k: NETWORK },
    { code: opcode.equal, k: localPort * 0x1_0000 + remotePort, ifTrue: "ports" },
    { code: opcode.equal, k: remotePort * 0x1_0000 + localPort, ifFalse: "leave" },
    { label: "ports", code: opcode.halfBehindX, k: NETWORK + UDP_HEADER_OCTETS },
    { code: opcode.someBits, k: T_BIT, ifTrue: "keep" },
  ];
}

/** Over IP, control messages have the session id 0 (RFC 3931 §4.1.1.2). */
function message({ encapsulation }: PsnPath, ids: readonly number[]): readonly Step[] {
  const at = encapsulation === "udp" ? UDP_HEADER_OCTETS + 4 : 0;
  const wanted = encapsulation === "udp" ? ids : [0, ...ids];
  return [
    { code: opcode.wordBehindX, k: NETWORK + at },
    ...wanted.map((k): Step => ({ code: opcode.equal, k, ifTrue: "keep" })),
    { code: opcode.jump, ifTrue: "leave" },
  ];
}

function assemble(steps: readonly Step[]): readonly FilterLine[] {
  const places = new Map(
    steps.flatMap(({ label }, index) => (label === undefined ? [] : [[label, index] as const])),
  );
  return steps.map(({ code, k = 0, ifTrue, ifFalse }, index): FilterLine => {
    const to = (label: string | undefined) =>
      label === undefined ? 0 : (places.get(label) ?? Number.NaN) - index - 1;
    if (code === opcode.jump) return [code, 0, 0, to(ifTrue)];
    return [code, to(ifTrue), to(ifFalse), k >>> 0];
  });
}
