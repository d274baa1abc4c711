import { readdirSync } from "node:fs";
import { release } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { attachedPrograms } from "../../src/os/bpf-link.ts";
import { canSetDecapsulatedProtocol, probeBpf } from "../../src/os/bpf-probe.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";

let namespace: TestNamespace;
let entered: Disposable;

beforeAll(async () => {
  needBpf();
  namespace = await TestNamespace.make("wst-probe");
  entered = namespace.enter();
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

test("a machine that has all lacks nothing, and nothing is left behind", async () => {
  const before = readdirSync("/proc/self/fd").length;
  expect(await probeBpf()).toEqual([]);
  expect(readdirSync("/proc/self/fd").length).toBe(before);
  expect(attachedPrograms(1, "ingress")).toEqual([]);
  expect((await run(["tc", "qdisc", "show", "dev", "lo"])).stdout).not.toContain("clsact");
});

test("the kernel is told what comes out of a tunnel since Linux 6.3", () => {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  expect(canSetDecapsulatedProtocol()).toBe(major > 6 || (major === 6 && minor >= 3));
});

test("a process without the rights is told which, and what to do", async () => {
  process.seteuid?.(65534);
  try {
    expect(await probeBpf()).toEqual([
      {
        need: "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
        problem: "this process lacks CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN",
        remedy: expect.stringContaining("plane: userspace"),
      },
    ]);
  } finally {
    process.seteuid?.(0);
  }
});
