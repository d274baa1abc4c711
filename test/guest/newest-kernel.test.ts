import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "where the kernel has netkit and one processor, that cuts super-frames over IP 115, rightly, and outlives its daemon",
  async () => {
    const words = (await runGuest("newest-kernel.sh")).join("\n");
    expect(words).toContain("over IPv4, cut by netkit");
    expect(words).toContain("over IPv6, cut by netkit");
    expect(words).toContain("taken over: netkit");
    expect(words).not.toMatch(/FAIL/);
    expect(words).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
