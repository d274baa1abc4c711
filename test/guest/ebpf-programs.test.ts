import { expect, test } from "vitest";
import { everyDecapsulation, everyEncapsulation } from "../../src/forwarding/ebpf/programs/options.ts";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

test(
  "an older kernel takes every program of the eBPF plane",
  async () => {
    const lines = await runGuest("verify-programs.sh");
    const text = lines.join("\n");
    expect(text).not.toContain('"refusal"');
    const total = lines.find((line) => line.startsWith('{"programs":')) ?? "null";
    console.log(total);
    expect(JSON.parse(total), text).toMatchObject({
      programs: everyEncapsulation().length + everyDecapsulation().length + 3,
      refused: 0,
    });
    expect(text).toContain("guest: exit status 0");
  },
  GUEST_TEST_LIMIT_MS,
);
