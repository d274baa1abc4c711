import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import type { LinkConditions } from "../../src/lab/links/conditions.ts";
import type { LinkDirection, LinkReport } from "../../src/lab/links/link-control.ts";
import type { LinkCapabilities, LinkMechanism } from "../../src/lab/links/realisation.ts";
import { specialFrames } from "../../src/lab/special-frames.ts";
import { eventually, Lab, planes } from "../support/lab.ts";
import { type BedPort, LINK_BED, LinkBed, linkOfA } from "../support/link-bed.ts";

/** All that the kernel may have. */
const relayAlone: readonly (keyof LinkCapabilities)[] = ["netem", "tbf", "nftables"];
/** Address of host b10 of the topology point-to-point. */
const B10 = "10.0.0.13";
/** Ethernet, IP and TCP headers with timestamps. */
const FRAME_PER_SEGMENT = 1514 / 1448;

async function serve(on: LinkBed): Promise<void> {
  await on.exec("b", "iperf3", "--server", "--daemon");
  await eventually("iperf3 listens", async () => {
    const { stdout } = await on.exec("b", "ss", "-Hltn", "sport", "=", ":5201");
    return stdout !== "";
  });
}

interface Pings {
  readonly sent: number;
  readonly received: number;
  readonly minMs: number;
  readonly text: string;
}

async function ping(on: LinkBed, ...words: readonly string[]): Promise<Pings> {
  const { stdout: text } = await on.exec("a", "ping", "-W1", ...words, "10.9.0.2");
  const [, sent = 0, received = 0] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  const [, minMs] = /rtt [^=]*= ([\d.]+)/.exec(text) ?? [];
  return { sent: Number(sent), received: Number(received), minMs: Number(minMs), text };
}

/** TCP from a to b; bits per second of its payload at the receiver, and how many octets were sent. */
async function throughput(
  on: LinkBed,
  ...words: readonly string[]
): Promise<{ rate: number; octets: number }> {
  const { stdout } = await on.exec("a", "iperf3", "--client", "10.9.0.2", "--json", ...words);
  const { end } = JSON.parse(stdout);
  return { rate: end.sum_received.bits_per_second, octets: end.sum_received.bytes };
}

