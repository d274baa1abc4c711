import { OperationalError } from "../../src/bytes/errors.ts";
import { run } from "../../src/lab/command.ts";
import type { LinkConditions } from "../../src/lab/links/conditions.ts";
import { LinkControl } from "../../src/lab/links/link-control.ts";
import type { LinkCapabilities } from "../../src/lab/links/realisation.ts";
import { inNode } from "../../src/lab/nodes.ts";

/**
 * Program for the guest of lab/guest: conditions of a link between two nodes, by what its kernel has and by
 * what is left without netem. Prints a line for each thing that it sees, and fails where one is wrong.
 */

const NEIGHBOUR = "10.9.0.2";
const link = { segmentNamespace: "segment", farDevice: "to-a" };

async function ip(words: string): Promise<void> {
  await run(["ip", ...words.split(" ")]);
}

async function build(): Promise<void> {
  for (const node of ["a", "b", "segment"]) await ip(`netns add ${node}`);
  await ip("-n segment link add bridge type bridge mcast_snooping 0 vlan_filtering 1");
  await ip("-n segment link set bridge up");
  for (const [index, node] of ["a", "b"].entries()) {
    await ip(`link add eth0 netns ${node} type veth peer name to-${node} netns segment`);
    await ip(`-n segment link set to-${node} up master bridge`);
    // The nodes are in VLAN 7, without its tag.
    for (const words of ["del vid 1", "add vid 7 pvid untagged", "add vid 20-29"]) {
      const [task = "", ...rest] = words.split(" ");
      await run(["bridge", "-n", "segment", "vlan", task, "dev", `to-${node}`, ...rest]);
    }
    await ip(`-n ${node} link set eth0 up`);
    await ip(`-n ${node} addr add 10.9.0.${index + 1}/24 dev eth0`);
  }
}

function require(isRight: boolean, what: string): void {
  if (!isRight) throw new OperationalError(`wrong: ${what}`);
  console.log(`right: ${what}`);
}

async function ping(...words: readonly string[]): Promise<string> {
  return (await run(inNode("a", "ping", ...words, NEIGHBOUR), { accept: [0, 1] })).stdout;
}

/** VLANs of the port of the bridge that leads to node a. */
async function vlansOf(port: string): Promise<string> {
  const { stdout } = await run(["bridge", "-n", "segment", "-json", "vlan", "show", "dev", port]);
  return JSON.stringify((JSON.parse(stdout) as readonly { vlans: unknown }[])[0]?.vlans);
}

async function checkLinks(without: readonly (keyof LinkCapabilities)[]): Promise<void> {
  await using control = new LinkControl({ without });
  const put = async (conditions: LinkConditions, mechanisms: readonly string[]): Promise<void> => {
    const { out } = await control.set(link, { out: conditions });
    const wanted = without.includes("netem") ? mechanisms : ["netem"];
    require(`${out.realisedBy}` === `${wanted}`, `${JSON.stringify(conditions)} by ${out.realisedBy}`);
  };
  const vlans = await vlansOf("to-a");
  await put({ delayMs: 50, jitterMs: 1, reorderPercent: 1 }, ["relay"]);
  const { stdout } = await run(["bridge", "-n", "segment", "link", "show"]);
  const port = /link\d+-port/.exec(stdout)?.[0] ?? "";
  require((await vlansOf(port)) === vlans, `VLANs ${vlans} of port ${port}`);
  const rtt = await ping("-q", "-c20", "-i0.1");
  const [, meanMs] = /rtt [^=]*= [\d.]+\/([\d.]+)/.exec(rtt) ?? [];
  // The emulated processor takes some ms for each ping, and one in a hundred skips the delay.
  require(Number(meanMs) > 40 && Number(meanMs) < 65, `round-trip time of ${meanMs} ms in the mean`);
  await put({ lossPercent: 20 }, ["nftables"]);
  const [, received] = /(\d+) received/.exec(await ping("-q", "-c500", "-i0.01", "-W1")) ?? [];
  require(Number(received) > 350 && Number(received) < 450, `${received} of 500 pings with a loss of 20 %`);
  await put({ duplicatePercent: 50 }, ["relay"]);
  require((await ping("-c50", "-i0.02")).includes("DUP!"), "pings that are answered twice");
  await put({ rateBitsPerSecond: 100_000, queuePackets: 5 }, ["tbf"]);
  // 20 packets of 1042 octets at once: one second and more for those that find room.
  await ping("-q", "-c20", "-s1000", "-i0.002", "-W3");
  const { counters } = (await control.set(link, {})).out;
  const drops = (counters?.queueDrops ?? 0) + (counters?.lost ?? 0);
  require(drops > 5 && (counters?.delivered ?? 0) > 3, `${JSON.stringify(counters)} of 20 packets`);
  await control.set(link, { out: {} });
  require((await vlansOf("to-a")) === vlans, "VLANs of the far end when all is over");
  require((await ping("-c3", "-i0.1")).includes("3 received"), "pings when all is over");
}

await build();
await checkLinks([]);
await checkLinks(["netem"]);
console.log("every link was right");
