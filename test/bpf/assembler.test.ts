import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { disassemble, instructionText } from "../../src/bpf/disassembler.ts";
import { AssemblyError } from "../../src/bpf/errors.ts";
import { helperName, helpers } from "../../src/bpf/helpers-table.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { adjustRoomFlags, innerLinkHeader, verdicts } from "../../src/bpf/kernel-numbers.ts";
import { type Line, label } from "../../src/bpf/line.ts";
import { list } from "../../src/bpf/listing.ts";
import {
  add,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfGreater,
  load32,
  loadConstant,
  loadMapFd,
  move,
} from "../../src/bpf/mnemonics.ts";
import { skbContext } from "../../src/bpf/skb-context.ts";
import { hex } from "../../src/bytes/hex.ts";

const { result, arg1, saved1 } = Register;

const ipv4: readonly Line[] = [
  load32(saved1, arg1, skbContext.protocol),
  move(result, 0),
  jumpIfEqual(saved1, 0x0008, "ipv4"),
  exit(),
  label("ipv4"),
  move(result, 2),
  exit(),
];

describe("labels become distances", () => {
  test("forwards", () => {
    expect(assemble(ipv4)).toEqual(hex`
      61 16 1000 00000000  # r6 = *(u32 *)(r1 + 16)
      b7 00 0000 00000000  # r0 = 0
      15 06 0100 08000000  # if r6 == 8 goto +1
      95 00 0000 00000000
      b7 00 0000 02000000  # r0 = 2
      95 00 0000 00000000`);
  });

  test("backwards, to themselves, and over constants of two slots", () => {
    const lines = [
      label("again"),
      add(saved1, 1),
      jumpIfGreater(saved1, 5, "end"),
      loadConstant(result, 1n << 40n),
      jump("again"),
      label("end"),
      label("also.end"),
      exit(),
    ];
    expect(assemble(lines)).toEqual(hex`
      07 06 0000 01000000
      25 06 0300 05000000
      18 00 0000 00000000  00 00 0000 00010000
      05 00 fbff 00000000
      95 00 0000 00000000`);
    expect(assemble([label("here"), jump("here")])).toEqual(hex`05 00 ffff 00000000`);
  });

  test("lines may be used again, in another program or in the same", () => {
    const end = [move(result, 0), exit()];
    expect(assemble([...ipv4.slice(0, 2), exit()])).toHaveLength(24);
    expect(assemble([jumpIfEqual(saved1, 1, "other"), ...end, label("other"), ...end])).toHaveLength(40);
    expect(assemble(ipv4)).toEqual(assemble(ipv4));
  });

  test("as far as they reach", () => {
    const jumpOver = (slots: number) => [
      jumpIfEqual(saved1, 0, "end"),
      ...Array<Line>(slots).fill(move(result, 0)),
      label("end"),
      exit(),
    ];
    expect(assemble(jumpOver(32767)).subarray(0, 4)).toEqual(hex`15 06 ff7f`);
    expect(() => assemble(jumpOver(32768))).toThrow(
      'line 0: jump to "end": 32768 slots away; a jump reaches from -32768 to 32767',
    );
    const back = (slots: number) => [label("begin"), ...Array(slots).fill(move(result, 0)), jump("begin")];
    expect(assemble(back(32767)).subarray(-8, -4)).toEqual(hex`05 00 0080`);
    expect(() => assemble(back(32768))).toThrow('jump to "begin": -32769 slots away');
  });
});

/** Programs that are refused, and what is said of them. */
const refused: readonly [string, readonly Line[], string][] = [
  ["nothing", [], "assemble: a program has at least one instruction"],
  ["labels alone", [label("a")], "assemble: a program has at least one instruction"],
  [
    "a label that is there twice",
    [label("a"), move(result, 0), label("a"), exit()],
    'label "a": defined by line 0 and again by line 2',
  ],
  [
    "a jump to nowhere",
    [move(result, 0), jump("done"), label("end"), exit()],
    'line 1: jump to "done": no such label; there are "end"',
  ],
  ["a jump where no label is", [jump("done")], 'line 0: jump to "done": no such label; there is none'],
  [
    "a jump to behind the end",
    [move(result, 0), jumpIfEqual(result, 0, "end"), exit(), label("end")],
    'line 1: jump to "end": no instruction follows that label',
  ],
  [
    "a path that runs off the end",
    [label("begin"), move(result, 0)],
    "line 1, (b7) r0 = 0: the program runs off its end here; end it with exit or a jump",
  ],
  [
    "a condition at the end",
    [label("begin"), jumpIfEqual(result, 0, "begin")],
    "line 1, (15) if r0 == 0x0 goto begin: the program runs off its end here",
  ],
  [
    "a call at the end",
    [call("ktime_get_ns")],
    "line 0, (85) call bpf_ktime_get_ns#5: the program runs off its end here",
  ],
  [
    "lines behind an exit",
    [move(result, 0), exit(), move(result, 1), exit()],
    "line 2, (b7) r0 = 1: cannot be reached, and the kernel refuses what cannot; jump to it or leave it out",
  ],
  [
    "lines that only reach themselves",
    [exit(), label("loop"), jump("loop")],
    "line 2, (05) goto loop: cannot be reached",
  ],
  [
    "a million and two slots",
    [...Array<Line>(500_001).fill(loadConstant(result, 0)), exit()],
    "assemble: 1000003 slots; the kernel takes at most 1000000",
  ],
];

