import { mkdirSync } from "node:fs";
import { run } from "../command.ts";
import { inNode, RUN } from "../network.ts";

/**
 * The ground that all candidates run on: site-a, lcce-a, WAN, lcce-b, site-b in a row. Each LCCE has `trunk` to its site and
 * `wan` to the other LCCE; the sites' offloads are on, as on any host.
 */
export const SIDES = ["a", "b"] as const;
export type Side = (typeof SIDES)[number];

export const WAN_MTU = 1600;
export const siteAddress: Readonly<Record<Side, string>> = { a: "10.0.0.1", b: "10.0.0.2" };
export const wanAddress: Readonly<Record<Side, string>> = { a: "192.0.2.1", b: "192.0.2.2" };

/** Runs `ip` in an LCCE. */
export async function inLcce(side: Side, words: string): Promise<void> {
  await run(["ip", "-n", `lcce-${side}`, ...words.split(" ")]);
}

export async function buildGround(): Promise<void> {
  await run(["mount", "-t", "tmpfs", "tmpfs", RUN]);
  mkdirSync(`${RUN}/netns`);
  for (const side of SIDES) {
    for (const node of [`site-${side}`, `lcce-${side}`]) {
      await run(["ip", "netns", "add", node]);
      await run(["ip", "-n", node, "link", "set", "lo", "up"]);
      // No neighbour discovery among what is counted.
      await run(inNode(node, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"));
    }
  }
  const mtu = String(WAN_MTU);
  await run([
    "ip",
    "link",
    "add",
    "wan",
    "netns",
    "lcce-a",
    "mtu",
    mtu,
    "type",
    "veth",
    "peer",
    "name",
    "wan",
    "netns",
    "lcce-b",
    "mtu",
    mtu,
  ]);
  for (const side of SIDES) {
    await run([
      "ip",
      "link",
      "add",
      "eth0",
      "netns",
      `site-${side}`,
      "type",
      "veth",
      "peer",
      "name",
      "trunk",
      "netns",
      `lcce-${side}`,
    ]);
    await run(["ip", "-n", `site-${side}`, "addr", "add", `${siteAddress[side]}/24`, "dev", "eth0"]);
    await run(["ip", "-n", `site-${side}`, "link", "set", "eth0", "up"]);
    await inLcce(side, "link set trunk up");
    await inLcce(side, "link set wan up");
    await inLcce(side, `addr add ${wanAddress[side]}/24 dev wan`);
  }
}

/** Frames that arrived at a site's port so far. */
export async function framesAt(side: Side): Promise<number> {
  const { stdout } = await run(["ip", "-n", `site-${side}`, "-j", "-s", "link", "show", "eth0"]);
  const [link] = JSON.parse(stdout) as { stats64: { rx: { packets: number } } }[];
  return link?.stats64.rx.packets ?? 0;
}
