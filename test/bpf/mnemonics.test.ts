import { describe, expect, test } from "vitest";
import { instructionText } from "../../src/bpf/disassembler.ts";
import { AssemblyError } from "../../src/bpf/errors.ts";
import {
  decodeInstruction,
  encodeInstruction,
  Register,
  type WritableRegister,
} from "../../src/bpf/instruction.ts";
import { label } from "../../src/bpf/line.ts";
import * as mnemonics from "../../src/bpf/mnemonics.ts";
import { fromHex, toHex } from "../../src/bytes/hex.ts";
import { golden } from "../support/bpf-mnemonics-table.ts";

const { saved1, arg1, frame } = Register;

describe("every mnemonic", () => {
  test.each(golden)("$mnemonic: $text", ({ step, octets, text }) => {
    expect(toHex(encodeInstruction(step.instruction))).toBe(toHex(fromHex(octets)));
    expect(decodeInstruction(fromHex(octets))).toEqual(step.instruction);
    expect(instructionText(step.instruction)).toBe(text);
  });

  test("has its row, and no two rows are the same octets", () => {
    expect(new Set(golden.map(({ mnemonic }) => mnemonic))).toEqual(new Set(Object.keys(mnemonics)));
    expect(new Set(golden.map(({ octets }) => octets)).size).toBe(golden.length);
  });
});

describe("registers", () => {
  test("have the numbers of the calling convention", () => {
    const numbers = Object.entries(Register).map(([role, register]) => [
      role,
      mnemonics.store8(register, -1, saved1).instruction.destination,
    ]);
    expect(Object.fromEntries(numbers)).toEqual({
      ...{ result: 0, arg1: 1, arg2: 2, arg3: 3, arg4: 4, arg5: 5 },
      ...{ saved1: 6, saved2: 7, saved3: 8, saved4: 9, frame: 10 },
    });
  });

  test.each([
    ["move", () => mnemonics.move(frame as unknown as WritableRegister, 1)],
    ["load64", () => mnemonics.load64(frame as unknown as WritableRegister, arg1, 0)],
    ["loadConstant", () => mnemonics.loadConstant(frame as unknown as WritableRegister, 1)],
    ["atomicFetchAdd64", () => mnemonics.atomicFetchAdd64(arg1, 0, frame as unknown as WritableRegister)],
  ])("%s cannot write the frame register", (name, write) => {
    expect(write).toThrow(`${name}: the frame register cannot be written; copy it by move first`);
  });

  test("are only those there are", () => {
    expect(() => mnemonics.move("r11" as "r1", 1)).toThrow(new AssemblyError("move: r11 is no register"));
    expect(() => mnemonics.add(saved1, "x" as "r1")).toThrow("add: x is no register");
    expect(() => mnemonics.jumpIfEqual("" as "r1", 1, "a")).toThrow("jumpIfEqual:  is no register");
  });
});

/** Calls that are in order, each with the immediate it makes. */
const within: readonly [string, () => { instruction: { immediate: number } }, number][] = [
  ["the least of 64 bits", () => mnemonics.move(saved1, -0x8000_0000), -0x8000_0000],
  ["the most of 64 bits", () => mnemonics.move(saved1, 0x7fff_ffff), 0x7fff_ffff],
  ["unsigned in 32 bits", () => mnemonics.move32(saved1, 0xffff_ffff), -1],
  ["signed in 32 bits", () => mnemonics.add32(saved1, -1), -1],
  ["a comparison of 32 bits", () => mnemonics.jumpIfEqual32(saved1, 0x8000_0000, "a"), -0x8000_0000],
  ["store8", () => mnemonics.store8(arg1, 0, 255), 255],
  ["store8, signed", () => mnemonics.store8(arg1, 0, -128), -128],
  ["store16", () => mnemonics.store16(arg1, 0, 0xffff), 0xffff],
  ["store32", () => mnemonics.store32(arg1, 0, 0xffff_ffff), -1],
  ["store64", () => mnemonics.store64(arg1, 0, -1), -1],
  ["a division by all ones", () => mnemonics.divide32(saved1, 0xffff_ffff), -1],
  ["the longest shift", () => mnemonics.shiftLeft(saved1, 63), 63],
  ["the longest shift of 32 bits", () => mnemonics.shiftRightSigned32(saved1, 31), 31],
  ["a helper's number", () => mnemonics.call(211), 211],
];

const signed = "is not an integer from -2147483648 to 2147483647, which is extended by its sign to 64 bits";
const unsigned = "is not an integer from -2147483648 to 4294967295";

