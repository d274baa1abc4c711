import { describe, expect, test } from "vitest";
import { assemble } from "../../../../src/bpf/assembler.ts";
import { list } from "../../../../src/bpf/listing.ts";
import { decapsulateProgram } from "../../../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { emitProgram } from "../../../../src/forwarding/ebpf/programs/emit-program.ts";
import { encapsulateProgram } from "../../../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { everyDecapsulation, everyEncapsulation } from "../../../../src/forwarding/ebpf/programs/options.ts";
import { puntProgram } from "../../../../src/forwarding/ebpf/programs/punt-program.ts";
import { nameOf } from "../../../support/ebpf-session.ts";
import { sampled } from "../../../support/effort.ts";

const maps = { circuits: 11, peers: 12, counters: 13, sequences: 14, routes: 15 };
const SLOT_OCTETS = 8;
const LOAD_WIDE = 0x18;

describe.each([
  { program: encapsulateProgram, all: sampled(everyEncapsulation()) },
  { program: decapsulateProgram, all: sampled(everyDecapsulation()) },
])("$program.name", ({ program, all }) => {
  test("every combination of options assembles, to the same octets each time", () => {
    for (const options of all) {
      const octets = assemble(program(options, maps));
      expect(octets.length / SLOT_OCTETS, nameOf(options)).toBeLessThan(1100);
      expect(assemble(program(options, maps))).toEqual(octets);
    }
  });

  test("programs differ where their options do", () => {
    const texts = all.map((options) => list(program(options, maps)).join("\n"));
    expect(new Set(texts).size).toBe(texts.length);
  });

  test("only one that numbers asks for the map of sequences", () => {
    for (const options of all) {
      const asks = program(options, maps).some(
        (line) =>
          line.kind === "step" &&
          line.instruction.opcode === LOAD_WIDE &&
          line.instruction.source === 1 &&
          line.instruction.immediate === maps.sequences,
      );
      expect(asks, nameOf(options)).toBe(options.sublayer && options.sequencing !== "none");
    }
  });
});

test("a program that has every frame take the exception path is one for ports and one for VLANs", () => {
  const [port, vlan] = (["port", "vlan"] as const).map((kind) => assemble(puntProgram({ vlan: kind }, maps)));
  expect(port).not.toEqual(vlan);
});

test("the program at the exit of a segmenter asks for nothing but routes", () => {
  const asked = emitProgram(maps).flatMap((line) =>
    line.kind === "step" && line.instruction.opcode === LOAD_WIDE && line.instruction.source === 1
      ? [line.instruction.immediate]
      : [],
  );
  expect(asked).toEqual([maps.routes]);
  expect(assemble(emitProgram(maps)).length / SLOT_OCTETS).toBeLessThan(60);
});
