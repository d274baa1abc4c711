import { shellLine } from "../../bytes/shell-words.ts";
import { CommandError, type CommandOptions, type CommandResult, run } from "../command.ts";
import { type LabLcce, type LabNode, lcceNamed, nodeOrSiteNamed, type Topology } from "../format/topology.ts";
import { inNodeWithNames, nodeEnvironment } from "../nodes.ts";
import type { LinkStateReport } from "../supervisor/api.ts";
import { CheckError } from "./result.ts";

/** Programs and links of a lab that a check can make fail, and set right again. */
export interface FailureControl {
  /** Ends the program of a node by SIGKILL. */
  kill(node: string): Promise<void>;
  /** Ends the program of a node as `wirespan lab stop` does. */
  stop(node: string): Promise<void>;
  /** Starts the program of a node again. */
  start(node: string): Promise<void>;
  /** Takes the carrier of a link NODE.PORT away at both ends, or gives it back. */
  setDown(link: string, down: boolean): Promise<void>;
}

/** What a check has to work with. */
export interface CheckContext {
  readonly topology: Topology;
  readonly failures: FailureControl;
  /** The links that are not perfect, as they are now. */
  readonly links: () => Promise<readonly LinkStateReport[]>;
  /** Whether all sessions have come up. */
  readonly hasSessions: boolean;
  /** Counters of each daemon when the checks began, by its site; without those that did not answer. */
  readonly countersBefore: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

/** The node of a name. Throws CheckError where there is none. */
export function requireNode({ topology }: CheckContext, name: string): LabNode {
  const node = nodeOrSiteNamed(topology, name);
  if (node === undefined) throw new CheckError(`${name} is no host, router or LCCE of this topology`);
  return node;
}

/** The Wirespan of a name, which is its own or its site's. Throws CheckError where there is none. */
export function wirespanNamed({ topology }: CheckContext, name: string): LabLcce {
  const lcce = lcceNamed(topology, name);
  if (lcce?.wirespan === undefined) throw new CheckError(`${name} is no LCCE that runs Wirespan`);
  return lcce;
}

/** The command that runs another one in a node by hand. */
export function byHand({ topology }: CheckContext, node: string, ...words: readonly string[]): string {
  return shellLine(["wirespan", "lab", "exec", topology.name, node, ...words]);
}

/**
 * Runs a command in a node as `wirespan lab exec` does; any exit status is a result. Rejects with
 * CommandError where it has none.
 */
export async function runIn(
  { topology }: Pick<CheckContext, "topology">,
  node: string,
  words: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const everyStatus = Array.from({ length: 256 }, (_, status) => status);
  const environment = { ...process.env, ...nodeEnvironment(node, topology.file) };
  return run(inNodeWithNames(node, ...words), { environment, ...options, accept: everyStatus });
}

/** Whether an error is one of a program that was run, and not of ours. Throws every other error on. */
export function commandProblem(error: unknown): string {
  if (!(error instanceof CommandError)) throw error;
  return error.message;
}
