import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { topologySections } from "../../../src/lab/format/reference.ts";
import { told } from "../../support/topology-mistakes.ts";

/** Each example of a key, in a whole topology that has what the example speaks of. */

type Mapping = Record<string, unknown>;

const tunnel = (local: string, remote: string) => ({
  tunnels: { t: { local, remote, pseudowires: { lan: { circuit: { interface: "trunk" } } } } },
});

/** A topology with the names that examples use. */
function base(): Mapping {
  return {
    title: "what examples stand in",
    secret: "s",
    networks: { internet: { subnet: "203.0.113.0/24", mtu: 1500 }, mpls: {}, east: {}, west: {} },
    lans: { hq: {}, annex: {}, branch: {}, home: { subnet: "192.168.1.0/24" } },
    routers: { core: { ports: { east: "192.0.2.254/24", west: "198.51.100.1/24" } } },
    hosts: {
      a10: { lan: "hq", vlan: 10, address: "10.10.0.31/24" },
      b10: { lan: "branch", vlan: 10, address: "10.10.0.32/24" },
      a20: { lan: "hq", vlan: 20 },
      b20: { lan: "branch", vlan: 20 },
      h10: { lan: "hq", vlan: 10, address: "10.10.0.33/24" },
      srv: { lan: "hq", http: 80, address: "10.10.0.34/24" },
    },
    lcces: {
      hq1: { lan: "hq", wan: { internet: "203.0.113.1" }, wirespan: tunnel("203.0.113.1", "203.0.113.3") },
      br: { lan: "branch", wan: { internet: "203.0.113.3" }, wirespan: tunnel("203.0.113.3", "203.0.113.1") },
    },
    wan: { mtu: 1500 },
    sites: { z: { address: "192.0.2.2/24", hosts: {}, wirespan: tunnel("192.0.2.2", "203.0.113.1") } },
    checks: [],
  };
}

/** An LCCE and a router that a name of a section stands for. */
const lcce = { lan: "branch", wan: { internet: "203.0.113.21" }, run: "sleep 1" };
const router = { ports: { home: "192.168.1.1", internet: "203.0.113.9" } };
const host = { lan: "hq", address: "10.10.0.9/24" };
/** What an example of some keys needs beside it, in any node. */
const beside: Readonly<Record<string, Mapping>> = {
  start: { run: "sleep 1" },
  routes: { address: "203.0.113.50/24" },
};

const set = (topology: Mapping, section: string, name: string, value: unknown): void => {
  (topology[section] as Mapping)[name] = value;
};

/** TABLE: where an example of each section stands, by the beginning of its title. */
const places: readonly (readonly [start: string, place: (topology: Mapping, example: Mapping) => void])[] = [
  ["`networks.NAME:`", (topology, example) => set(topology, "networks", "own", example)],
  ["`lans.NAME:`", (topology, example) => set(topology, "lans", "own", example)],
  [
    "`routers.NAME:`",
    (topology, example) =>
      set(topology, "routers", "own", {
        ...router,
        ...("start" in example ? beside["start"] : {}),
        ...example,
      }),
  ],
  [
    "`routers.NAME.nat:`",
    (topology, example) =>
      set(topology, "routers", "own", { ...router, nat: { out: "internet", ...example } }),
  ],
  [
    "`hosts.NAME:`",
    (topology, example) => {
      const { address: _address, ...rest } = host;
      const own = "vlans" in example ? rest : { ...host, ...beside[Object.keys(example)[0] ?? ""] };
      set(topology, "hosts", "own", { ...own, ...example });
    },
  ],
  [
    "`hosts.NAME.tags[]:`",
    (topology, example) => set(topology, "hosts", "own", { ...host, tags: [{ id: 7, ...example }] }),
  ],
  [
    "`lcces.NAME:`",
    (topology, example) => {
      const { run: _run, ...rest } = lcce;
      const isWirespan = "wirespan" in example || "plane" in example;
      const own = tunnel("203.0.113.21", "203.0.113.1");
      set(topology, "lcces", "own", { ...(isWirespan ? { ...rest, wirespan: own } : lcce), ...example });
    },
  ],
  [
    "`lcces.NAME.wirespan:`",
    (topology, example) => {
      const { run: _run, ...rest } = lcce;
      const ports = { eth1: "trunk" };
      set(topology, "lcces", "own", { ...rest, wirespan: { file: "./branch.yaml", ports, ...example } });
    },
  ],
  ["`wan:`", (topology, example) => (topology["wan"] = example)],
  [
    "`sites.NAME:`",
    (topology, example) => {
      const hosts = topology["hosts"] as Mapping;
      if ("hosts" in example) for (const name of Object.keys(example["hosts"] as Mapping)) delete hosts[name];
      const { address = "192.0.2.1/24" } = example;
      const own = tunnel(String(address).replace(/\/.*/, ""), "203.0.113.1");
      set(topology, "sites", "own", { address, hosts: { own1: 0 }, wirespan: own, ...example });
    },
  ],
  [
    "`links.NODE.PORT:`",
    (topology, example) =>
      (topology["links"] = { "hq1.trunk": { delay: "50ms", rate: "1mbit", ...example } }),
  ],
  ["`exercise:`", (topology, example) => (topology["exercise"] = { task: "./task.md", ...example })],
  [
    "`exercise.questions[]:`",
    (topology, example) => (topology["exercise"] = { questions: [{ ask: "?", answer: "!", ...example }] }),
  ],
  [
    "`checks[]:` of every kind",
    (topology, example) => (topology["checks"] = [{ ping: ["a10", "b10"], ...example }]),
  ],
  ["`expect:`", (topology, example) => (topology["checks"] = [{ run: ["a10", "true"], expect: example }])],
];

