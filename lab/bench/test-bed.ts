import { run } from "../../src/lab/command.ts";
import { mountOwn } from "../../src/lab/network/mounts.ts";
import { inNode } from "../../src/lab/nodes.ts";
import { until } from "../../src/lab/until.ts";

/**
 * The test bed of all candidates: site-a, lcce-a, WAN, lcce-b, site-b in a row. Each LCCE has `trunk` to its
 * site and `wan` to the other LCCE; the sites' offloads are on, as on any host.
 */
export const SIDES = ["a", "b"] as const;
export type Side = (typeof SIDES)[number];

export const WAN_MTU = 1600;
export const siteAddress: Readonly<Record<Side, string>> = { a: "10.0.0.1", b: "10.0.0.2" };
export const wanAddress: Readonly<Record<4 | 6, Readonly<Record<Side, string>>>> = {
  4: { a: "192.0.2.1", b: "192.0.2.2" },
  6: { a: "2001:db8::1", b: "2001:db8::2" },
};

/** Runs `ip` with arguments that contain no blank. */
export async function ip(args: string): Promise<void> {
  await run(["ip", ...args.split(" ")]);
}

/** Runs `ip` in an LCCE. */
export async function inLcce(side: Side, args: string): Promise<void> {
  await ip(`-n lcce-${side} ${args}`);
}

/** Sets the MTU of the link between the LCCEs, at both ends. */
export async function setWanMtu(octets: number): Promise<void> {
  for (const side of SIDES) await inLcce(side, `link set wan mtu ${octets}`);
}

export async function buildTestBed(): Promise<void> {
  await mountOwn();
  for (const side of SIDES) {
    for (const node of [`site-${side}`, `lcce-${side}`]) {
      await ip(`netns add ${node}`);
      await ip(`-n ${node} link set lo up`);
      // Keeps neighbour discovery out of the counts.
      await setSystem(node, "net/ipv6/conf/default/disable_ipv6", 1);
    }
  }
  await ip(`link add wan netns lcce-a mtu ${WAN_MTU} type veth peer name wan netns lcce-b mtu ${WAN_MTU}`);
  for (const side of SIDES) {
    await ip(`link add eth0 netns site-${side} type veth peer name trunk netns lcce-${side}`);
    await ip(`-n site-${side} addr add ${siteAddress[side]}/24 dev eth0`);
    await ip(`-n site-${side} link set eth0 up`);
    await inLcce(side, "link set trunk up");
    await inLcce(side, "link set wan up");
    await inLcce(side, `addr add ${wanAddress[4][side]}/24 dev wan`);
    await setSystem(`lcce-${side}`, "net/ipv6/conf/wan/disable_ipv6", 0);
    await inLcce(side, `addr add ${wanAddress[6][side]}/64 dev wan nodad`);
  }
}

async function setSystem(node: string, path: string, value: number): Promise<void> {
  await run(inNode(node, "sh", "-c", `echo ${value} > /proc/sys/${path}`));
}

/** Waits until the sites reach each other. */
export async function sitesReach(): Promise<boolean> {
  return until(async () => {
    const args = ["ping", "-q", "-c1", "-W1", siteAddress.b];
    const { status } = await run(inNode("site-a", ...args), { accept: [0, 1, 2] });
    return status === 0;
  });
}

/** Frames that a site's port has received. */
export async function framesAt(side: Side): Promise<number> {
  const { stdout } = await run(["ip", "-n", `site-${side}`, "-j", "-s", "link", "show", "eth0"]);
  const [link] = JSON.parse(stdout) as { stats64: { rx: { packets: number } } }[];
  return link?.stats64.rx.packets ?? 0;
}
