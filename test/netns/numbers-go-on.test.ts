import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/lab.ts";
import { needBpf } from "../support/namespace.ts";
import { type FlowResult, NumberedFlow } from "../support/numbered-flow.ts";
import { VethLcces } from "../support/veth-lcces.ts";

/**
 * RFC 3931 §4.6.1: a session that changes planes goes on with the next number, so that the peer drops
 * nothing; and what it received goes on too.
 */

beforeAll(needBpf);

type End = "a" | "b";
const WAN = { a: "203.0.113.1", b: "203.0.113.2" } as const;
/** Octets in front of the sublayer, without a cookie. */
const sublayerAt = { udp: 20 + 8 + 4 + 4, ip: 20 + 4 } as const;

async function pseudowire(lcces: VethLcces, end: End) {
  const [found] = (await lcces.status(end)).pseudowires;
  if (found === undefined) throw new Error(`no pseudowire at ${end}`);
  return found;
}

const carriedBy = (lcces: VethLcces, plane: string) =>
  eventually(
    `${plane} carries`,
    async () => (await pseudowire(lcces, "a").catch(() => undefined))?.plane === plane,
    60_000,
  );

/** TABLE: what has a session of the eBPF plane go to user space, and what has it come back. */
const changes = {
  "the path's MTU": {
    away: (lcces: VethLcces) => lcces.lcce("a").ip("link set wan mtu 1500"),
    back: (lcces: VethLcces) => lcces.lcce("a").ip("link set wan mtu 1600"),
  },
  "an IPsec policy": {
    away: (lcces: VethLcces) =>
      lcces
        .lcce("a")
        .ip(
          `xfrm policy add src ${WAN.a}/32 dst ${WAN.b}/32 dir out ` +
            `tmpl proto esp mode transport reqid 7 level use`,
        ),
    back: (lcces: VethLcces) => lcces.lcce("a").ip("xfrm policy flush"),
  },
} as const;

const ROUNDS = 2;
/** Frames of a flow between two changes. */
const BETWEEN = 150;

/** Any three of the four together: every second of all combinations. */
const rows = (Object.keys(changes) as (keyof typeof changes)[]).flatMap((change, i) =>
  (["udp", "ip"] as const).flatMap((encapsulation, j) =>
    (["all", "non-ip"] as const).map((sequencing, k) => {
      const peer = (["userspace", "ebpf"] as const)[(i + j + k) % 2] ?? "ebpf";
      return { change, encapsulation, sequencing, peer };
    }),
  ),
);

async function beginFlow(lcces: VethLcces, from: End, encapsulation: "udp" | "ip"): Promise<NumberedFlow> {
  const to = from === "a" ? "b" : "a";
  return NumberedFlow.begin({
    from: lcces.host(from),
    to: lcces.host(to),
    wan: lcces.lcce(to),
    source: WAN[from],
    sublayerAt: sublayerAt[encapsulation],
  });
}

/** Each number is the one after the last. */
function expectOneSeries(numbers: readonly number[], what: string): void {
  const breaks = numbers.flatMap((number, index) => {
    const before = numbers[index - 1];
    return before === undefined || number === ((before + 1) & 0xff_ffff) ? [] : [`${before} ${number}`];
  });
  expect(breaks, `${what}: numbers that do not follow`).toEqual([]);
}

function expectAllArrived({ sent, arrived, numbers }: FlowResult, what: string): void {
  expect(sent, what).toBeGreaterThan(2 * ROUNDS * BETWEEN);
  const ids = new Set(arrived);
  expect(ids.size, `${what}: repeated`).toBe(arrived.length);
  const lost = Array.from({ length: sent }, (_, id) => id).filter((id) => !ids.has(id));
  expect(lost, `${what}: lost`).toEqual([]);
  expectOneSeries(numbers, what);
}

describe("a session that changes planes while frames flow", () => {
  test.each(rows)(
    "$change, over $encapsulation, numbering $sequencing, to a peer in $peer: not one frame is lost",
    async ({ change, encapsulation, sequencing, peer }) => {
      const shape = `cookie: 0, sublayer: default, sequencing: ${sequencing}`;
      await using lcces = await VethLcces.up({
        family: 4,
        encapsulation,
        a: { plane: "ebpf", pseudowire: shape },
        b: { plane: peer, pseudowire: shape },
      });
      await carriedBy(lcces, "ebpf");
      using there = await beginFlow(lcces, "a", encapsulation);
      using back = await beginFlow(lcces, "b", encapsulation);
      for (let round = 0; round < ROUNDS; round += 1) {
        await changes[change].away(lcces);
        await carriedBy(lcces, "userspace");
        await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
        await changes[change].back(lcces);
        await carriedBy(lcces, "ebpf");
        await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
      }
      expectAllArrived(await there.end(), "from the LCCE that changes");
      expectAllArrived(await back.end(), "to the LCCE that changes");
      await expectNoneLate(lcces);
    },
  );
});

