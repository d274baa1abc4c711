import { expect, test } from "vitest";
import { apartPartners } from "../../../src/lab/format/apart-partners.ts";
import { readTopology } from "../../../src/lab/format/read.ts";
import { parsed, told } from "../../support/topology-mistakes.ts";

/** Two LANs with an LCCE each; `own` are further lines of the file. */
function text(hosts: string, own = ""): string {
  const tunnel = (number: number) =>
    `{ local: 192.0.2.${number}, remote: 192.0.2.${3 - number}, ` +
    "pseudowires: { p: { circuit: { interface: trunk, vlan: 10 } } } }";
  const lcce = (lan: string, number: number) =>
    `{ lan: ${lan}, wan: { net: 192.0.2.${number}/24 }, wirespan: { tunnels: { t: ${tunnel(number)} } } }`;
  return `title: two
networks: { net: { mtu: 1600 } }
lans: { left: {}, right: {} }
hosts: { ${hosts} }
lcces: { west: ${lcce("left", 1)}, east: ${lcce("right", 2)} }
${own}`;
}

const here = "a40: { lan: left, vlan: 40 }, b40: { lan: right, vlan: 40 }";

/** TABLE: files, and whom a40 should reach though it does not reach b40. */
test.each([
  [
    "hosts of its VLAN first, across before its own LAN",
    text(
      `a10: { lan: left, vlan: 10 }, c40: { lan: left, vlan: 40 }, d40: { lan: right, vlan: 40 }, ${here}`,
    ),
    ["d40", "c40", "a10"],
  ],
  [
    "the host of a ping before all others",
    text(
      `a10: { lan: left, vlan: 10 }, c40: { lan: left, vlan: 40 }, ${here}`,
      "checks: [{ ping: [a10, a40] }]",
    ),
    ["a10", "c40"],
  ],
  [
    "a router in its LAN where there is no other host",
    text(here, "routers: { gw: { ports: { net: 192.0.2.9/24, left: 10.0.0.1/24 } } }"),
    ["gw.left"],
  ],
  ["nobody", text(here), []],
])("%s", (_, file, wanted) => {
  const { topology, problems } = parsed(file);
  expect(problems).toEqual([]);
  const partners = topology === undefined ? [] : apartPartners(topology, "a40", "b40");
  expect(partners.map(({ name, port }) => (port === undefined ? name : `${name}.${port}`))).toEqual(wanted);
});

test("a router in the LAN of one alone is not enough for the other", () => {
  const gateway = "routers: { gw: { ports: { net: 192.0.2.9/24, left: 10.0.0.1/24 } } }";
  const [problem] = told(text(here, `${gateway}\nchecks: [{ apart: [a40, b40] }]`));
  expect(problem).toMatch(/no router or LCCE with an address in the LAN of b40$/);
  const both = gateway.replace("left:", "right: 10.0.0.2/24, left:");
  expect(told(text(here, `${both}\nchecks: [{ apart: [a40, b40] }]`))).toEqual([]);
});

test("of many hosts eight are tried, and the nearest in VLAN are among them", () => {
  const many = Array.from({ length: 10 }, (_, index) => `h${index}: { lan: right, vlan: ${100 + index} }`);
  const { topology } = parsed(text(`${many.join(", ")}, c40: { lan: left, vlan: 40 }, ${here}`));
  const names = topology === undefined ? [] : apartPartners(topology, "a40", "b40").map(({ name }) => name);
  expect(names).toHaveLength(8);
  expect(names[0]).toBe("c40");
});

test("hosts of a topology of this package", () => {
  const names = (name: string, other: string) =>
    apartPartners(readTopology("headquarters"), name, other).map((host) => host.name);
  expect(names("a10", "b20").slice(0, 2)).toEqual(["hq10", "b10"]);
});
