import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { disassemble } from "../../src/bpf/disassembler.ts";
import { Register, type WritableRegister } from "../../src/bpf/instruction.ts";
import { type Line, label } from "../../src/bpf/line.ts";
import * as arithmetic from "../../src/bpf/mnemonics/arithmetic.ts";
import * as control from "../../src/bpf/mnemonics/control.ts";
import { exit, jump, loadConstant, move } from "../../src/bpf/mnemonics.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { interpret } from "../support/bpf-interpreter.ts";
import { KernelMachine, tested } from "../support/bpf-machine.ts";
import { listedTexts, tracedTexts } from "../support/bpf-text.ts";
import { scaled } from "../support/effort.ts";
import { needBpf } from "../support/namespace.ts";
import { assertProperty } from "../support/seeds.ts";

const SEED = 20_261_125;
const RANDOM_PROGRAMS = 200;
const { arg1, arg2, saved1 } = Register;

const { jump: _jump, call: _call, exit: _exit, ...conditional } = control;
const jumps = Object.entries(conditional);
const isUnary = (name: string) => /^(?:negate|to(?:Big|Little)Endian)/.test(name);
const unary = Object.entries(arithmetic).filter(([name]) => isUnary(name)) as [string, arithmetic.Unary][];
const binary = Object.entries(arithmetic).filter(([name]) => !isUnary(name)) as [
  string,
  arithmetic.Arithmetic,
][];

/** Values at which machines go wrong. */
const edges: readonly bigint[] = [
  0n,
  1n,
  2n,
  31n,
  32n,
  63n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x0123_4567_89ab_cdefn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_ffffn,
];
/** Constants that all mnemonics take. */
const constants = [1, 7, 31];
/** Constants that all take but shifts. */
const wideConstants = [-1, -2, 0x7fff_ffff, -0x8000_0000, 0x1234_5678];
const constantsOf = (name: string) =>
  name.startsWith("shift") ? constants : [...constants, ...wideConstants];

const kernel = new BpfSyscall();
let machine: KernelMachine;

beforeAll(() => {
  needBpf();
  machine = new KernelMachine(kernel);
});
afterAll(() => machine?.[Symbol.dispose]());

/** The registers as they are, and `arg1` and `arg2` as asked for. */
function registers(left: bigint, right: bigint): readonly bigint[] {
  return tested.map((register, index) =>
    register === arg1 ? left : register === arg2 ? right : BigInt(index) * 0x0101_0101_0101_0101n,
  );
}

/** Holds lines against the interpreter for these registers. */
function compare(lines: readonly Line[], inputs: readonly (readonly bigint[])[]): void {
  using program = machine.load(lines);
  const octets = assemble([...lines, label("end"), exit()]);
  for (const input of inputs) {
    expect(machine.run(program, input), disassemble(octets).join("\n")).toEqual(interpret(octets, input));
  }
}

const pairs = edges.flatMap((left) => edges.map((right) => registers(left, right)));
const singles = edges.map((left) => registers(left, 0n));

describe("the kernel computes what the interpreter computes, at the edges", () => {
  test.each(unary)("%s", (_, operation) => {
    compare([operation(arg1)], singles);
  });

  test.each(binary)("%s", (name, operation) => {
    compare([operation(arg1, arg2)], pairs);
    compare([operation(arg1, arg1)], singles);
    for (const value of constantsOf(name)) compare([operation(arg1, value)], singles);
  });

  test.each(jumps)("%s", (_, jumpIf) => {
    const taken = (line: Line): readonly Line[] => [
      move(saved1, 1),
      line,
      move(saved1, 2),
      jump("end"),
      label("taken"),
      move(saved1, 3),
    ];
    compare(taken(jumpIf(arg1, arg2, "taken")), pairs);
    for (const value of [0, ...constantsOf("")]) compare(taken(jumpIf(arg1, value, "taken")), singles);
  });

  test("loadConstant", () => {
    compare(
      edges.slice(0, tested.length).map((value, index) => loadConstant(tested[index]!, value)),
      [registers(0n, 0n)],
    );
    compare(
      edges.slice(-tested.length).map((value, index) => loadConstant(tested[index]!, value)),
      [registers(0n, 0n)],
    );
  });
});

const anyRegister = fc.constantFrom<WritableRegister>(...tested);
const anyValue = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const anyConstant = fc.oneof(
  fc.constantFrom(...constants, ...wideConstants),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).filter((value) => value !== 0),
);
const operation: fc.Arbitrary<Line> = fc.oneof(
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...unary), anyRegister).map(([[, make], r]) => make(r)) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...binary), anyRegister, anyRegister)
      .map(([[, make], to, from]) => make(to, from)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...binary), anyRegister, anyConstant)
      .map(([[name, make], to, value]) => make(to, name.startsWith("shift") ? value & 31 : value)),
  },
  { weight: 1, arbitrary: fc.tuple(anyRegister, anyValue).map(([to, value]) => loadConstant(to, value)) },
);

/** A jump, by where it goes: so many lines on. */
interface Branch {
  readonly make: (target: string) => Line;
  readonly over: number;
}
const branch: fc.Arbitrary<Branch> = fc
  .tuple(
    fc.constantFrom(...jumps),
    anyRegister,
    fc.oneof(anyRegister, anyConstant),
    fc.integer({ min: 1, max: 6 }),
  )
  .map(([[, make], left, right, over]) => ({ make: (target: string) => make(left, right, target), over }));

/** Up to 40 operations with up to 6 jumps forwards among them. */
const program: fc.Arbitrary<readonly Line[]> = fc
  .tuple(
    fc.array(operation, { minLength: 1, maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(39), branch), { maxLength: 6 }),
  )
  .map(([operations, branches]) =>
    operations.flatMap((line, index) => [
      label(`at${index}`),
      ...branches
        .filter(([at]) => at % operations.length === index)
        .map(([, { make, over }]) => make(index + over < operations.length ? `at${index + over}` : "end")),
      line,
    ]),
  );

test("random programs leave in every register what the interpreter says", () => {
  let loaded = 0;
  let ran = 0;
  assertProperty(
    fc.property(
      program,
      fc.array(fc.array(anyValue, { minLength: tested.length, maxLength: tested.length }), {
        minLength: 3,
        maxLength: 3,
      }),
      (lines, inputs) => {
        compare(lines, inputs);
        loaded += 1;
        ran += inputs.length;
      },
    ),
    { seed: SEED, runs: RANDOM_PROGRAMS },
  );
  expect(loaded).toBeGreaterThanOrEqual(scaled(RANDOM_PROGRAMS));
  console.log(`${loaded} programs, ${ran} runs`);
});

test("the text of every arithmetic mnemonic and jump is what the verifier writes when it traces it", () => {
  const lines = [
    ...unary.map(([, make]) => make(arg1)),
    ...binary.flatMap(([name, make]) => [make(arg1, arg2), make(saved1, constantsOf(name).at(-1) ?? 0)]),
    ...jumps.flatMap(([name, make], index) => [
      make(arg1, arg2, `${name}${index}`),
      label(`${name}${index}`),
      make(arg2, -2, `${name}.constant`),
      label(`${name}.constant`),
    ]),
  ];
  const octets = machine.octetsOf(lines);
  using traced = kernel.loadProgram({ name: "trace", octets, trace: true });
  const written = tracedTexts(traced.log);
  expect(written.length).toBeGreaterThanOrEqual(lines.filter(({ kind }) => kind === "step").length);
  // The kernel has put the map's address where its descriptor was.
  expect(written.slice(1)).toEqual(listedTexts(disassemble(octets)).slice(1));
});
