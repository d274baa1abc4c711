import { beforeAll, describe, expect, test } from "vitest";
import { allCheckNames, type PeerCheckResult } from "../../lab/guest/kernel-peer-plan.ts";
import { GUEST_TEST_LIMIT_MS, runGuest } from "../support/guest.ts";

/**
 * Wirespan against the Linux kernel's own l2tp, in a guest: see lab/guest/kernel-peer.ts. The guest boots
 * once; each line that it prints becomes a test.
 */

const results = new Map<string, PeerCheckResult>();
/** All that the guest printed but its results. */
let text = "";

beforeAll(async () => {
  const lines = await runGuest("kernel-peer.sh");
  const isResult = (line: string): boolean => line.startsWith('{"check":') && line.endsWith("}");
  for (const line of lines.filter(isResult)) {
    const result = JSON.parse(line) as PeerCheckResult;
    results.set(result.check, result);
  }
  text = lines.filter((line) => !isResult(line)).join("\n");
}, GUEST_TEST_LIMIT_MS);

describe("RFC 3931 §4.1, §4.5, §4.6, RFC 4719 §3.1: static sessions with the Linux kernel's l2tp", () => {
  test.each(allCheckNames)("%s", (name) => {
    const result = results.get(name) ?? { ok: false, detail: "the guest did not come to this check" };
    expect(result.ok, result.detail).toBe(true);
  });

  test("the guest comes to its end, with the checks that are planned and no other", () => {
    expect([...results.keys()].sort(), text).toEqual([...allCheckNames].sort());
    expect(text, text).toContain("guest: exit status 0");
  });
});
