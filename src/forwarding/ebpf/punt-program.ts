import { Register } from "../../bpf/instruction.ts";
import type { Line } from "../../bpf/line.ts";
import { call, exit, load32, move } from "../../bpf/mnemonics.ts";
import { circuitKeyOf, readTag } from "./circuit-frame.ts";
import { circuitValue } from "./map-layout.ts";
import { type ProgramMaps, type ProgramOptions, PUNT_SHAPE } from "./options.ts";
import { context, entry, findEntry, passEnd } from "./parts.ts";
import { takeTagAside } from "./vlan-tag.ts";

const { arg1, arg2 } = Register;
const KEY = -8;
const TAG = -12;

/** The program at a circuit that gives a session's frames away as they are, to where its entry says: the userspace plane has them. */
export function puntProgram(vlan: ProgramOptions["vlan"], maps: ProgramMaps): readonly Line[] {
  return [
    move(context, arg1),
    ...takeTagAside(),
    ...readTag(TAG),
    ...circuitKeyOf(vlan, KEY, TAG),
    ...findEntry(PUNT_SHAPE, maps.circuits, KEY, circuitValue.shape.offset),
    load32(arg1, entry, circuitValue.detour.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
    ...passEnd(),
  ];
}
