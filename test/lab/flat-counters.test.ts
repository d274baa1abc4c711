import { describe, expect, test } from "vitest";
import { eventually, Lab, output } from "../support/lab.ts";

/**
 * Watches topologies with several pseudowires in a bridge for storms: each broadcast arrives once at each
 * host that may have it, and afterwards nothing goes round. STORM_WATCH_S sets for how long: 20 s by default.
 */

const WATCH_S = Number(process.env["STORM_WATCH_S"] ?? 20);
const BROADCASTS = 20;
const FILTER = "icmp and dst host 10.0.0.255";
/** ARP and what IPv6 says of itself, frames a second at a host; a loop makes thousands. */
const MOST_IDLE_FRAMES = 5;

interface Shape {
  readonly topology: string;
  readonly plane: string;
  readonly from: string;
  /** How often each broadcast arrives at a host. */
  readonly times: Readonly<Record<string, number>>;
}

const shapes: readonly Shape[] = [
  { topology: "full-mesh", plane: "ebpf", from: "a10", times: { b10: 1, c10: 1 } },
  {
    ...{ topology: "hub-and-spoke", plane: "userspace", from: "s1-10" },
    times: { hub10: 1, "s3-10": 1, "s2-10": 0 },
  },
];

async function framesAt(lab: Lab, host: string): Promise<number> {
  const { stdout } = await lab.exec(host, "ip", "-s", "-j", "link", "show", "dev", "eth0");
  const [link] = JSON.parse(stdout) as { stats64: { rx: { packets: number }; tx: { packets: number } } }[];
  if (link === undefined) throw new Error(`${host} has no eth0`);
  return link.stats64.rx.packets + link.stats64.tx.packets;
}

const waited = (seconds: number) => {
  const endMs = performance.now() + seconds * 1000;
  return eventually("the time is over", () => performance.now() > endMs, seconds * 1000 + 10_000);
};

describe.concurrent.each(shapes)("$topology, plane $plane", ({ topology, plane, from, times }) => {
  test(
    `each broadcast arrives once where it may, and nothing goes round for ${WATCH_S} s`,
    async () => {
      await using lab = await Lab.up(topology, plane);
      const hosts = Object.keys(times);
      const captures = hosts.map((host) => {
        const words = ["tcpdump", "-Z", "root", "-l", "-n", "-i", "eth0", FILTER];
        const tcpdump = lab.spawn(host, ...words);
        const listens = new Promise((resolve) => tcpdump.stderr?.once("data", resolve));
        return { host, tcpdump, listens, text: output(tcpdump) };
      });
      await Promise.all(captures.map(({ listens }) => listens));
      await lab.exec(from, "ping", "-b", "-q", "-c", `${BROADCASTS}`, "-i", "0.1", "-W", "1", "10.0.0.255");
      const all = [from, ...hosts];
      const before = await Promise.all(all.map((host) => framesAt(lab, host)));
      await waited(WATCH_S);
      const after = await Promise.all(all.map((host) => framesAt(lab, host)));
      const grown = Object.fromEntries(
        all.map((host, index) => [host, (after[index] ?? 0) - (before[index] ?? 0)]),
      );
      for (const { tcpdump } of captures) tcpdump.kill("SIGTERM");
      const texts = await Promise.all(captures.map(({ text }) => text));
      const arrived = texts.map((text) => text.split("\n").filter((line) => line !== "").length);
      if (WATCH_S > 20) console.log(`${topology}, ${plane}: ${JSON.stringify({ grown, arrived })}`);
      expect(Object.fromEntries(hosts.map((host, index) => [host, arrived[index]]))).toEqual(
        Object.fromEntries(hosts.map((host) => [host, BROADCASTS * (times[host] ?? 0)])),
      );
      for (const [host, frames] of Object.entries(grown))
        expect([host, frames < MOST_IDLE_FRAMES * WATCH_S]).toEqual([host, true]);
    },
    (WATCH_S + 100) * 1000,
  );
});
