/** The names of what a lab has: its nodes, which are network namespaces, and its folder. */

/** Where namespaces, secrets and control sockets are: a file system in memory of the lab's own. */
export const RUN = "/run";

export function lcceOf(site: string): string {
  return `lcce-${site}`;
}

export function switchOf(site: string): string {
  return `switch-${site}`;
}

/** A command that runs in a node. */
export function inNode(node: string, ...command: readonly string[]): readonly string[] {
  return ["ip", "netns", "exec", node, ...command];
}
