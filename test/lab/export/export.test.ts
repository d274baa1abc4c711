import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../../src/config/parse.ts";
import { exportedFiles } from "../../../src/lab/export/export.ts";
import type { ExportedFile } from "../../../src/lab/export/exported-file.ts";
import { readPortNames } from "../../../src/lab/export/port-names.ts";
import { readUserTexts } from "../../../src/lab/export/write.ts";
import { nodesOf, type Topology, wirespansOf } from "../../../src/lab/format/topology.ts";
import { drawnTopologies } from "../../support/pictures.ts";
import { topologyIn } from "../../support/topology-text.ts";

interface Wanted {
  readonly ports?: readonly string[];
  readonly node?: string;
  readonly containerlab?: boolean;
}

function filesOf(topology: Topology, { ports = [], node, containerlab = false }: Wanted = {}) {
  return exportedFiles(topology, {
    texts: readUserTexts(topology),
    unit: "[Unit]\n",
    nameOf: readPortNames(topology, ports),
    node,
    containerlab,
  });
}

function textOf(files: readonly ExportedFile[], path: string): string {
  const file = files.find((one) => one.path === path);
  if (file === undefined) throw new Error(`no ${path} among ${files.map((one) => one.path).join(", ")}`);
  return file.text;
}

const own = (name: string) =>
  topologyIn(fileURLToPath(new URL(`../drawing/topologies/${name}.yaml`, import.meta.url)));

