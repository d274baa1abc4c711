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
