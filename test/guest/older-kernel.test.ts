import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "Linux 6.1 attaches programs by clsact, takes every one, they do what the reference says, and everything that must hold in a lab does",
  async () => {
    const words = (await runGuest("older-kernel.sh", "6.1")).join("\n");
    expect(words).toContain("guest: kernel 6.1.");
    expect(words).toContain("whatever the kernel has: clsact");
    expect(words).toContain("programs pass the verifier");
    expect(words).toContain("plane ebpf: programs in the kernel can be had");
    expect(words).not.toMatch(/by userspace|FAIL/);
    expect(words).toContain("every check passed");
    expect(words).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
