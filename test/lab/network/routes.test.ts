import { describe, expect, test } from "vitest";
import { routesOf } from "../../../src/lab/network/routes.ts";
import { topologyOf } from "../../support/topology-text.ts";

/** The routes of some nodes as lines, such as "default via 192.0.2.1". */
function routes(text: string, ...nodes: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const all = routesOf(topologyOf(text));
  const lines = (node: string) =>
    (all.get(node) ?? []).map(({ destination, via }) => `${destination} via ${via}`).sort();
  return Object.fromEntries(nodes.map((node) => [node, lines(node)]));
}

/** Three networks in a row with two routers between them, and an LCCE at either end. */
const row = `
networks: { west: {}, middle: {}, east: { subnet: 2001:db8:3::/64 } }
routers:
  r1: { ports: { west: [10.1.0.1/24, "2001:db8:1::1/64"], middle: [10.2.0.1/24, "2001:db8:2::1/64"] } }
  r2: { ports: { middle: [10.2.0.2/24, "2001:db8:2::2/64"], east: [10.3.0.1/24, "2001:db8:3::1/64"] } }
lcces:
  a: { wan: { west: 10.1.0.9/24 }, run: sleep 1 }
  b: { wan: { east: [10.3.0.9/24, "2001:db8:3::9/64"] }, run: sleep 1 }
`;

describe("the way to each subnet", () => {
  test("leads to the next router, of either family; from a network with one router all do", () => {
    expect(routes(row, "r1", "r2", "a", "b")).toEqual({
      r1: ["10.3.0.0/24 via 10.2.0.2", "2001:db8:3::/64 via 2001:db8:2::2"],
      r2: ["10.1.0.0/24 via 10.2.0.1", "2001:db8:1::/64 via 2001:db8:2::1"],
      a: ["default via 10.1.0.1"],
      b: ["default via 10.3.0.1", "default via 2001:db8:3::1"],
    });
  });

  test("is that of the fewest routers; an LCCE between two routers knows both ways", () => {
    const short = row
      .replace("lcces:", "  r3: { ports: { west: 10.1.0.3/24, east: 10.3.0.3/24 } }\nlcces:")
      .replaceAll(/, "2001.*?"/g, "");
    expect(routes(short, "r1", "r3", "a")).toEqual({
      r1: ["10.3.0.0/24 via 10.1.0.3"],
      r3: ["10.2.0.0/24 via 10.1.0.1"],
      a: ["10.2.0.0/24 via 10.1.0.1", "10.3.0.0/24 via 10.1.0.3"],
    });
  });

  test("leads through segments that an uplink connects", () => {
    const split = row
      .replace(
        "networks: { west: {}, middle: {},",
        "uplinks: [[middle, center]]\nnetworks: { west: {}, middle: {}, center: {},",
      )
      .replace("r2: { ports: { middle:", "r2: { ports: { center:");
    expect(routes(split, "r1", "a")).toEqual({
      r1: ["10.3.0.0/24 via 10.2.0.2", "2001:db8:3::/64 via 2001:db8:2::2"],
      a: ["default via 10.1.0.1"],
    });
  });

  test("does not lead by an address of another subnet", () => {
    expect(routes(row.replace("west: 10.1.0.9/24", "west: 10.9.0.9/24"), "a")).toEqual({ a: [] });
  });

  test("is not that of a router with FRR, which learns it", () => {
    const frr = row.replace("r1: { ports", "r1: { frr: ./r1.conf, ports");
    expect(routes(frr, "r1", "r2", "a")).toMatchObject({ r1: [], a: ["default via 10.1.0.1"] });
  });
});

const nat = `
networks: { internet: {} }
lans: { home: {}, office: {} }
routers:
  isp: { ports: { internet: 203.0.113.254/24, office: 10.5.0.1/24 } }
  cpe: { ports: { home: [192.168.1.1/24, "fd01::1/64"], internet: 203.0.113.9/24 }, nat: { out: internet } }
hosts:
  pc: { lan: home, address: [192.168.1.50/24, "fd01::50/64"] }
  tagged: { lan: home, vlan: 10, address: 192.168.1.51/24 }
  plain: { lan: office, address: 10.5.0.7/24 }
lcces:
  out: { wan: { internet: 203.0.113.2/24 }, run: sleep 1 }
  in: { wan: { home: 192.168.1.2/24 }, run: sleep 1 }
`;

describe("a router with NAT", () => {
  test("is the way out for what is behind it, and no way in; its own way is the router outside", () => {
    expect(routes(nat, "cpe", "isp", "in", "out", "pc", "plain")).toEqual({
      cpe: ["default via 203.0.113.254"],
      isp: [],
      in: ["default via 192.168.1.1"],
      out: ["default via 203.0.113.254"],
      pc: ["default via 192.168.1.1", "default via fd01::1"],
      plain: ["default via 10.5.0.1"],
    });
  });

  test("serves no host with tags", () => {
    expect(routes(nat, "tagged")).toEqual({ tagged: [] });
  });
});

test("what a file says wins", () => {
  const own = nat
    .replace("pc: { lan", "pc: { gateway: 192.168.1.99, routes: { 10.5.0.1/24: 192.168.1.98 }, lan")
    .replace("in: { wan", "in: { routes: { default: 192.168.1.77 }, wan");
  expect(routes(own, "pc", "in")).toEqual({
    pc: ["10.5.0.0/24 via 192.168.1.98", "default via 192.168.1.99", "default via fd01::1"],
    in: ["default via 192.168.1.77"],
  });
});
