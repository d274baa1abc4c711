import { ignoreErrno } from "./errors.ts";
import { readOctets } from "./files.ts";

/** Offsets of members of the kernel's own structures, from its BTF (Documentation/bpf/btf.rst). */

const PATH = "/sys/kernel/btf/vmlinux";
const MAGIC = 0xeb9f;
const STRUCT = 4;
const TYPE_OCTETS = 12;
const MEMBER_OCTETS = 12;
/** Lower bits of a member's offset, which is in bits; in some structures the upper ones are a width. */
const OFFSET_MASK = 0xff_ffff;

/** TABLE: octets that follow a type of each kind: a fixed number, and a number for each of its members. */
const following: readonly (readonly [once: number, each: number])[] = [
  [0, 0], // void
  [4, 0], // integer
  [0, 0], // pointer
  [12, 0], // array
  [0, MEMBER_OCTETS], // struct
  [0, MEMBER_OCTETS], // union
  [0, 8], // enumeration
  [0, 0], // forward
  [0, 0], // type definition
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // function
  [0, 8], // prototype
  [4, 0], // variable
  [0, 12], // section
  [0, 0], // floating point
  [4, 0], // tag of a declaration
  [0, 0], // tag of a type
  [0, 12], // enumeration of 64 bits
];

/**
 * Offsets in octets of members of the kernel's structures, each named "structure.member", in the order of
 * `wanted`. Undefined where the kernel has no BTF, or not all of them.
 */
export function memberOffsets(wanted: readonly string[], path = PATH): readonly number[] | undefined {
  let octets: Buffer;
  try {
    octets = readOctets(path);
  } catch (error) {
    ignoreErrno(error);
    return undefined;
  }
  if (octets.length < 24 || octets.readUInt16LE(0) !== MAGIC) return undefined;
  const found = new Map<string, number>();
  const structures = new Set(wanted.map((each) => each.replace(/\..*/, "")));
  const headerOctets = octets.readUInt32LE(4);
  const types = headerOctets + octets.readUInt32LE(8);
  const end = types + octets.readUInt32LE(12);
  const strings = headerOctets + octets.readUInt32LE(16);
  const nameAt = (at: number) => {
    const from = strings + octets.readUInt32LE(at);
    return octets.toString("latin1", from, octets.indexOf(0, from));
  };
  for (let at = types; at + TYPE_OCTETS <= end; ) {
    const info = octets.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const parts = info & 0xffff;
    const rest = following[kind];
    if (rest === undefined) return undefined;
    const members = at + TYPE_OCTETS;
    const structure = kind === STRUCT ? nameAt(at) : "";
    if (structures.has(structure))
      for (let member = members; member < members + parts * MEMBER_OCTETS; member += MEMBER_OCTETS)
        found.set(`${structure}.${nameAt(member)}`, (octets.readUInt32LE(member + 8) & OFFSET_MASK) / 8);
    at = members + rest[0] + parts * rest[1];
  }
  const offsets = wanted.flatMap((each) => found.get(each) ?? []);
  return offsets.length === wanted.length ? offsets : undefined;
}
