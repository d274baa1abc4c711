import { type LabNode, nodesOf, type Topology } from "../format/topology.ts";
import { until } from "../until.ts";
import type { NodeProgram } from "./node-program.ts";
import { type ProgramsOptions, programsOf } from "./programs-of.ts";

/** Longest wait of a node's programs for those of the nodes that they start after. */
const AFTER_MS = 120_000;

/** The programs of all nodes of a lab; they end when it is disposed of. */
export class Programs {
  readonly #topology: Topology;
  readonly #options: ProgramsOptions;
  readonly #nodes = new Map<string, { readonly node: LabNode; readonly programs: readonly NodeProgram[] }>();
  #isOver = false;

  constructor(topology: Topology, options: ProgramsOptions = {}) {
    this.#topology = topology;
    this.#options = options;
    for (const node of nodesOf(topology)) this.add(node);
  }

  /** Knows another node's programs from now on, without starting them. */
  add(node: LabNode): void {
    this.#nodes.set(node.name, { node, programs: programsOf(node, this.#topology, this.#options) });
  }

  /** The programs of a node; none of one without programs. */
  of(node: string): readonly NodeProgram[] {
    return this.#nodes.get(node)?.programs ?? [];
  }

  /** All programs, in the order of their nodes. */
  get all(): readonly NodeProgram[] {
    return [...this.#nodes.values()].flatMap(({ programs }) => programs);
  }

  /** Whether one of them ended by itself and should not have. */
  get someFailed(): boolean {
    return this.all.some(({ hasFailed }) => hasFailed);
  }

  /**
   * Starts the programs of all nodes, each after those of the nodes that it waits for. Those of nodes that
   * are started by hand stay off, and those that would wait for them. Resolves once all are started; it
   * gives up waiting for what has failed, or is not up in time.
   */
  async startAll(): Promise<void> {
    const names = [...this.#nodes.keys()].filter((name) => !this.isByHand(name));
    await Promise.all(names.map((name) => this.start(name)));
  }

  /** Whether a node is started by hand, or waits for one that is. */
  isByHand(name: string, waiting: readonly string[] = []): boolean {
    const { node } = this.#nodes.get(name) ?? {};
    if (node === undefined || waiting.includes(name)) return false;
    return node.start === "manual" || node.after.some((other) => this.isByHand(other, [...waiting, name]));
  }

  /** Starts the programs of a node, after those of the nodes that it waits for. */
  async start(node: string): Promise<void> {
    const after = this.#nodes.get(node)?.node.after ?? [];
    await this.#whenUp(after.flatMap((other) => this.of(other)));
    const first = this.of(node).filter(({ waitsForOthers }) => !waitsForOthers);
    const last = this.of(node).filter(({ waitsForOthers }) => waitsForOthers);
    this.#startNow(first);
    if (last.length > 0) await this.#whenUp(first);
    this.#startNow(last);
  }

  #startNow(programs: readonly NodeProgram[]): void {
    if (!this.#isOver) for (const program of programs) program.start();
  }

  async #whenUp(awaited: readonly NodeProgram[]): Promise<void> {
    if (awaited.length === 0) return;
    const isSettled = async (program: NodeProgram) =>
      this.#isOver || program.hasFailed || (await program.isUp());
    await until(
      async () => (await Promise.all(awaited.map(isSettled))).every((settled) => settled),
      AFTER_MS,
    );
  }

  /** Ends the programs of a node by a signal. */
  async stop(node: string, signal?: NodeJS.Signals): Promise<void> {
    await Promise.all(this.of(node).map((program) => program.stop(signal)));
  }

  /** Whether all programs of a node are up. */
  async isUp(node: string): Promise<boolean> {
    return (await Promise.all(this.of(node).map((program) => program.isUp()))).every((up) => up);
  }

  /** Ends them by SIGTERM: daemons close their control connections first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.all.map((program) => program.stop()));
  }
}
