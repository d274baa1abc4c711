import { existsSync, mkdirSync, readFileSync } from "node:fs";
import type { LabNode } from "../format/topology.ts";
import { RUN } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

/** Where Debian and others have FRR's daemons. */
const FOLDERS = ["/usr/lib/frr", "/usr/libexec/frr", "/usr/local/sbin"];

/** TABLE: FRR's daemons, and by which lines of a configuration each is needed. */
const daemons: readonly (readonly [daemon: string, needed: RegExp])[] = [
  ["zebra", /^/],
  ["mgmtd", /^/],
  ["staticd", /^/],
  ["ospfd", /^router ospf\b/m],
  ["ospf6d", /^router ospf6\b/m],
  ["bgpd", /^router bgp\b/m],
  ["isisd", /^router isis\b/m],
  ["ripd", /^router rip\b/m],
  ["ripngd", /^router ripng\b/m],
  ["eigrpd", /^router eigrp\b/m],
  ["babeld", /^router babel\b/m],
  ["bfdd", /^bfd\b/m],
  ["ldpd", /^mpls ldp\b/m],
  ["pimd", /^\s*(?:router pim\b|ip pim\b|ip igmp\b)/m],
  ["vrrpd", /^\s*vrrp \d/m],
];

/** FRR leaves folders of its crash logs in /var/tmp: these go with the namespace of mounts of the program. */
const OWN_CRASH_LOGS = ["sh", "-c", 'mount -t tmpfs tmpfs /var/tmp && exec "$@"', "sh"];

/** The folder of FRR's daemons; undefined where FRR is not installed. */
export function frrFolder(): string | undefined {
  return FOLDERS.find((folder) => existsSync(`${folder}/zebra`));
}

/** The daemons that a configuration needs, in the order in which they start. */
export function frrDaemonsOf(configuration: string): readonly string[] {
  return daemons.filter(([, needed]) => needed.test(configuration)).map(([daemon]) => daemon);
}

/**
 * The programs of FRR of a router: its daemons, with sockets in a folder of /run of their own, and vtysh,
 * which tells them their configuration once all are there. Throws where the configuration cannot be read.
 */
export function frrPrograms(node: LabNode): readonly ProgramSettings[] {
  if (node.kind !== "router" || node.frr === undefined) return [];
  const { name: router, frr: file } = node;
  const folder = frrFolder() ?? FOLDERS[0] ?? "";
  const sockets = `${RUN}/frr-${router}`;
  const needed = frrDaemonsOf(readFileSync(file, "utf8"));
  const present = needed.filter((daemon) => daemon !== "mgmtd" || existsSync(`${folder}/mgmtd`));
  const program = (name: string, command: readonly string[]) => ({
    node: router,
    name,
    command,
    log: `${RUN}/${router}-${name}.log`,
    prepare: () => mkdirSync(sockets, { recursive: true, mode: 0o755 }),
  });
  const options = ["-u", "root", "-g", "frrvty", "-P", "0", "-f", "/dev/null", "--log", "stdout"];
  return [
    ...present.map((daemon) => ({
      ...program(daemon, [
        ...OWN_CRASH_LOGS,
        `${folder}/${daemon}`,
        ...options,
        ...["--vty_socket", sockets, "-i", `${sockets}/${daemon}.pid`, "-z", `${sockets}/zserv.api`],
      ]),
      upFile: `${sockets}/${daemon}.vty`,
    })),
    {
      ...program("vtysh", ["vtysh", "--vty_socket", sockets, "-f", file]),
      mayEnd: true,
      waitsForOthers: true,
    },
  ];
}