const staticSession = {
  a: "static: { local_session_id: 11, remote_session_id: 22 }",
  b: "static: { local_session_id: 22, remote_session_id: 11 }",
} as const;

/**
 * LCCEs with a static session: nothing is negotiated, and the peer learns nothing of what becomes of the
 * other end.
 */
const upStatic = (
  a: { plane: "ebpf" | "userspace"; supervised?: boolean },
  encapsulation: "udp" | "ip",
  wanMtu = 1600,
) =>
  VethLcces.up({
    family: 4,
    encapsulation,
    wanMtu,
    a: { ...a, keys: "control: static", pseudowire: `${NUMBERED}, ${staticSession.a}` },
    b: { plane: "ebpf", keys: "control: static", pseudowire: `${NUMBERED}, ${staticSession.b}` },
  });

const NUMBERED = "cookie: 0, sublayer: default, sequencing: all";

async function expectNoneLate(lcces: VethLcces): Promise<void> {
  for (const end of ["a", "b"] as const)
    expect((await pseudowire(lcces, end)).discards["out-of-sequence"] ?? 0, `late at ${end}`).toBe(0);
}

const planes = (["userspace", "ebpf"] as const).flatMap((plane) =>
  (["udp", "ip"] as const).map((encapsulation) => ({ plane, encapsulation })),
);

describe("a session that ends and begins while the peer knows nothing of it", () => {
  test.each(planes)(
    "$plane, $encapsulation: its circuit's interface goes and comes",
    async ({ plane, encapsulation }) => {
      await using lcces = await VethLcces.up({
        family: 4,
        encapsulation,
        a: { plane, pseudowire: NUMBERED },
        b: { plane: "userspace", pseudowire: NUMBERED },
      });
      await carriedBy(lcces, plane);
      const results: FlowResult[] = [];
      for (const isFirst of [true, false]) {
        using there = await beginFlow(lcces, "a", encapsulation);
        using back = await beginFlow(lcces, "b", encapsulation);
        await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
        results.push(await there.end());
        await back.end();
        if (!isFirst) continue;
        await lcces.renewCircuit("a");
        await eventually("pings pass", () => lcces.pings(4));
      }
      const [before, after] = results.map(({ numbers }) => numbers);
      // The hosts send some frames of their own, between the flows and beside them, on whatever processor.
      expect(Math.min(...(after ?? []))).toBeGreaterThan(Math.max(...(before ?? [])));
      expect((await pseudowire(lcces, "a")).discards["out-of-sequence"] ?? 0, "late at a").toBe(0);
    },
  );

  test.each(planes)("$plane, $encapsulation: a reload changes it", async ({ plane, encapsulation }) => {
    await using lcces = await upStatic({ plane }, encapsulation);
    await carriedBy(lcces, plane);
    using there = await beginFlow(lcces, "a", encapsulation);
    using back = await beginFlow(lcces, "b", encapsulation);
    for (const mtu of [1400, 1300]) {
      await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
      await lcces.reload("a", `${NUMBERED}, ${staticSession.a}, mtu: ${mtu}`);
      await carriedBy(lcces, plane);
    }
    await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
    expectOneSeries((await there.end()).numbers, "from where it is changed");
    expectOneSeries((await back.end()).numbers, "to where it is changed");
    await expectNoneLate(lcces);
  });

  test.each(
    (["udp", "ip"] as const).flatMap((encapsulation) =>
      ([1600, 1500] as const).map((wanMtu) => ({ encapsulation, wanMtu })),
    ),
  )(
    "$encapsulation, a path of $wanMtu octets: the daemon is killed, and the next one takes over",
    async ({ encapsulation, wanMtu }) => {
      await using lcces = await upStatic({ plane: "ebpf", supervised: true }, encapsulation, wanMtu);
      const plane = wanMtu === 1600 ? "ebpf" : "userspace";
      await carriedBy(lcces, plane);
      const pid = await lcces.pid("a");
      using there = await beginFlow(lcces, "a", encapsulation);
      using back = await beginFlow(lcces, "b", encapsulation);
      await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      const isAnother = async () => ![pid, undefined].includes(await lcces.pid("a"));
      await eventually("another daemon runs", isAnother, 60_000);
      await carriedBy(lcces, plane);
      await Promise.all([there.goesOn(BETWEEN), back.goesOn(BETWEEN)]);
      expectOneSeries((await there.end()).numbers, "from the daemon that was killed");
      expectOneSeries((await back.end()).numbers, "to the daemon that was killed");
      await expectNoneLate(lcces);
    },
  );
});
