import { beforeAll, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { type HelperName, helpers } from "../../src/bpf/helpers-table.ts";
import { call, exit } from "../../src/bpf/mnemonics.ts";
import { VerifierError } from "../../src/bpf/verifier-error.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { needBpf } from "../support/namespace.ts";

beforeAll(needBpf);

/** What the verifier says of a program that calls a helper with nothing in the registers of arguments. */
function logOf(helper: HelperName): string {
  const octets = assemble([call(helper), exit()]);
  try {
    using program = new BpfSyscall().loadProgram({ name: "helper", octets, trace: true });
    return program.log;
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    return error.log;
  }
}

test.each(Object.entries(helpers))("the kernel has the helper %s by the number %i", (name, number) => {
  expect(logOf(name as HelperName)).toContain(`call bpf_${name}#${number}\n`);
});
