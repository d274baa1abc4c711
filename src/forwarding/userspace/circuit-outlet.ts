import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { SHORTEST_FRAME_OCTETS } from "../../wire/ethernet.ts";
import type { Arena } from "./arena.ts";
import { counterCells } from "./session-row.ts";
import type { ForwardedSession } from "./tables.ts";
import { type Charges, type SendCalls, Transmitter } from "./transmitter.ts";

/** Frames on their way to the attachment circuits, each with a virtio-net header. */
export class CircuitOutlet {
  readonly #transmitter: Transmitter;
  readonly #octets: Uint8Array;
  /** Zeros: an empty virtio-net header, and the padding of short frames. */
  readonly #zeros: number;

  constructor(arena: Arena, charges: Charges, calls?: SendCalls) {
    this.#octets = arena.octets;
    this.#zeros = arena.take(SHORTEST_FRAME_OCTETS);
    this.#transmitter = new Transmitter(arena, charges, counterCells.receivedFrames, () => {}, calls);
  }

  /** Delivers a frame; of the octets in front of it, those from `free` on may be overwritten. */
  push(session: ForwardedSession, frame: number, length: number, free: number): void {
    const { circuit } = session;
    const isTap = circuit.kind === "tap";
    if (!this.#transmitter.isAimedAt(circuit.fd, isTap)) {
      this.flush();
      this.#transmitter.aim(circuit.fd, isTap);
    }
    const { messages } = this.#transmitter;
    if (frame - free >= VNET_HEADER_OCTETS) {
      this.#octets.fill(0, frame - VNET_HEADER_OCTETS, frame);
      messages.addVector(frame - VNET_HEADER_OCTETS, VNET_HEADER_OCTETS + length);
    } else {
      messages.addVector(this.#zeros, VNET_HEADER_OCTETS);
      messages.addVector(frame, length);
    }
    if (length < SHORTEST_FRAME_OCTETS) messages.addVector(this.#zeros, SHORTEST_FRAME_OCTETS - length);
    messages.push(session, length, 0, 0);
    if (messages.isFull) this.flush();
  }

  flush(): void {
    this.#transmitter.flush();
  }
}