/** Examples of checks are whole checks, or keys beside that of the kind. */
function placeCheck(topology: Mapping, title: string, example: unknown): void {
  if (Array.isArray(example)) {
    topology["checks"] = example.map((check: Mapping) => ({ ...missing(title, check), ...check }));
    return;
  }
  const { at_least: least, ...rest } = wholeCheck(title);
  const whole =
    "at_most" in (example as Mapping)
      ? rest
      : { ...rest, ...(least === undefined ? {} : { at_least: least }) };
  topology["checks"] = [{ ...whole, ...(example as Mapping) }];
}

function kindOf(title: string): string {
  return /with `(\w+)`/.exec(title)?.[1] ?? "";
}

/** What a check needs beside the key of its kind. */
function missing(title: string, check: Mapping): Mapping {
  const { [kindOf(title)]: _kind, ...needed } = wholeCheck(title);
  return Object.fromEntries(Object.entries(needed).filter(([key]) => !(key in check)));
}

/** A whole check of a kind: that of the kind's own example, with what else it needs. */
function wholeCheck(title: string): Mapping {
  const keys = topologySections.find((section) => section.title === title)?.keys ?? {};
  const required = Object.entries(keys).filter(([, { schema }]) => !schema.safeParse(undefined).success);
  const needed: readonly Mapping[] = required.map(([, { example }]) => {
    const value = parse(example) as Mapping | readonly Mapping[];
    return Array.isArray(value) ? (value[0] as Mapping) : (value as Mapping);
  });
  const limit = kindOf(title) === "throughput" ? { at_most: "900gbit" } : {};
  return Object.assign({}, limit, ...needed) as Mapping;
}

const conf = (local: string, remote: string, port: string) =>
  stringify({
    tunnels: { t: { local, remote, pseudowires: { lan: { circuit: { interface: port } } } } },
  });
const files = Object.fromEntries(
  [
    ["/lab/branch.yaml", conf("203.0.113.21", "203.0.113.1", "eth1")],
    ["/lab/hq.yaml", conf("203.0.113.1", "203.0.113.3", "trunk")],
  ].concat(
    ["task.md", "README.md", "core.conf", "old-router.sh", "kernel-l2tp.sh", "lab-secret"].map((name) => [
      `/lab/${name}`,
      "",
    ]),
  ),
);

describe.each(topologySections)("$title", ({ title, keys }) => {
  test.each(Object.entries(keys))("the example of %s is valid in a whole topology", (name, { example }) => {
    const topology = base();
    const parsed = parse(example) as Mapping;
    const place = places.find(([start]) => title.startsWith(start))?.[1];
    if (title === "At the top of the file") Object.assign(topology, merged(topology, parsed));
    else if (place !== undefined) place(topology, parsed);
    else placeCheck(topology, title, parsed);
    expect(example, "the example has its key").toMatch(new RegExp(`(^|- |\\n *)${name}:`));
    expect(told(stringify(topology), files), stringify(topology)).toEqual([]);
  });
});

/** Names are added to those that there are. */
function merged(topology: Mapping, example: Mapping): Mapping {
  return Object.fromEntries(
    Object.entries(example).map(([key, value]) => {
      const old = topology[key];
      const isNames = typeof old === "object" && old !== null && !Array.isArray(old);
      if (!isNames) return [key, value];
      const names = Object.entries(value as Mapping).map(([name, own]) => [
        name,
        typeof own === "object" ? { ...((old as Mapping)[name] as Mapping | undefined), ...own } : own,
      ]);
      return [key, { ...old, ...(Object.fromEntries(names) as Mapping) }];
    }),
  );
}