/** Calls that are not, each with what is said of it. */
const outside: readonly [() => unknown, string][] = [
  [() => mnemonics.move(saved1, 0x8000_0000), `move: immediate 2147483648 ${signed}`],
  [() => mnemonics.move(saved1, 0x8000_0000), "put it into a register by loadConstant"],
  [() => mnemonics.move(saved1, -0x8000_0001), `move: immediate -2147483649 ${signed}`],
  [() => mnemonics.add(saved1, 1.5), `add: immediate 1.5 ${signed}`],
  [() => mnemonics.and(saved1, Number.NaN), `and: immediate NaN ${signed}`],
  [() => mnemonics.or32(saved1, 0x1_0000_0000), `or32: immediate 4294967296 ${unsigned}`],
  [() => mnemonics.xor32(saved1, -0x8000_0001), `xor32: immediate -2147483649 ${unsigned}`],
  [() => mnemonics.shiftLeft(saved1, 64), "shiftLeft: shift 64 is not an integer from 0 to 63"],
  [() => mnemonics.shiftRight(saved1, -1), "shiftRight: shift -1 is not an integer from 0 to 63"],
  [() => mnemonics.shiftRight32(saved1, 32), "shiftRight32: shift 32 is not an integer from 0 to 31"],
  [() => mnemonics.divide(saved1, 0), "divide: divisor 0 is not an integer from 1"],
  [() => mnemonics.modulo32(saved1, 0), "modulo32: divisor 0 is not an integer from 1"],
  [
    () => mnemonics.load32(saved1, arg1, 0x8000),
    "load32: offset 32768 is not an integer from -32768 to 32767",
  ],
  [() => mnemonics.store8(arg1, -0x8001, 0), "store8: offset -32769 is not an integer from -32768 to 32767"],
  [() => mnemonics.store8(arg1, 0, 256), "store8: immediate 256 is not an integer from -128 to 255"],
  [
    () => mnemonics.store16(arg1, 0, 65536),
    "store16: immediate 65536 is not an integer from -32768 to 65535",
  ],
  [() => mnemonics.store32(arg1, 0, 2 ** 32), `store32: immediate 4294967296 ${unsigned}`],
  [() => mnemonics.store64(arg1, 0, 2 ** 31), `store64: immediate 2147483648 ${signed}`],
  [
    () => mnemonics.load64(saved1, frame, -12),
    "load64: offset -12 from the frame: 8 octets of stack begin at a multiple of 8 from -512 to -8",
  ],
  [() => mnemonics.store64(frame, -520, 0), "store64: offset -520 from the frame"],
  [() => mnemonics.store32(frame, 0, 0), "store32: offset 0 from the frame"],
  [() => mnemonics.atomicAdd32(frame, -6, saved1), "atomicAdd32: offset -6 from the frame"],
  [
    () => mnemonics.loadConstant(saved1, 2n ** 64n),
    "loadConstant: 18446744073709551616 does not fit 64 bits",
  ],
  [() => mnemonics.loadConstant(saved1, -(2n ** 63n) - 1n), "does not fit 64 bits"],
  [
    () => mnemonics.loadConstant(saved1, 2 ** 53),
    "no integer that a number holds exactly; write it as a bigint",
  ],
  [() => mnemonics.loadConstant(saved1, 0.5), "no integer that a number holds exactly"],
  [() => mnemonics.loadMapFd(arg1, -1), "loadMapFd: descriptor -1 is not an integer from 0 to 2147483647"],
  [() => mnemonics.loadMapValue(arg1, 0.5), "loadMapValue: descriptor 0.5 is not an integer"],
  [
    () => mnemonics.loadMapValue(arg1, 3, -1),
    "loadMapValue: offset -1 is not an integer from 0 to 536870911",
  ],
  [() => mnemonics.jumpIfLess(saved1, 2 ** 31, "a"), `jumpIfLess: immediate 2147483648 ${signed}`],
  [() => mnemonics.jumpIfLess32(saved1, 2 ** 32, "a"), `jumpIfLess32: immediate 4294967296 ${unsigned}`],
  [() => mnemonics.jump(""), 'jump: "" is no name of a label'],
  [() => mnemonics.jumpIfSet(saved1, 1, "a b"), 'jumpIfSet: "a b" is no name of a label'],
  [() => label("1st"), 'label: "1st" is no name of a label'],
  [() => mnemonics.call(0), "call: helper 0 is not an integer from 1 to 2147483647"],
  [
    () => mnemonics.call("map_look_up" as "map_lookup_elem"),
    "call: no helper map_look_up in the table; call it by its number",
  ],
];

describe("ranges are checked where the line is written", () => {
  test.each(within)("%s is in order", (_, write, immediate) => {
    expect(write().instruction.immediate).toBe(immediate);
  });

  test.each(outside)("outside %#: %s", (write, message) => {
    expect(write).toThrow(AssemblyError);
    expect(write).toThrow(message);
  });

  test.each([
    [0, 0, 0],
    [-1n, -1, -1],
    [2n ** 64n - 1n, -1, -1],
    [-(2n ** 63n), 0, -0x8000_0000],
    [0x1_8000_0000, -0x8000_0000, 1],
  ])("loadConstant takes %s", (value, immediate, upper) => {
    expect(mnemonics.loadConstant(saved1, value).instruction).toMatchObject({ immediate, upper });
  });
});