describe.each<["kernel" | "relay", boolean]>([
  ["kernel", false],
  ["relay", false],
  ["kernel", true],
])("links by %s, in a user namespace: %s", (control, user) => {
  let on: LinkBed;
  /** Whether this kernel has netem, which does everything then. */
  let hasNetem = false;
  beforeAll(async () => {
    on = await LinkBed.make({ user });
    await on.open(control, { without: control === "relay" ? relayAlone : [] });
    await serve(on);
    const report = await on.set(control, linkOfA, { out: { delayMs: 1 } });
    hasNetem = report.out.realisedBy.includes("netem");
  });
  afterAll(() => on[Symbol.asyncDispose]());

  /** Puts conditions on both directions; `mechanism` is what must realise them without netem. */
  async function put(
    conditions: Partial<Record<LinkDirection, LinkConditions>>,
    mechanism: readonly LinkMechanism[],
  ): Promise<void> {
    const report = await on.set(control, linkOfA, { out: {}, in: {}, ...conditions });
    const wanted = hasNetem && control === "kernel" ? ["netem"] : control === "relay" ? ["relay"] : mechanism;
    for (const direction of ["out", "in"] as const)
      if (conditions[direction] !== undefined) expect(report[direction].realisedBy).toEqual(wanted);
  }

  async function counted(): Promise<LinkReport> {
    const report = (await on.report(control)).find(({ link }) => link.farDevice === linkOfA.farDevice);
    if (report === undefined) throw new Error("no report of the link");
    return report;
  }

  test.each<[number, Partial<Record<LinkDirection, LinkConditions>>]>([
    [50, { out: { delayMs: 50 } }],
    [50, { in: { delayMs: 50 } }],
    [50, { out: { delayMs: 20 }, in: { delayMs: 30 } }],
    [5, { out: { delayMs: 5 } }],
  ])("a delay of %d ms is that of pings, by %j", async (delayMs, conditions) => {
    await put(conditions, ["relay"]);
    const { minMs, received } = await ping(on, "-c30", "-i0.02");
    expect(received).toBe(30);
    expect(minMs).toBeGreaterThanOrEqual(delayMs);
    expect(minMs).toBeLessThan(delayMs + 2);
  });

  test("loss is that of 10 000 frames", async () => {
    const lossPercent = 1;
    await put({ out: { lossPercent } }, ["nftables"]);
    const { sent, received } = await ping(on, "-f", "-q", "-c10000", "-W1");
    const lost = sent - received;
    // Four times the standard deviation.
    const deviation = Math.sqrt((lossPercent / 100) * (1 - lossPercent / 100) * sent);
    expect(Math.abs(lost - (sent * lossPercent) / 100)).toBeLessThan(4 * deviation);
    const { out } = await counted();
    expect(out.counters?.lost).toBeGreaterThanOrEqual(lost);
    // A few frames are not pings.
    expect(out.counters?.lost).toBeLessThanOrEqual(lost + 5);
  });

  test.each<[LinkConditions, readonly LinkMechanism[]]>([
    [{ rateBitsPerSecond: 10e6, queuePackets: 100 }, ["tbf"]],
    [{ rateBitsPerSecond: 10e6, lossPercent: 0.0001 }, ["nftables", "tbf"]],
  ])("%j is the rate of TCP", async (conditions, mechanisms) => {
    await put({ out: conditions }, mechanisms);
    // Without the first second, in which TCP finds the rate.
    const { rate } = await throughput(on, "--time", "2", "--omit", "1");
    expect((rate * FRAME_PER_SEGMENT) / 10e6).toBeGreaterThan(0.93);
    expect((rate * FRAME_PER_SEGMENT) / 10e6).toBeLessThan(1.05);
  });

  test("what a rate does not carry is dropped, although the sender is on this machine", async () => {
    await put({ out: { rateBitsPerSecond: 2e6, queuePackets: 20 } }, ["tbf"]);
    await on.exec("a", "iperf3", "--client", "10.9.0.2", "--udp", "--bitrate", "10M", "--time", "2");
    const { queueDrops, lost, delivered = 0 } = (await counted()).out.counters ?? { lost: 0 };
    expect((queueDrops ?? 0) + lost).toBeGreaterThan(delivered);
  });

  test("packets are single, and 50 Mbit/s of TCP pass with a delay of 50 ms", async () => {
    await put({ out: { delayMs: 25 }, in: { delayMs: 25 } }, ["relay"]);
    const { rate, octets } = await throughput(on, "--time", "2");
    expect(rate).toBeGreaterThan(50e6);
    const { delivered = 0 } = (await counted()).out.counters ?? {};
    expect(delivered).toBeGreaterThanOrEqual(octets / 1448);
  });

  test("frames arrive twice", async () => {
    await put({ out: { duplicatePercent: 20 } }, ["relay"]);
    const { text } = await ping(on, "-c200", "-i0.002");
    const twice = text.match(/DUP!/g)?.length ?? 0;
    expect(twice).toBeGreaterThan(10);
    expect(twice).toBeLessThan(80);
  });

  test("frames overtake each other", async () => {
    await put({ out: { delayMs: 20, reorderPercent: 20 } }, ["relay"]);
    const { text } = await ping(on, "-c200", "-i0.002");
    const arrived = [...text.matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number));
    expect(arrived.toSorted((a, b) => a - b)).toHaveLength(200);
    expect(arrived).not.toEqual(arrived.toSorted((a, b) => a - b));
  });

  test.each<[LinkConditions, readonly LinkMechanism[]]>([
    [{ rateBitsPerSecond: 1e9 }, ["tbf"]],
    [{ lossPercent: 0.0001 }, ["nftables"]],
    [{ delayMs: 2 }, ["relay"]],
  ])("all frames pass %j octet for octet, those too that a bridge keeps", async (conditions, mechanisms) => {
    await put({ out: conditions, in: conditions }, mechanisms);
    const { stdout } = await on.exec("segment", "ip", "-brief", "link", "show", "master", "bridge");
    const port = /(link\d+-port)/.exec(stdout)?.[1] ?? "";
    const sent = specialFrames.map(([, frame]) => toHex(frame));
    const long = toHex(new Uint8Array([...twiceTagged, ...new Uint8Array(1500).fill(0x5a)]));
    // The veth pair of the node gives no frame a second tag beyond its MTU.
    for (const [from, to, frames] of [
      [["a", "eth0"], ["segment", port], sent],
      [
        ["segment", port],
        ["a", "eth0"],
        [...sent, long],
      ],
    ] as const satisfies readonly (readonly [BedPort, BedPort, readonly string[]])[]) {
      expect(await on.crossing(from, to, frames, frames)).toEqual([]);
    }
  });

  test("a link that is down has no carrier at either end, and comes up again", async () => {
    await put({ out: { delayMs: 1 } }, ["relay"]);
    const carrier = async () => (await on.exec("a", "cat", "/sys/class/net/eth0/carrier")).stdout.trim();
    const ports = async () => (await on.exec("segment", "bridge", "link", "show")).stdout;
    expect((await on.set(control, linkOfA, { down: true })).down).toBe(true);
    await eventually("node a has no carrier", async () => (await carrier()) === "0");
    expect(await ports()).toMatch(/link\d+-port.*state disabled/);
    expect((await ping(on, "-c1")).received).toBe(0);
    await on.set(control, linkOfA, { down: false });
    await eventually("node a reaches b", async () => (await ping(on, "-c1")).received === 1);
    expect((await ping(on, "-c5", "-i0.02")).minMs).toBeGreaterThanOrEqual(1);
  });

  test("a link without conditions is as it was", async () => {
    const state = async () => {
      const links = await on.exec("segment", "ip", "-brief", "link");
      const bridges = await on.exec("segment", "bridge", "link", "show");
      return links.stdout + bridges.stdout;
    };
    await on.set(control, linkOfA, { out: {}, in: {} });
    const before = await state();
    expect(before).not.toMatch(/link\d/);
    await put({ out: { lossPercent: 50 }, in: { delayMs: 1 } }, expect.anything());
    expect(await state()).toMatch(/link\d+-port/);
    const report = await on.set(control, linkOfA, { out: {}, in: {} });
    expect(report.out).toEqual({ conditions: {}, realisedBy: [] });
    expect(await state()).toBe(before);
    expect(await on.relayPid(control)).toBe(0);
    expect((await ping(on, "-c5", "-i0.02")).received).toBe(5);
  });

  test("a relay that is killed is there again, with its links", async () => {
    await put({ out: { delayMs: 10 } }, ["relay"]);
    const pid = await on.relayPid(control);
    if (pid === 0) return expect(hasNetem).toBe(true);
    await on.run("kill", "-9", `${pid}`);
    await eventually("another relay runs", async () => {
      const now = await on.relayPid(control);
      return now !== pid && now !== 0;
    });
    await eventually("node a reaches b", async () => (await ping(on, "-c1")).minMs >= 10);
    return undefined;
  });
});

