import { dirname } from "node:path";

/** Names of a lab's nodes, which are network namespaces, and of its directory. */

/** Directory of namespaces, secrets and control sockets: a tmpfs of the lab's own. */
export const RUN = "/run";

/** Where the first process of a lab answers. */
export const LAB_SOCKET = `${RUN}/lab.sock`;

/** What the first process of a lab says of its programs. */
export const LAB_LOG = `${RUN}/.lab.log`;

/** Directory with the command `wirespan`, which is in the PATH of nodes. */
export const BIN = `${RUN}/bin`;

/** What shells in nodes begin with. */
export const SHELL_START = `${RUN}/shell-start`;

/** Directory with a link to the control socket of each node's daemon. */
export const SOCKETS = `${RUN}/sockets`;

/** Leads to the control socket of a node's daemon, whatever that is called. */
export function socketLinkOf(node: string): string {
  return `${SOCKETS}/${node}`;
}

/**
 * Variables of what runs in a node, whoever starts it: the command `wirespan` is in its PATH, and finds the
 * node's daemon. `topology` is the path of the topology's file.
 */
export function nodeEnvironment(node: string, topology: string): Readonly<Record<string, string>> {
  const { PATH = "" } = process.env;
  // Ordinary users lack what only root uses elsewhere.
  const path = [BIN, PATH, "/usr/sbin", "/sbin"].filter((part) => part !== "").join(":");
  return {
    PATH: path,
    WIRESPAN_SOCKET: socketLinkOf(node),
    NODE: node,
    RUN,
    TOPOLOGY_FOLDER: dirname(topology),
  };
}

/** The control socket of a site's daemon, as its own nodes see it. */
export function socketOf(site: string): string {
  return `${RUN}/wirespan-${site}.sock`;
}

/** The configuration that the daemon of a site was started with. */
export function configOf(site: string): string {
  return `${RUN}/wirespan-${site}.yaml`;
}

/** The output of the daemon of a site. */
export function logOf(site: string): string {
  return `${RUN}/wirespan-${site}.log`;
}

/** The file of a node's network namespace. */
export function namespaceFileOf(node: string): string {
  return `${RUN}/netns/${node}`;
}

/** A command that runs in a node. */
export function inNode(node: string, ...command: readonly string[]): readonly string[] {
  return ["ip", "netns", "exec", node, ...command];
}

/** The file with the name servers that a node asks; there only where the lab has one for it. */
export function resolverFileOf(node: string): string {
  return `${RUN}/.resolv/${node}`;
}

/** What resolvers read. */
export const RESOLVER_FILE = "/etc/resolv.conf";

/** Puts a node's own file over that of the machine, in a mount namespace that ip(8) made for the command. */
const withResolverFile = `[ ! -e "$0" ] || mount --bind "$0" ${RESOLVER_FILE} || exit; exec "$@"`;

/** A command that runs in a node, and asks the name servers of the lab. */
export function inNodeWithNames(node: string, ...command: readonly string[]): readonly string[] {
  return inNode(node, "sh", "-c", withResolverFile, resolverFileOf(node), ...command);
}
