import { stringify } from "yaml";
import { printableLine } from "../../bytes/printable-text.ts";
import { type LabNode, nodesOf, type Segment, type Topology } from "../format/topology.ts";
import { SPANNING_TREE } from "../network/segments.ts";
import { type ExportedFile, plainFile, scriptFile } from "./exported-file.ts";
import type { PortName } from "./port-names.ts";
import { SECRET } from "./wirespan-files.ts";

/** A topology of containerlab: each node and each switch is a Linux container. */

/** The image of all nodes, built by the Containerfile of examples/containerlab. */
const IMAGE = "wirespan:latest";

/** TABLE: where files of a node are in its container, and by what they take effect. */
const mounts: readonly { readonly file: string; readonly path: string; readonly command?: string }[] = [
  { file: "sysctl.conf", path: "/lab/sysctl.conf", command: "sysctl -q -e -p /lab/sysctl.conf" },
  { file: "network.sh", path: "/lab/network.sh", command: "sh /lab/network.sh" },
  { file: "nftables.conf", path: "/lab/nftables.conf", command: "nft -f /lab/nftables.conf" },
  { file: "dnsmasq.conf", path: "/lab/dnsmasq.conf", command: "dnsmasq --conf-file=/lab/dnsmasq.conf" },
  { file: "secret", path: SECRET },
  { file: "wirespan.yaml", path: "/etc/wirespan/wirespan.yaml" },
];

/** The topology for containerlab, and the scripts of its switches. */
export function containerlabFiles(
  topology: Topology,
  files: readonly ExportedFile[],
  nameOf: PortName,
): readonly ExportedFile[] {
  const paths = new Set(files.map(({ path }) => path));
  const nodes = nodesOf(topology).map((node) => [node.name, containerOf(node, paths)] as const);
  const switches = topology.segments.map(
    ({ name }) =>
      [
        name,
        {
          binds: [`${name}/switch.sh:/lab/switch.sh:ro`],
          exec: ["sh /lab/switch.sh"],
          cmd: "sleep infinity",
        },
      ] as const,
  );
  const links = nodesOf(topology).flatMap((node) =>
    node.ports.map((port) => ({
      endpoints: [
        `${node.name}:${nameOf(node.name, port.name)}`,
        `${port.segment}:${switchPort(node, port.name)}`,
      ],
      mtu: port.mtu,
    })),
  );
  const uplinks = topology.uplinks.map((pair, index) => ({
    endpoints: pair.map((name) => `${name}:p-up${index + 1}`),
  }));
  const text = stringify({
    name: printableLine(topology.name),
    topology: {
      defaults: { kind: "linux", image: IMAGE, "network-mode": "none" },
      nodes: Object.fromEntries([...nodes, ...switches]),
      links: [...links, ...uplinks],
    },
  });
  const title = printableLine(topology.title);
  const head = `# ${title}\n# The image: examples/containerlab/Containerfile of Wirespan.\n`;
  const scripts = topology.segments.map((segment) =>
    scriptFile(`${segment.name}/switch.sh`, switchScript(topology, segment)),
  );
  return [plainFile(`${topology.name}.clab.yml`, head + text), ...scripts];
}

function containerOf(node: LabNode, paths: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  const own = mounts.filter(({ file }) => paths.has(`${node.name}/${file}`));
  const isWirespan = node.kind === "lcce" && node.wirespan !== undefined;
  return {
    binds: own.map(({ file, path }) => `${node.name}/${file}:${path}:ro`),
    exec: own.flatMap(({ command }) => command ?? []),
    cmd: isWirespan ? "wirespan run -c /etc/wirespan/wirespan.yaml" : "sleep infinity",
  };
}

/** The port of a switch that a node's port is connected to; the kernel takes 15 characters. */
function switchPort({ name, ports }: LabNode, port: string): string {
  const at = ports.findIndex((one) => one.name === port);
  return `p${at}-${name}`;
}

/** Makes a bridge of the ports of a container. */
function switchScript(topology: Topology, { name, stp }: Segment): string {
  const access = topology.hosts.flatMap((host) =>
    host.access !== undefined && host.ports[0]?.segment === name
      ? [{ port: switchPort(host, host.ports[0].name), vlan: host.access }]
      : [],
  );
  const filter = access.length > 0 ? " vlan_filtering 1" : "";
  const tree = stp ? ` ${SPANNING_TREE}` : "";
  const ports = access.flatMap(({ port, vlan }) => [
    `bridge vlan del dev ${port} vid 1-4094`,
    `bridge vlan add dev ${port} vid ${vlan} pvid untagged`,
  ]);
  return `#!/bin/sh
# The switch ${name} of the lab ${printableLine(topology.name)}: a bridge of all ports of its container.
set -e

ip link add name br0 type bridge mcast_snooping 0${filter}${tree}
ip link set dev br0 up
for port in $(ls /sys/class/net | grep '^p'); do
  ip link set dev "$port" master br0
  ip link set dev "$port" up
${access.length > 0 ? '  bridge vlan add dev "$port" vid 2-4094\n' : ""}done
${ports.join("\n")}
`
    .trimEnd()
    .concat("\n");
}
