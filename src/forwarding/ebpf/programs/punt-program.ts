import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import { call, exit, load32, move } from "../../../bpf/mnemonics.ts";
import { readTag, writeKey } from "./circuit-key.ts";
import { circuitValue } from "./map-layout.ts";
import { type ProgramMaps, type ProgramOptions, PUNT_SHAPE } from "./options.ts";
import { context, entry, findEntry, passEnd } from "./parts.ts";
import { partFromSender } from "./time-stamps.ts";
import { takeTagAside } from "./vlan-tag.ts";

const { arg1, arg2 } = Register;

/** Offsets from the frame register. */
const KEY = -8;
const TAG = -12;
const STAMPS = -32;

/**
 * The program of circuits whose session no other program carries (`puntEntry`): every frame takes the detour, to the plane that
 * carries anything.
 */
export function puntProgram(
  { vlan, packetLayout }: Pick<ProgramOptions, "vlan" | "packetLayout">,
  maps: Pick<ProgramMaps, "circuits">,
): readonly Line[] {
  return [
    move(context, arg1),
    ...takeTagAside(),
    ...readTag(TAG),
    ...writeKey(vlan, KEY, TAG),
    ...findEntry(PUNT_SHAPE, maps.circuits, KEY, circuitValue.shape.offset),
    ...partFromSender({ packetLayout }, STAMPS, "detour", "whole"),
    label("whole"),
    load32(arg1, entry, circuitValue.detour.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
    ...passEnd(),
  ];
}
