import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import { call, exit, load32, move } from "../../../bpf/mnemonics.ts";
import { readTag, writeKey } from "./circuit-key.ts";
import { circuitValue } from "./map-layout.ts";
import { type ProgramMaps, type ProgramOptions, PUNT_VARIANT } from "./options.ts";
import { context, entry, findEntry, passEnd } from "./parts.ts";
import { detachFromSender } from "./time-stamps.ts";
import { moveTagToMetadata } from "./vlan-tag.ts";

const { arg1, arg2 } = Register;

/** Offsets from the frame register. */
const KEY = -8;
const TAG = -12;
const STAMPS = -32;

/**
 * The program of circuits whose session no other program carries (`puntEntry`): every frame takes the
 * exception path, to the userspace plane.
 */
export function puntProgram(
  { vlan, packetOffsets }: Pick<ProgramOptions, "vlan" | "packetOffsets">,
  maps: Pick<ProgramMaps, "circuits">,
): readonly Line[] {
  return [
    move(context, arg1),
    ...moveTagToMetadata(),
    ...readTag(TAG),
    ...writeKey(vlan, KEY, TAG),
    ...findEntry(PUNT_VARIANT, maps.circuits, KEY, circuitValue.variant.offset),
    ...detachFromSender({ packetOffsets }, STAMPS, "exceptionPath", "whole"),
    label("whole"),
    load32(arg1, entry, circuitValue.exceptionPath.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
    ...passEnd(),
  ];
}
