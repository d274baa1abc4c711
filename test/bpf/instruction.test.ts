import fc from "fast-check";
import { expect, test } from "vitest";
import { disassemble } from "../../src/bpf/disassembler.ts";
import { AssemblyError } from "../../src/bpf/errors.ts";
import {
  decodeInstruction,
  decodeInstructions,
  encodeInstruction,
  type Instruction,
  slotsOf,
} from "../../src/bpf/instruction.ts";
import { TruncatedError } from "../../src/bytes/errors.ts";
import { concat, hex } from "../../src/bytes/hex.ts";
import { assertProperty } from "../support/seeds.ts";

const SEED = 20_261_125;
const WIDE = 0x18;

const fields = {
  destination: fc.integer({ min: 0, max: 15 }),
  source: fc.integer({ min: 0, max: 15 }),
  offset: fc.integer({ min: -0x8000, max: 0x7fff }),
  immediate: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
};
const plain = fc.record({
  opcode: fc.integer({ min: 0, max: 255 }).filter((opcode) => opcode !== WIDE),
  ...fields,
});
const wide = fc.record({
  opcode: fc.constant(WIDE),
  ...fields,
  upper: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
});
const instruction: fc.Arbitrary<Instruction> = fc.oneof(plain, wide);

test("any instructions become octets and come back as they were", () => {
  assertProperty(
    fc.property(fc.array(instruction, { maxLength: 20 }), (program) => {
      const octets = concat(...program.map(encodeInstruction));
      expect(octets.length).toBe(8 * program.reduce((slots, each) => slots + slotsOf(each), 0));
      expect(decodeInstructions(octets)).toEqual(program);
    }),
    { seed: SEED, runs: 1000 },
  );
});

test("any octets become instructions and the same octets again, or a named error; all have a text", () => {
  assertProperty(
    fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
      try {
        const program = decodeInstructions(octets);
        expect(concat(...program.map(encodeInstruction))).toEqual(octets);
        for (const line of disassemble(octets)) expect(line).toMatch(/^ *\d+: \([0-9a-f]{2}\) \S|^L-?\d+:$/);
      } catch (error) {
        if (!(error instanceof TruncatedError) && !(error instanceof AssemblyError)) throw error;
      }
    }),
    { seed: SEED, runs: 2000 },
  );
});

test("octets that end within an instruction are told", () => {
  expect(() => decodeInstruction(hex`95 00 0000 000000`)).toThrow(new TruncatedError("instruction", 0, 8, 7));
  expect(() => decodeInstructions(hex`95 00 0000 00000000  18 01 0000 05000000`)).toThrow(
    new TruncatedError("instruction", 8, 16, 8),
  );
});

test("a constant whose second slot is an instruction is told, and a half-made one is not encoded", () => {
  expect(() => decodeInstructions(hex`18 01 0000 05000000  95 00 0000 00000000`)).toThrow(
    new AssemblyError("decode the constant at octet 0: its second slot is an instruction of its own"),
  );
  const half = { opcode: WIDE, destination: 0, source: 0, offset: 0, immediate: 0 };
  expect(() => encodeInstruction(half)).toThrow(AssemblyError);
  expect(() => encodeInstruction({ ...half, opcode: 0x95, upper: 0 })).toThrow("only with it");
});

test("a view into other octets is read from where it begins", () => {
  const octets = concat(hex`ffffff`, hex`b7 06 0000 feffffff`);
  expect(decodeInstruction(octets.subarray(3))).toMatchObject({ opcode: 0xb7, immediate: -2 });
});
