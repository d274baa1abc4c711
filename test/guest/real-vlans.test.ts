import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "a lab of VLANs comes up on a kernel with VLAN interfaces of its own, and everything that must hold in it does",
  async () => {
    const words = (await runGuest("real-vlans.sh")).join("\n");
    expect(words).not.toContain("FAIL");
    expect(words).toContain("every check passed");
    expect(words).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
