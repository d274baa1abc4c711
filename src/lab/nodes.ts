/** Names of a lab's nodes, which are network namespaces, and of its directory. */

/** Directory of namespaces, secrets and control sockets: a tmpfs of the lab's own. */
export const RUN = "/run";

export function lcceOf(site: string): string {
  return `lcce-${site}`;
}

export function switchOf(site: string): string {
  return `switch-${site}`;
}

/** The control socket of a site's daemon, as its own nodes see it. */
export function socketOf(site: string): string {
  return `${RUN}/wirespan-${site}.sock`;
}

/** A command that runs in a node. */
export function inNode(node: string, ...command: readonly string[]): readonly string[] {
  return ["ip", "netns", "exec", node, ...command];
}
