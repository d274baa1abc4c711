import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "Linux 6.1 attaches programs by clsact, verifies every one, they equal the reference, and a lab passes",
  async () => {
    const text = (await runGuest("older-kernel.sh", "6.1")).join("\n");
    expect(text).toContain("guest: kernel 6.1.");
    expect(text).toContain("whatever the kernel has: clsact");
    expect(text).toContain("programs pass the verifier");
    expect(text).toContain("plane ebpf: eBPF is available");
    expect(text).not.toMatch(/by userspace|FAIL/);
    expect(text).toMatch(/\d+ checks passed\n/);
    expect(text).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
