import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "programs are attached by clsact on Linux 6.1, which has nothing else",
  async () => {
    const words = (await runGuest("older-kernel.sh", "6.1")).join("\n");
    expect(words).toContain("whatever the kernel has: clsact");
    expect(words).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);

test(
  "Linux 6.1 takes every program, and they do what the reference says, with the protocol of what comes out of a tunnel read anew",
  async () => {
    const words = (await runGuest("older-programs.sh", "6.1")).join("\n");
    expect(words).toContain("programs pass the verifier");
    expect(words).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);

test(
  "the eBPF plane forwards on Linux 6.1, and everything that must hold in a lab does",
  async () => {
    const words = (await runGuest("older-plane.sh", "6.1")).join("\n");
    expect(words).toContain("guest: kernel 6.1.");
    expect(words).toContain("plane ebpf: programs in the kernel can be had");
    expect(words).not.toMatch(/by userspace|FAIL/);
    expect(words).toContain("every check passed");
    expect(words).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
