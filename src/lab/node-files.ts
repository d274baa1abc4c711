import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { OperationalError } from "../bytes/errors.ts";
import { shellLine } from "../bytes/shell-words.ts";
import { plainAddresses } from "../bytes/subnets.ts";
import { run } from "./command.ts";
import { nameServersFor } from "./format/name-servers.ts";
import { type LabNode, nodesOf, type Port, type Topology } from "./format/topology.ts";
import { ownCommand } from "./namespaces.ts";
import {
  BIN,
  RESOLVER_FILE,
  RUN,
  resolverFileOf,
  SHELL_START,
  SOCKETS,
  socketLinkOf,
  socketOf,
} from "./nodes.ts";

/** Files that are at hand in every node: the command `wirespan`, names of hosts, what shells begin with. */

const HOSTS = `${RUN}/hosts`;

/** Writes the files, and puts the hosts file over that of the machine, in the lab's mount namespace alone. */
export async function writeNodeFiles(topology: Topology): Promise<void> {
  const command = shellLine(ownCommand());
  for (const directory of [BIN, SOCKETS]) mkdirSync(directory);
  writeFileSync(`${BIN}/wirespan`, `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(`${BIN}/wirespan`, 0o755);
  writeFileSync(SHELL_START, shellStart);
  for (const node of nodesOf(topology)) linkSocket(node);
  writeResolverFiles(topology);
  writeHosts(nodesOf(topology), new Map());
  if (existsSync("/etc/hosts")) await run(["mount", "--bind", HOSTS, "/etc/hosts"]);
}

/** Writes the files that name the name servers which nodes ask. */
export function writeResolverFiles(topology: Topology): void {
  for (const node of nodesOf(topology)) {
    const servers = nameServersFor(node, topology);
    if (servers.length === 0) continue;
    const file = resolverFileOf(node.name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, servers.map((address) => `nameserver ${address}\n`).join(""));
    provideResolverFile();
  }
}

/** Where the machine's own file is in the former /run, one has to be there that others are put over. */
function provideResolverFile(): void {
  if (existsSync(RESOLVER_FILE)) return;
  const link = lstatSync(RESOLVER_FILE, { throwIfNoEntry: false });
  const target = link && resolve(dirname(RESOLVER_FILE), readlinkSync(RESOLVER_FILE));
  if (target?.startsWith(`${RUN}/`) !== true)
    throw new OperationalError(
      `build name servers: this machine has no ${RESOLVER_FILE}, over which that of a node is put; make one`,
    );
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, "");
}

/** Read by the shells that `lab shell` starts. */
const shellStart = `# The user's own settings, then what tells the node.
wirespan_path=$PATH
[ -f ~/.bashrc ] && . ~/.bashrc
PATH=$wirespan_path
PS1="[$WIRESPAN_NODE] \\w\\\\$ "
`;

/** Lets the command `wirespan` find the daemon of a node. */
export function linkSocket(node: LabNode): void {
  if (node.kind === "lcce" && node.wirespan !== undefined)
    symlinkSync(socketOf(node.site), socketLinkOf(node.name));
}

/**
 * Writes the names of nodes with their addresses: those of the topology, and those that nodes got from a DHCP
 * server.
 */
export function writeHosts(nodes: readonly LabNode[], leased: ReadonlyMap<string, readonly string[]>): void {
  const lines = nodes.flatMap((node) => {
    const addresses = [...addressesOf(node), ...(leased.get(node.name) ?? [])];
    return [...new Set(addresses)].map((address) => `${address} ${node.name}`);
  });
  writeFileSync(HOSTS, `${["127.0.0.1 localhost", "::1 localhost", ...lines].join("\n")}\n`);
}

/** The addresses that a topology gives a node, without prefix lengths. */
function addressesOf(node: LabNode): readonly string[] {
  const interfaces: readonly Pick<Port, "addresses">[] =
    node.kind === "host" ? [...node.interfaces, ...node.ports] : node.ports;
  return interfaces.flatMap(plainAddresses);
}

/** Whether a node gets an address from a DHCP server. */
export function hasLease(node: LabNode): boolean {
  const interfaces = node.kind === "host" ? [...node.interfaces, ...node.ports] : node.ports;
  return interfaces.some(({ addresses }) => addresses === "dhcp");
}