/** Addresses, two tags and a type: with 1500 octets behind them the longest frame of a provider's link. */
const twiceTagged = [
  ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x57, 0x53, 0x50, 0x41, 0x4e],
  ...[0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x00, 0xc8, 0x88, 0xb5],
];

test("a bridge with STP keeps its ports as they are, once the link is prepared", async () => {
  await using other = await LinkBed.make({ bridge: "stp_state 1 forward_delay 200" });
  await other.open("kernel");
  await other.prepare("kernel", linkOfA);
  const state = async () => (await other.exec("segment", "bridge", "link", "show")).stdout;
  await eventually("both ports forward", async () => (await state()).match(/forwarding/g)?.length === 2);
  const before = await state();
  await other.set("kernel", linkOfA, { out: { delayMs: 1, lossPercent: 1 } });
  await other.set("kernel", linkOfA, { out: {} });
  expect(await state()).toBe(before);
});

test("two links of a segment have conditions of their own", async () => {
  await using other = await LinkBed.make();
  await other.open("kernel");
  await other.set("kernel", linkOfA, { out: { delayMs: 10 }, in: { delayMs: 5 } });
  await other.set("kernel", { ...linkOfA, farDevice: "to-b" }, { out: { delayMs: 20 }, in: { delayMs: 7 } });
  const { minMs } = await ping(other, "-c20", "-i0.02");
  expect(minMs).toBeGreaterThanOrEqual(42);
  expect(minMs).toBeLessThan(46);
  expect(await other.report("kernel")).toHaveLength(2);
});

