import { CommandError, run } from "../command.ts";
import { inNode } from "../nodes.ts";

/** Time for the commands of one namespace, on a busy machine. */
const BATCH_MS = 60_000;

/** An end of a veth pair. */
export interface VethEnd {
  readonly namespace: string;
  readonly name: string;
  readonly mtu: number;
}

/**
 * Commands that build a network, collected to be carried out by few processes: namespaces and veth pairs by
 * one, and then what is inside by one for each namespace, side by side.
 */
export class NetworkCommands {
  readonly #create: string[] = [];
  readonly #inside = new Map<string, string[]>();
  readonly #scripts = new Map<string, string[]>();

  /** Adds a namespace, with its loopback interface up. */
  addNamespace(name: string): void {
    this.#create.push(`netns add ${name}`);
    this.inside(name, "link set dev lo up");
  }

  /** Connects two namespaces by a veth pair, up at both ends. */
  addVethPair(left: VethEnd, right: VethEnd): void {
    const peer = `peer name ${right.name} mtu ${right.mtu} netns ${right.namespace}`;
    this.#create.push(`link add name ${left.name} mtu ${left.mtu} netns ${left.namespace} type veth ${peer}`);
    for (const { namespace, name } of [left, right]) this.inside(namespace, `link set dev ${name} up`);
  }

  /** Adds a command of ip(8) in a namespace. */
  inside(namespace: string, command: string): void {
    entryOf(this.#inside, namespace).push(command);
  }

  /** Adds a line of a script for `sh` in a namespace, which runs before the commands of ip(8). */
  script(namespace: string, line: string): void {
    entryOf(this.#scripts, namespace).push(line);
  }

  /** Carries all of them out. Rejects with CommandError, which names the first command that failed. */
  async carryOut(): Promise<void> {
    if (this.#create.length > 0) await batch([], this.#create);
    await eachSettled([...this.#scripts], ([namespace, lines]) =>
      run(inNode(namespace, "sh", "-e"), { input: `${lines.join("\n")}\n`, timeoutMs: BATCH_MS }),
    );
    await eachSettled([...this.#inside], ([namespace, lines]) => batch(["-n", namespace], lines));
  }
}

function entryOf(map: Map<string, string[]>, key: string): string[] {
  const entry = map.get(key) ?? [];
  map.set(key, entry);
  return entry;
}

/** Does something for all at the same time, and waits for all to end even where one fails. */
async function eachSettled<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const results = await Promise.allSettled(items.map(act));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function batch(options: readonly string[], lines: readonly string[]): Promise<void> {
  const command = ["ip", ...options, "-batch", "-"];
  try {
    await run(command, { input: `${lines.join("\n")}\n`, timeoutMs: BATCH_MS });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw failedLine(error, options, lines);
  }
}

/** The error of the line that a batch failed at. */
function failedLine(error: CommandError, options: readonly string[], lines: readonly string[]): CommandError {
  const at = /Command failed -:(\d+)/.exec(error.stderr);
  const line = lines[Number(at?.[1]) - 1];
  if (line === undefined) return error;
  const said = error.stderr.replace(/Command failed -:\d+\s*/, "");
  return new CommandError(["ip", ...options, ...line.split(" ")], error.status, "failed", said);
}
