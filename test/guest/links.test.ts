import { expect, test } from "vitest";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "links have their conditions by netem, where the kernel has it, and keep the VLANs of their ports",
  async () => {
    const text = (await runGuest("links.sh")).join("\n");
    expect(text).not.toContain("wrong:");
    expect(text).toContain("by netem");
    expect(text).toContain("every link was right");
    expect(text).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