test("a link whose node is gone is forgotten, and nothing of it stays", async () => {
  await using other = await LinkBed.make();
  await other.open("kernel");
  await other.set("kernel", linkOfA, { out: { delayMs: 10 } });
  await other.run("ip", "netns", "del", "a");
  await eventually("the far end is gone", async () => {
    const { stdout } = await other.exec("segment", "ip", "-brief", "link");
    return !stdout.includes("to-a");
  });
  await other.remove("kernel", linkOfA);
  expect(await other.report("kernel")).toEqual([]);
  expect(await other.relayPid("kernel")).toBe(0);
  for (const namespace of ["segment", ".links"])
    expect((await other.exec(namespace, "ip", "-brief", "link")).stdout).not.toMatch(/link\d/);
});

test("a link that is not there, or in no bridge, or with conditions that contradict each other", async () => {
  await using bed = await LinkBed.make();
  await bed.open("kernel");
  const other = { segmentNamespace: "segment", farDevice: "to-nobody" };
  await expect(bed.set("kernel", other, { out: { delayMs: 1 } })).rejects.toThrow("to-nobody");
  await bed.run("ip", "-n", "segment", "link", "set", "to-b", "nomaster");
  const toB = { segmentNamespace: "segment", farDevice: "to-b" };
  await expect(bed.set("kernel", toB, { out: { delayMs: 1 } })).rejects.toThrow("is in no bridge");
  await bed.run("ip", "-n", "segment", "link", "set", "to-b", "master", "bridge");
  const jitter = { out: { delayMs: 1, jitterMs: 2 } };
  await expect(bed.set("kernel", linkOfA, jitter)).rejects.toThrow(
    /to-a in segment: jitter: a jitter of 2ms/,
  );
});

describe.each(planes)("between two LCCEs, plane %s", (plane) => {
  const link = { segmentNamespace: "wan", farDevice: "to-a" };
  let lab: Lab;
  let on: LinkBed;
  beforeAll(async () => {
    lab = await Lab.up("point-to-point", plane);
    on = await LinkBed.attach(lab.spawn("wan", process.execPath, LINK_BED, "attach"));
    await on.open("kernel");
    await lab.reached("a10", B10);
    await lab.exec("b10", "iperf3", "--server", "--daemon");
    await eventually("iperf3 listens", async () => {
      const { stdout } = await lab.exec("b10", "ss", "-Hltn", "sport", "=", ":5201");
      return stdout !== "";
    });
  });
  afterAll(async () => {
    await on[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  async function tcp(...words: readonly string[]): Promise<number> {
    const { stdout } = await lab.exec("a10", "iperf3", "--client", B10, "--json", ...words);
    return JSON.parse(stdout).end.sum_received.bits_per_second;
  }

  test("frames of hosts are delayed, and 50 Mbit/s pass", async () => {
    await on.set("kernel", link, { out: { delayMs: 25 }, in: { delayMs: 25 } });
    const { stdout } = await lab.exec("a10", "ping", "-c30", "-i0.02", B10);
    expect(stdout).toContain("30 received");
    const [, minMs] = /rtt [^=]*= ([\d.]+)/.exec(stdout) ?? [];
    expect(Number(minMs)).toBeGreaterThanOrEqual(50);
    expect(Number(minMs)).toBeLessThan(53);
    expect(await tcp("--time", "3")).toBeGreaterThan(50e6);
  });

  test("GSO packets are single before they are lost or wait", async () => {
    const rateBitsPerSecond = 20e6;
    const before = await on.set("kernel", link, {
      out: { rateBitsPerSecond, lossPercent: 0.01 },
      in: { lossPercent: 0.01 },
    });
    expect(before.out.realisedBy).not.toContain("relay");
    const rate = await tcp("--time", "2", "--omit", "1");
    expect(rate).toBeLessThan(rateBitsPerSecond);
    // Beside the headers of TCP, IP and Ethernet there are those of L2TP, UDP and IP again.
    expect(rate).toBeGreaterThan(rateBitsPerSecond * 0.85);
    const [after] = await on.report("kernel");
    const { delivered = 0 } = after?.out.counters ?? {};
    expect(delivered * 1448 * 8).toBeGreaterThan(rate * 2);
  });

  test("hosts have lost each other while the link is down", async () => {
    await on.set("kernel", link, { out: {}, in: {}, down: true });
    expect(await lab.reaches("a10", B10)).toBe(false);
    await on.set("kernel", link, { down: false });
    await lab.reached("a10", B10);
  });
});
