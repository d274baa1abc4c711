import { describe, expect, test } from "vitest";
import { expectExchange } from "../support/bulk.ts";
import { eventually, planes } from "../support/lab.ts";
import { type Site, Sites } from "../support/sites.ts";

/** TCP between hosts with an MTU of 1500, through a tunnel over a path of 1500, without any tuning. */

const OCTETS = 4_000_000;
const hosts = { "IPv4 of the hosts": "10.0.0.2", "IPv6 of the hosts": "fd00::2" } as const;
const outer = {
  4: {},
  6: {
    a: { local: "2001:db8::1", remote: "2001:db8::2" },
    b: { local: "2001:db8::2", remote: "2001:db8::1" },
  },
} as const;
const rows = planes.flatMap((plane) =>
  (["udp", "ip"] as const).flatMap((encapsulation) =>
    ([4, 6] as const).map((family) => [plane, encapsulation, family] as const),
  ),
);

/** Fragments that a gateway has made of its own packets, IPv4 and IPv6, since it was there. */
async function fragments(sites: Sites, site: Site): Promise<number> {
  const { stdout: v4 } = await sites.exec(site, "cat", "/proc/net/snmp");
  const [names = [], values = []] = v4
    .split("\n")
    .filter((line) => line.startsWith("Ip:"))
    .map((line) => line.split(" "));
  const { stdout: v6 } = await sites.exec(site, "cat", "/proc/net/snmp6");
  const sixth = /^Ip6FragCreates\s+(\d+)$/m.exec(v6)?.[1];
  const own = values[names.indexOf("FragCreates")];
  if (own === undefined || sixth === undefined) throw new Error("the kernel tells no FragCreates");
  return Number(own) + Number(sixth);
}

/** Two sites whose daemons run, with IPv6 on WAN and LAN. */
async function sitesUp(
  plane: string,
  encapsulation: string,
  family: 4 | 6,
  mssClamp?: string,
): Promise<Sites> {
  const sites = await Sites.make();
  try {
    for (const [site, number] of [
      ["a", 1],
      ["b", 2],
    ] as const) {
      await sites.ip(site, `addr add 2001:db8::${number}/64 dev wan0 nodad`);
      await sites.ip(`h${site}`, `addr add fd00::${number}/64 dev eth0 nodad`);
      const lan = {
        circuit: { interface: "eth1" },
        ...(mssClamp === undefined ? {} : { mss_clamp: mssClamp }),
      };
      const ends = family === 6 ? outer[6][site] : {};
      // Programs make no UDP checksums, which IPv6 has unless both ends do without.
      const checksum = family === 6 && encapsulation === "udp" ? { udp_checksum: "zero" } : {};
      const tunnel = { encapsulation, ...checksum, ...ends, pseudowires: { lan } };
      sites.start(site, sites.write(site, sites.configuration(site, plane, tunnel)));
    }
    await sites.reached();
    await sites.told("a session is forwarded", "a", ({ pseudowires }) => pseudowires[0]?.plane === plane);
    return sites;
  } catch (error) {
    await sites[Symbol.asyncDispose]();
    throw error;
  }
}

/** TCP both ways between the hosts; resolves to the fragments that both gateways made of it. */
async function fragmentsOfTcp(sites: Sites, address: string): Promise<number> {
  const before = (await fragments(sites, "a")) + (await fragments(sites, "b"));
  const at = (host: string) => ["nsenter", `--net=/run/netns/${sites.namespace(host)}`];
  await expectExchange(at("ha"), at("hb"), { address, there: OCTETS, back: OCTETS });
  return (await fragments(sites, "a")) + (await fragments(sites, "b")) - before;
}

describe("TCP over a path of 1500", () => {
  test.each(rows)("plane %s, %s over IPv%i: makes no fragment, as its SYNs are clamped", async (...row) => {
    await using sites = await sitesUp(...row);
    for (const [name, address] of Object.entries(hosts))
      expect(await fragmentsOfTcp(sites, address), name).toBe(0);
    // One end is enough, and both do it: what the first one wrote the other one leaves.
    const clamped = await Promise.all((["a", "b"] as const).map((site) => sites.pseudowire(site)));
    const sum = clamped.reduce((all, one) => all + one.receivedClamped + one.transmittedClamped, 0);
    expect(sum).toBeGreaterThanOrEqual(4);
  });

  test.each(planes)("plane %s: fragments are made where nothing is clamped", async (plane) => {
    await using sites = await sitesUp(plane, "udp", 4, "off");
    expect(await fragmentsOfTcp(sites, hosts["IPv4 of the hosts"])).toBeGreaterThan(1000);
  });

  test.each(planes)("plane %s: a path that gets shorter is followed with the session up", async (plane) => {
    await using sites = await sitesUp(plane, "udp", 4);
    const { localSessionId } = await sites.pseudowire("a");
    expect(await fragmentsOfTcp(sites, "10.0.0.2")).toBe(0);
    await sites.ip("a", "route add 192.0.2.2/32 dev wan0 mtu 1300");
    await eventually("TCP makes no fragments on the shorter path", async () => {
      return (await fragmentsOfTcp(sites, "10.0.0.2")) === 0;
    });
    const now = await sites.pseudowire("a");
    expect(now.localSessionId).toBe(localSessionId);
    expect(now.transmittedClamped + now.receivedClamped).toBeGreaterThan(0);
  });
});
