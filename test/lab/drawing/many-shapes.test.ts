import { describe, expect, test } from "vitest";
import { pictureOf } from "../../../src/lab/drawing/draw.ts";
import type { LabLcce, Router, Segment, Topology } from "../../../src/lab/format/topology.ts";
import { looseEnds, unreadable } from "../../support/pictures.ts";
import { topologyIn } from "../../support/topology-text.ts";

/** Pictures of topologies of every size: so many sites, so many networks, with routers between or not. */

const base = topologyIn("point-to-point");

function segment(name: string, kind: "network" | "lan"): Segment {
  return { name, kind, mtu: 1500, stp: false, subnets: [] };
}

const program = { routes: {}, run: undefined, dns: {}, start: "auto", after: [] } as const;

function shape(sites: number, networks: number, hasRouters: boolean): Topology {
  const nets = Array.from({ length: networks }, (_, index) => segment(`net${index + 1}`, "network"));
  const numbers = Array.from({ length: sites }, (_, index) => index + 1);
  const port = (name: string, at: string, addresses: readonly string[]) => ({
    ...{ name, segment: at, farName: name, mtu: 1500, addresses },
  });
  const lcces = numbers.map((site): LabLcce => {
    // With routers, each site is at one network; else at all.
    const own = hasRouters ? [nets[site % networks]!] : nets;
    const ports = own.map(({ name }, index) => port(name, name, [`10.${index}.${site}.1/16`]));
    return {
      ...{
        kind: "lcce",
        name: `l${site}`,
        site: `l${site}`,
        ports: [...ports, port("trunk", `lan${site}`, [])],
      },
      ...{ trunk: "trunk", bridge: undefined, plane: undefined, wirespan: undefined, ...program },
    };
  });
  const routers = (hasRouters ? nets.slice(1) : []).map(
    ({ name }, index): Router => ({
      ...{ kind: "router", name: `r${index + 1}`, nat: undefined, dhcp: {}, frr: undefined, ...program },
      ports: [port("a", nets[index]!.name, [`10.9.${index}.1/24`]), port("b", name, [`10.8.${index}.1/24`])],
    }),
  );
  const lans = numbers.map((site) => segment(`lan${site}`, "lan"));
  const hosts = numbers.flatMap((site) =>
    base.hosts.slice(0, (site % 3) + 1).map((host, index) => ({
      ...{ ...host, name: `h${site}-${index}` },
      ports: [port("eth0", `lan${site}`, [])],
    })),
  );
  return { ...base, segments: [...nets, ...lans], lcces, routers, hosts, links: [], uplinks: [] };
}

/** The first LCCE has a pseudowire with each of the others. */
function configurations({ lcces }: Topology): ReadonlyMap<string, unknown> {
  const address = (lcce: LabLcce) => `${lcce.ports[0]!.addresses[0]}`.replace(/\/.*/, "");
  const [hub, ...others] = lcces;
  const tunnel = (from: LabLcce, to: LabLcce, name: string) => [
    ...[to.name, { local: address(from), remote: address(to), pseudowires: { [name]: { circuit: {} } } }],
  ];
  return new Map([
    [
      hub!.name,
      { tunnels: Object.fromEntries(others.map((other) => tunnel(hub!, other, `to-${other.name}`))) },
    ],
    ...(others.map((other) => [
      other.name,
      { tunnels: Object.fromEntries([tunnel(other, hub!, `to-${other.name}`)]) },
    ]) as [string, unknown][]),
  ]);
}

describe.each([2, 3, 5, 8, 14])("a picture of %i sites", (sites) => {
  test.each([
    [1, false],
    [2, false],
    [3, false],
    [2, true],
    [4, true],
  ])("at %i networks, routers between: %s", (networks, hasRouters) => {
    const topology = shape(sites, networks, hasRouters);
    const picture = pictureOf(topology, configurations(topology));
    expect(picture.pseudowires).toHaveLength(sites - 1);
    expect(picture.nodes).toHaveLength(
      topology.hosts.length + topology.lcces.length + topology.routers.length,
    );
    expect(unreadable(picture)).toEqual([]);
    expect(looseEnds(picture)).toEqual([]);
  });
});
