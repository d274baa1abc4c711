import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { eventually, planes } from "../support/lab.ts";
import { type Keys, Sites } from "../support/sites.ts";

/**
 * VLANs of a bridge with frames of hosts, where the kernel has them (CONFIG_BRIDGE_VLAN_FILTERING): if not on
 * this machine, in the guest of test/guest/newest-kernel.test.ts. Elsewhere the tests end with what is told.
 */

/** Site `a` has the bridge, with its host and the pseudowire as ports that have some VLANs. */
function configOf(sites: Sites, plane: string, port: Keys, member: Keys): Keys {
  const pseudowires = { lan: { circuit: { tap: "pw1", bridge: "lan", port } } };
  const bridges = { lan: { vlan_filtering: true, interfaces: { eth1: member } } };
  return sites.configuration("a", plane, { pseudowires }, { bridges });
}

/** A host gets an address in a VLAN, tagged by an interface of its own; VLAN 0 is untagged. */
async function addHost(sites: Sites, host: "ha" | "hb", vlan: number, network: number): Promise<void> {
  const device = vlan === 0 ? "eth0" : `eth0.${vlan}`;
  if (vlan !== 0) {
    await sites.ip(host, `link add link eth0 name ${device} type vlan id ${vlan}`);
    await sites.ip(host, `link set ${device} up`);
  }
  await sites.ip(host, `addr add 10.${network}.0.${host === "ha" ? 1 : 2}/24 dev ${device}`);
}

async function passes(sites: Sites, network: number): Promise<boolean> {
  const { status } = await sites.exec("ha", "ping", "-q", "-c", "1", "-W", "1", `10.${network}.0.2`);
  return status === 0;
}

const reached = (sites: Sites, network: number) =>
  eventually(`frames of network ${network} pass`, () => passes(sites, network), 60_000);

/** Whether nothing of a network passes; to be asked when another does. */
async function isCutOff(sites: Sites, network: number): Promise<boolean> {
  const { stdout } = await sites.exec(
    "ha",
    "ping",
    "-q",
    "-c",
    "5",
    "-i",
    "0.2",
    "-W",
    "1",
    `10.${network}.0.2`,
  );
  return stdout.includes(" 0 received");
}

/** Whether the kernel has VLANs of bridges and of interfaces. */
async function hasVlans(sites: Sites): Promise<boolean> {
  const name = sites.namespace("ha");
  const tried = [
    "link add tried type bridge vlan_filtering 1",
    "link add link eth0 name tried.5 type vlan id 5",
  ];
  const results = [];
  for (const words of tried)
    results.push(await run(["ip", "-n", name, ...words.split(" ")], { accept: [0, 1, 2] }));
  for (const device of ["tried", "tried.5"])
    await run(["ip", "-n", name, "link", "del", device], { accept: [0, 1, 2] });
  return results.every(({ status }) => status === 0);
}

test.each(planes)(
  "plane %s: VLANs of a bridge pass between the ports that have them, tagged or not, and nowhere else",
  async (plane) => {
    await using sites = await Sites.make();
    const vlans = await hasVlans(sites);
    // The host's port is untagged in VLAN 10, the pseudowire's port has only tags.
    const member = { pvid: 10, vlans: [20, 30] };
    sites.start("a", sites.write("a", configOf(sites, plane, { vlans: [10, 20] }, member)));
    sites.start("b", sites.write("b", sites.configuration("b", plane)));
    const { bridges } = await sites.told("both ports are there", "a", ({ bridges: seen, pseudowires }) => {
      return seen?.[0]?.ports.length === 2 && pseudowires[0]?.state === "established";
    });
    if (!vlans) {
      expect(bridges?.[0]?.problem).toContain("VLANs need CONFIG_BRIDGE_VLAN_FILTERING");
      return;
    }
    console.log("the kernel filters VLANs of bridges");
    expect(bridges?.[0]).toMatchObject({ vlanFiltering: true });
    expect(bridges?.[0]?.problem).toBe(undefined);
    await addHost(sites, "ha", 0, 10);
    await addHost(sites, "hb", 10, 10);
    for (const vlan of [20, 30]) {
      await addHost(sites, "ha", vlan, vlan);
      await addHost(sites, "hb", vlan, vlan);
    }
    await reached(sites, 10);
    await reached(sites, 20);
    expect(await isCutOff(sites, 30)).toBe(true);
    // What comes without a tag by the pseudowire is in no VLAN: the hosts' untagged addresses do not meet.
    expect(await isCutOff(sites, 0)).toBe(true);

    // A reload gives the pseudowire other VLANs while it is up.
    sites.write("a", configOf(sites, plane, { vlans: [10, "30-40"] }, member));
    const { stderr } = await sites.reload("a");
    expect(stderr).toBe("");
    await reached(sites, 30);
    await reached(sites, 10);
    expect(await isCutOff(sites, 20)).toBe(true);
  },
);
