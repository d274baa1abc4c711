import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "on a kernel with netkit, one CPU and VLANs of bridges: GSO packets over IP 115, and who gets which VLAN",
  async () => {
    const text = (await runGuest("newest-kernel.sh")).join("\n");
    expect(text).toContain("over IPv4, segmented by netkit");
    expect(text).toContain("over IPv6, segmented by netkit");
    expect(text).toContain("taken over: netkit");
    expect(text).toContain("the kernel filters VLANs of bridges");
    expect(text).not.toMatch(/FAIL/);
    expect(text).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
