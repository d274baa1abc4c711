import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/lab.ts";
import { addressOf, RoutedSites, type Row } from "../support/routed-sites.ts";

const rows: readonly Row[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).map((family) => ({ encapsulation, family, fragmentation: "outer" as const })),
);
const SOON_MS = 1000;

let sites: RoutedSites;
beforeAll(async () => {
  sites = await RoutedSites.up(rows, { plane: "ebpf" });
});
afterAll(() => sites?.[Symbol.asyncDispose]());

const planesInUse = async () => (await sites.status("a")).pseudowires.map(({ plane }) => plane);
const all = (plane: string) => rows.map(() => plane);

async function policy(words: string): Promise<void> {
  const { status, stderr } = await sites.exec("a", `ip xfrm ${words}`);
  expect(status, stderr).toBe(0);
}

/** A policy for a row's packets in one direction. */
function selector(index: number, direction: "in" | "out", extra = ""): string {
  const { family, encapsulation } = rows[index] as Row;
  const [a, b] = [addressOf("a", family, index), addressOf("b", family, index)];
  const [from, to] = direction === "out" ? [a, b] : [b, a];
  const bits = family === 4 ? 32 : 128;
  const upper = encapsulation === "udp" ? `proto udp ${extra}` : "proto 115";
  return `src ${from}/${bits} dst ${to}/${bits} ${upper} dir ${direction}`;
}

beforeEach(async () => {
  await policy("policy flush");
  await sites.exec("a", "ip xfrm policy setdefault in accept out accept");
  await eventually("programs carry all", async () =>
    (await planesInUse()).every((plane) => plane === "ebpf"),
  );
});

const kinds = [
  ["a block", "action block"],
  ["ESP wanted", "tmpl proto esp mode transport reqid 7"],
] as const;
const cases = rows.flatMap(({ encapsulation, family }, index) =>
  kinds.flatMap(([kind, words]) =>
    (["out", "in"] as const).map(
      (direction) => [encapsulation, family, direction, kind, index, words] as const,
    ),
  ),
);

describe("RFC 4301 §4.4.1: a policy that comes while programs forward holds at once", () => {
  test.each(cases)(
    "%s over IPv%d, %s: %s",
    async (_encapsulation, _family, direction, _kind, index, words) => {
      expect(await sites.pings(index, 100)).toBe(3);
      await policy(`policy add ${selector(index, direction)} ${words}`);
      const expected = all("ebpf").map((plane, other) => (other === index ? "userspace" : plane));
      await eventually(
        "the session is carried in user space",
        async () => (await planesInUse()).join() === expected.join(),
        SOON_MS,
      );
      expect((await sites.pseudowire("a", index)).planeReason).toContain(
        "IPsec policies hold for its packets",
      );
      // Whom the policy blocks from sending sends nothing, and whom it blocks from receiving takes nothing.
      const [there, here] = [await sites.pseudowire("b", index), await sites.pseudowire("a", index)];
      expect(await sites.pings(index, 100)).toBe(0);
      const [thereAfter, hereAfter] = [
        await sites.pseudowire("b", index),
        await sites.pseudowire("a", index),
      ];
      if (direction === "out") expect(thereAfter.receivedFrames).toBe(there.receivedFrames);
      else expect(hereAfter.receivedFrames).toBe(here.receivedFrames);
      await policy("policy flush");
      await eventually(
        "programs carry it again",
        async () => (await planesInUse()).join() === all("ebpf").join(),
        SOON_MS,
      );
      await eventually("pings pass", async () => (await sites.pings(index, 100)) === 3);
    },
  );
});

test("the default for what no policy matches holds at once", async () => {
  await policy("policy setdefault out block");
  await eventually(
    "all are carried in user space",
    async () => (await planesInUse()).join() === all("userspace").join(),
    SOON_MS,
  );
  await policy("policy setdefault out accept");
  await eventually(
    "programs carry all",
    async () => (await planesInUse()).join() === all("ebpf").join(),
    SOON_MS,
  );
});

test("other policies have no effect, and an allowing one before a block keeps programs in use", async () => {
  await policy("policy add src 198.51.1.0/24 dst 203.0.113.0/24 dir out action block");
  await policy("policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto tcp dir out action block");
  await policy("policy add src ::/0 dst ::/0 proto udp dport 500 dir out action block");
  await policy("policy add src 0.0.0.0/0 dst 0.0.0.0/0 mark 42 dir out action block");
  await policy("policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd action block");
  await policy(`policy add ${selector(0, "out")} priority 1`);
  await policy("policy add src 198.51.1.0/24 dst 198.51.2.0/24 proto udp dir out priority 2 action block");
  // What comes last is known to have been read: it meets one row, and only that.
  await policy(`policy add ${selector(3, "out")} action block`);
  const expected = ["ebpf", "ebpf", "ebpf", "userspace"].join();
  await eventually(
    "only the one that is met is carried in user space",
    async () => (await planesInUse()).join() === expected,
  );
  for (const index of [0, 1, 2]) expect(await sites.pings(index, 100)).toBe(3);
});
