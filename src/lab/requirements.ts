import { existsSync } from "node:fs";
import { isNameServer } from "./format/name-servers.ts";
import { type LabNode, nodesOf, type Topology } from "./format/topology.ts";
import { frrFolder } from "./programs/frr.ts";

/** Programs that a topology needs, looked for before anything of it is built. */

/** Where programs for administrators are, which an ordinary user's PATH may lack. */
const MORE_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** TABLE: programs that parts of a node need, and their packages in Debian. */
const needs: readonly {
  readonly program: string;
  readonly debianPackage: string;
  /** What for; undefined where the node does not need it. */
  readonly why: (node: LabNode) => string | undefined;
}[] = [
  {
    program: "nft",
    debianPackage: "nftables",
    why: (node) => (node.kind === "router" && node.nat !== undefined ? "nat" : undefined),
  },
  { program: "dnsmasq", debianPackage: "dnsmasq-base", why: leases },
  {
    program: "dnsmasq",
    debianPackage: "dnsmasq-base",
    why: (node) => (isNameServer(node) ? "dns" : undefined),
  },
  {
    program: "vtysh",
    debianPackage: "frr",
    why: (node) => (node.kind === "router" && node.frr !== undefined ? "frr" : undefined),
  },
];

function leases(node: LabNode): string | undefined {
  if (node.kind === "router") return Object.keys(node.dhcp).length > 0 ? "dhcp" : undefined;
  return node.kind === "host" && node.dhcpServer !== undefined ? "dhcp_server" : undefined;
}

/** Adds folders to this process's PATH in which programs that labs need may be. */
export function extendPath(): void {
  const present = (process.env["PATH"] ?? "").split(":");
  const more = MORE_FOLDERS.filter((folder) => !present.includes(folder));
  process.env["PATH"] = [...present, ...more].join(":");
}

/** Whether a program is in a folder of PATH. */
export function isInPath(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(":");
  return folders.some((folder) => existsSync(`${folder}/${program}`));
}

/** Throws where programs are not installed that a topology needs: a line for each. */
export function requirePrograms(topology: Topology): void {
  const missing = needs
    .filter(({ program }) => !isInPath(program) || (program === "vtysh" && frrFolder() === undefined))
    .flatMap(({ program, debianPackage, why }) =>
      nodesOf(topology).flatMap((node) => {
        const reason = why(node);
        if (reason === undefined) return [];
        const what = program === "vtysh" ? "FRR" : program;
        return [
          `${node.name}: ${reason} needs ${what}, which is not installed: apt install ${debianPackage}`,
        ];
      }),
    );
  const own = topology.needs
    .filter((program) => !isInPath(program))
    .map((program) => `needs: ${program} is not installed, or not in PATH`);
  if (missing.length + own.length > 0)
    throw new Error(`build ${topology.name}: ${[...missing, ...own].join("\n")}`);
}
