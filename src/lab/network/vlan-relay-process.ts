import { fileURLToPath } from "node:url";
import { SerialQueue } from "../../bytes/serial-queue.ts";
import { CommandError, JsonLinesProcess } from "../command.ts";
import type { VlanRelayAnswer, VlanRelayInterface } from "./vlan-relay-messages.ts";

const RELAY = fileURLToPath(new URL("vlan-relay.js", import.meta.url));
const ANSWER_MS = 60_000;

/** A relay that ended within this of its start is not started again: it would end again. */
const LIVED_MS = 1000;

/** The relay of VLANs of a lab: a process, started when it is needed, and again when somebody kills it. */
export class VlanRelay {
  #running: JsonLinesProcess | undefined;
  readonly #interfaces: VlanRelayInterface[] = [];
  readonly #queue = new SerialQueue();

  /** Starts the process, beforehand where it will be needed, as that takes a while. */
  start(): JsonLinesProcess {
    if (this.#running !== undefined) return this.#running;
    const running = new JsonLinesProcess([process.execPath, RELAY]);
    this.#running = running;
    void this.#replaceOnceEnded(running);
    return running;
  }

  /** Creates interfaces. Rejects with CommandError. */
  async add(interfaces: readonly VlanRelayInterface[]): Promise<void> {
    if (interfaces.length === 0) return;
    await this.#queue.run(() => this.#tell(interfaces));
    this.#interfaces.push(...interfaces);
  }

  async #tell(interfaces: readonly VlanRelayInterface[]): Promise<void> {
    const running = this.start();
    for (const settings of interfaces) running.send(settings);
    for (const { node, name } of interfaces) {
      const { problem } = (await running.next(ANSWER_MS)) as VlanRelayAnswer;
      if (problem === undefined) continue;
      throw new CommandError(["the relay of VLANs"], undefined, `create ${name} in ${node}: ${problem}`, "");
    }
  }

  async #replaceOnceEnded(running: JsonLinesProcess): Promise<void> {
    const begunMs = performance.now();
    await running.ended;
    if (this.#running !== running || performance.now() - begunMs < LIVED_MS) return;
    this.#running = undefined;
    try {
      await this.#queue.run(() => this.#tell([...this.#interfaces]));
    } catch (error) {
      // It was killed as well, and another one takes its place.
      if (!(error instanceof CommandError)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.[Symbol.asyncDispose]();
  }
}
