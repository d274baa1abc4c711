import { expect, test } from "vitest";
import { VerifierError } from "../../src/bpf/verifier-error.ts";

const LOG = `0: R1=ctx() R10=fp0
0: (b7) r0 = 0                        ; R0_w=0
1: (61) r0 = *(u32 *)(r1 +2000)
invalid bpf_context access off=2000 size=4
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

test("the telling line of a log is the last one that is not about the work", () => {
  const error = new VerifierError("count", "EACCES", LOG);
  expect(error.message).toBe(
    'load program "count": EACCES; the verifier refuses it: invalid bpf_context access off=2000 size=4 ' +
      "(at 1: (61) r0 = *(u32 *)(r1 +2000))",
  );
  expect(error).toMatchObject({
    name: "VerifierError",
    program: "count",
    errno: "EACCES",
    telling: "invalid bpf_context access off=2000 size=4",
    slot: 1,
    log: LOG,
  });
});

test.each([
  ["unreachable insn 3\nprocessed 0 insns (limit 1000000)\n", "unreachable insn 3", undefined],
  ["jump out of range from insn 0 to 9", "jump out of range from insn 0 to 9", undefined],
  ["4: (95) exit\nR0 !read_ok\nverification time 20 usec\nstack depth 0\n", "R0 !read_ok", 4],
  ["\n from 2 to 4: R0=1 R10=fp0\n4: R0=1\n4: (95) exit ; R0=1\nbad\nmark_precise: frame0\n", "bad", 4],
  [
    "1: (15) if r0 == 0x0 goto pc-1\ninfinite loop detected at insn 1\ncur state: R0=0\nold state: R0=0\n",
    "infinite loop detected at insn 1",
    1,
  ],
  ["processed 1 insns", "processed 1 insns", undefined],
  ["\n", "", undefined],
])("of %j it is %j", (log, telling, slot) => {
  expect(new VerifierError("x", "EINVAL", log)).toMatchObject({ telling, slot, log });
});
