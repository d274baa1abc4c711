import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "a lab of VLANs passes every check on a kernel with VLAN interfaces of its own",
  async () => {
    const text = (await runGuest("real-vlans.sh")).join("\n");
    expect(text).not.toContain("FAIL");
    expect(text).toMatch(/\d+ checks passed\n/);
    expect(text).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