test.each(refused)("%s is an error that names the line", (_, lines, message) => {
  expect(() => assemble(lines)).toThrow(AssemblyError);
  expect(() => assemble(lines)).toThrow(message);
});

describe("programs as text", () => {
  test("with their author's labels", () => {
    expect(list(ipv4)).toEqual([
      "   0: (61) r6 = *(u32 *)(r1 +16)",
      "   1: (b7) r0 = 0",
      "   2: (15) if r6 == 0x8 goto pc+1 <ipv4>",
      "   3: (95) exit",
      "ipv4:",
      "   4: (b7) r0 = 2",
      "   5: (95) exit",
    ]);
  });

  test("from octets alone, with labels after their slots", () => {
    const octets = assemble([
      loadMapFd(arg1, 3),
      label("again"),
      label("once.more"),
      move(result, 0),
      jump("again"),
    ]);
    expect(disassemble(octets)).toEqual([
      "   0: (18) r1 = map[fd:3]",
      "L2:",
      "   2: (b7) r0 = 0",
      "   3: (05) goto pc-2 <L2>",
    ]);
    expect(list([label("a"), label("b"), exit()])).toEqual(["a:", "b:", "   0: (95) exit"]);
  });

  test.each([
    ["an opcode that nobody has", hex`ff 00 0000 00000000`],
    ["a call into the program", hex`85 10 0000 01000000`],
    ["a signed division", hex`3f 12 0100 00000000`],
    ["an arithmetic operation beyond the last", hex`e7 00 0000 00000000`],
    ["a swap of 24 bits", hex`dc 00 0000 18000000`],
    ["an atomic operation other than addition", hex`db 10 0000 40000000`],
    ["an atomic addition of one octet", hex`d3 10 0000 00000000`],
    ["an atomic load", hex`d9 10 0000 00000000`],
    ["a load of the classic kind", hex`20 00 0000 00000000`],
    ["a load that extends the sign", hex`91 10 0000 00000000`],
    ["a constant of another meaning", hex`18 30 0000 00000000  00 00 0000 00000000`],
  ])("%s is unknown", (_, octets) => {
    expect(disassemble(octets)).toEqual([`   0: (${octets[0]!.toString(16).padStart(2, "0")}) unknown`]);
  });

  test("a helper that the table does not have is called unknown", () => {
    expect(instructionText(call(4000).instruction)).toBe("(85) call unknown#4000");
    expect(helperName(4000)).toBeUndefined();
    for (const [name, number] of Object.entries(helpers)) expect(helperName(number)).toBe(name);
  });
});

test("the length of an inner link header is the uppermost octet of the flags of skb_adjust_room", () => {
  const flags = adjustRoomFlags.fixedGso | adjustRoomFlags.innerEthernet | innerLinkHeader(18);
  expect(flags).toBe(0x1200_0000_0000_0041n);
  expect(loadConstant(result, flags).instruction).toMatchObject({ immediate: 0x41, upper: 0x1200_0000 });
});

test("docs/bpf.md shows what its first program looks like", () => {
  const program = [
    load32(saved1, arg1, skbContext.protocol),
    move(result, verdicts.drop),
    jumpIfEqual(saved1, 0x0008, "done"),
    move(result, verdicts.pass),
    label("done"),
    exit(),
  ];
  const page = readFileSync(new URL("../../docs/bpf.md", import.meta.url), "utf8");
  expect(page).toContain(`\n${list(program).join("\n")}\n`);
});
