import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type CommandResult, run } from "../../src/lab/command.ts";
import { inNewNamespaces } from "../../src/lab/namespaces.ts";
import { MAIN } from "./lab.ts";

/** Topologies of containerlab, built in network namespaces instead of containers. */

interface Container {
  readonly binds?: readonly string[];
  readonly exec?: readonly string[];
  readonly cmd?: string;
}

interface Containerlab {
  readonly topology: {
    readonly nodes: Readonly<Record<string, Container>>;
    readonly links: readonly { readonly endpoints: readonly [string, string]; readonly mtu?: number }[];
  };
}

/** What containerlab gives a link without `mtu`. */
const DEFAULT_MTU = 9500;

/**
 * Builds a topology from a folder: its links, then what `exec` and `cmd` say, by the paths of `binds`. Waits
 * until a command in a node ends well, and resolves to its output; rejects after `limitS`.
 */
export async function inContainers(
  folder: string,
  name: string,
  node: string,
  command: string,
  limitS: number,
): Promise<CommandResult> {
  const copy = mkdtempSync(join(tmpdir(), "wirespan-containers-"));
  cpSync(folder, copy, { recursive: true });
  const { topology } = parse(readFileSync(join(copy, name), "utf8")) as Containerlab;
  const lines = [
    "mount -t tmpfs tmpfs /run",
    ...Object.keys(topology.nodes).flatMap((one) => [
      `ip netns add ${one}`,
      `ip -n ${one} link set dev lo up`,
    ]),
    ...topology.links.map(({ endpoints, mtu = DEFAULT_MTU }) => {
      const [left, right] = endpoints.map((end) => end.split(":")) as [[string, string], [string, string]];
      const far = `peer name ${right[1]} netns ${right[0]} mtu ${mtu}`;
      return `ip link add name ${left[1]} netns ${left[0]} mtu ${mtu} type veth ${far}`;
    }),
    ...Object.entries(topology.nodes).flatMap(([one, container]) => commandsOf(copy, one, container)),
    `for try in $(seq ${limitS}); do`,
    `  ip netns exec ${node} sh -c '${command}' >/run/out 2>&1 && { cat /run/out; rm -rf ${copy}; exit 0; }`,
    // A ping that fails took its own time.
    "  sleep 0.2",
    "done",
    `cat /run/out /run/*.log >&2; rm -rf ${copy}; exit 1`,
  ];
  return run(inNewNamespaces(["bash", "-e", "-s"]), {
    input: lines.join("\n"),
    timeoutMs: 1000 * (limitS * 2 + 60),
  });
}

function commandsOf(
  copy: string,
  node: string,
  { binds = [], exec = [], cmd }: Container,
): readonly string[] {
  const mounts = binds.map((bind) => bind.split(":") as [string, string]);
  // What is bound in the container is at the end of this path here, also where other files name it.
  const placed = (text: string) =>
    mounts.reduce((all, [source, target]) => all.replaceAll(target, join(copy, source)), text);
  for (const [source] of mounts.filter(([file]) => file.endsWith(".yaml"))) {
    const file = join(copy, source);
    writeFileSync(file, placed(readFileSync(file, "utf8")));
  }
  const inside = `ip netns exec ${node} unshare --mount sh -c`;
  const wirespan = `${process.execPath} ${MAIN}`;
  const main = placed(cmd ?? "sleep infinity").replace(/^wirespan/, wirespan);
  return [
    ...(main.startsWith("sleep")
      ? []
      : [`${inside} 'mount -t tmpfs tmpfs /run; exec ${main}' >/run/${node}.log 2>&1 &`]),
    ...exec.map((one) => `ip netns exec ${node} sh -c '${placed(one)}' >>/run/${node}-exec.log 2>&1`),
  ];
}
