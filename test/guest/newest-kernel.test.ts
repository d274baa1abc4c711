import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "where the kernel has netkit and one processor, that cuts super-frames over IP 115, rightly, and outlives its daemon",
  async () => {
    const text = (await runGuest("newest-kernel.sh")).join("\n");
    expect(text).toContain("over IPv4, cut by netkit");
    expect(text).toContain("over IPv6, cut by netkit");
    expect(text).toContain("taken over: netkit");
    expect(text).not.toMatch(/FAIL/);
    expect(text).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