describe.each(drawnTopologies())("the export of %s", (file) => {
  const topology = topologyIn(file);
  const files = filesOf(topology, { containerlab: true });

  test("has a configuration for each Wirespan that is valid, and names nothing of the lab", () => {
    for (const { name } of wirespansOf(topology)) {
      const text = textOf(files, `${name}/wirespan.yaml`);
      expect(parseConfig(text, "wirespan.yaml", { hostName: name }).problems, name).toEqual([]);
      expect(text).not.toContain("/run/");
      expect(text.split("\n")[0]).toMatch(new RegExp(`^# ${name} of the lab ${topology.name}`));
    }
  });

  test("has secrets in files that only their owner may read", () => {
    const secrets = files.filter(
      ({ text }) => topology.secret !== undefined && text.includes(topology.secret),
    );
    expect(secrets.map(({ mode }) => mode)).toEqual(secrets.map(() => 0o600));
    const users = wirespansOf(topology).filter(({ name }) =>
      textOf(files, `${name}/wirespan.yaml`).includes("/etc/wirespan/secret"),
    );
    expect(secrets.map(({ path }) => path).toSorted()).toEqual(
      users.map(({ name }) => `${name}/secret`).toSorted(),
    );
  });

  test("has a network for each node, and tells of every file and connection in its README.md", () => {
    const readme = textOf(files, "README.md");
    for (const { name, ports } of nodesOf(topology)) {
      expect(textOf(files, `${name}/network.sh`)).toMatch(/^#!\/bin\/sh\n/);
      expect(readme).toContain(`## ${name}, `);
      for (const { segment } of ports) expect(readme).toContain(`- **${segment}**`);
    }
    expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
  });

  test("connects every port with its switch in the topology for containerlab, by names that fit", () => {
    const { name, topology: lab } = parse(textOf(files, `${topology.name}.clab.yml`)) as {
      name: string;
      topology: {
        nodes: Record<string, { binds: string[]; exec: string[] }>;
        links: { endpoints: [string, string] }[];
      };
    };
    expect(name).toBe(topology.name);
    expect(Object.keys(lab.nodes).toSorted()).toEqual(
      [...nodesOf(topology), ...topology.segments].map((one) => one.name).toSorted(),
    );
    const ends = lab.links.flatMap(({ endpoints }) => endpoints);
    expect(new Set(ends).size).toBe(ends.length);
    expect(lab.links).toHaveLength(
      nodesOf(topology).flatMap(({ ports }) => ports).length + topology.uplinks.length,
    );
    for (const end of ends) {
      const [node = "", port = ""] = end.split(":");
      expect(Object.keys(lab.nodes)).toContain(node);
      expect(port.length).toBeLessThanOrEqual(15);
      expect(port).not.toBe("eth0");
    }
    const paths = files.map(({ path }) => path);
    for (const { binds, exec } of Object.values(lab.nodes)) {
      for (const bind of binds) expect(paths).toContain(bind.split(":")[0]);
      for (const command of exec) {
        const script = command.split(/[ =]/).at(-1);
        expect(
          binds.some((bind) => bind.split(":")[1] === script),
          command,
        ).toBe(true);
      }
    }
  });
});

describe("names of interfaces on the real machine", () => {
  const topology = topologyIn("point-to-point");
  const files = filesOf(topology, { ports: ["lcce-a.trunk=eth1,lcce-a.wan=ens3", "a10.eth0=lan0"] });

  test("are those of --ports in every file of the node, and of no other node", () => {
    expect(textOf(files, "lcce-a/wirespan.yaml")).toContain("interface: eth1\n");
    expect(textOf(files, "lcce-a/wirespan.yaml")).toContain("# Interface ens3 is in wan, 192.0.2.1/24.");
    expect(textOf(files, "lcce-a/network.sh")).toContain("ip addr replace 192.0.2.1/24 dev ens3\n");
    expect(files.map(({ path }) => path)).toContain("lcce-a/networkd/20-ens3.network");
    expect(textOf(files, "a10/network.sh")).toContain("name lan0.10 type vlan");
    expect(textOf(files, "lcce-b/wirespan.yaml")).toContain("interface: trunk\n");
    expect(textOf(files, "README.md")).toContain("lcce-a (`eth1`)");
  });

  test("are those of the rules and leases of a router, too", () => {
    const router = filesOf(own("nat"), { ports: ["cpe.internet=ppp0", "cpe.home=br0"] });
    expect(textOf(router, "cpe/nftables.conf")).toContain('oifname "ppp0" masquerade');
    expect(textOf(router, "cpe/nftables.conf")).not.toContain("internet");
    expect(textOf(router, "cpe/dnsmasq.conf")).toContain("interface=br0\n");
    expect(textOf(router, "cpe/sysctl.conf")).toContain("net.ipv4.ip_forward = 1\n");
  });

  test.each([
    ["lcce-a.trnk=eth1", /no port lcce-a\.trnk; did you mean lcce-a\.trunk\?/],
    ["lcce-a.trunk", /wanted NODE\.PORT=NAME/],
    ["lcce-a.trunk=a-very-long-nam", undefined],
    ["lcce-a.trunk=$(id)", /no name of an interface/],
    ["lcce-a.trunk=-all", /no name of an interface/],
    ["lcce-a.trunk=a;b", /no name of an interface/],
    ["lcce-a.trunk=a-much-too-long-name", /more than 15 characters/],
  ])("%s: %s", (text, problem) => {
    const read = () => readPortNames(topology, [text]);
    if (problem === undefined) expect(read).not.toThrow();
    else expect(read).toThrow(problem);
  });
});

test("a node alone is exported alone, and one that is not there is told with those that are", () => {
  const topology = topologyIn("point-to-point");
  const paths = filesOf(topology, { node: "lcce-b" }).map(({ path }) => path);
  expect(paths.every((path) => path === "README.md" || path.startsWith("lcce-b/"))).toBe(true);
  expect(() => filesOf(topology, { node: "b" })).toThrow(/export node b: there is none; there are a10, /);
});

test("routes of the topology are in scripts and in files of systemd-networkd", () => {
  const files = filesOf(own("provider-edge"));
  expect(textOf(files, "pe1/network.sh")).toContain("ip route replace 198.51.100.0/24 via 192.0.2.254\n");
  expect(textOf(files, "pe1/networkd/20-east.network")).toContain(
    "[Route]\nDestination=198.51.100.0/24\nGateway=192.0.2.254\n",
  );
  expect(textOf(files, "a7/network.sh")).toContain("type vlan protocol 802.1ad id 700");
});
