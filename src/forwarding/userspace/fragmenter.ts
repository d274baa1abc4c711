import { fragmentBits } from "../../wire/data-header.ts";
import type { Arena } from "./arena.ts";
import { LONGEST_HEADER_OCTETS, writeFragmentHeader } from "./fast-path.ts";
import { framePart } from "./frame-parts.ts";
import type { PsnSender } from "./psn-sender.ts";
import type { ForwardedSession } from "./tables.ts";

/**
 * Sends frames in pseudowire fragments (RFC 4623): the worker's equivalent of `encapsulateInFragments` of
 * forwarding/fragments.ts. Nothing is copied but headers: the parts of a frame are sent from where they are.
 */
export class Fragmenter {
  readonly #arena: Arena;
  readonly #psnSender: PsnSender;

  constructor(arena: Arena, psnSender: PsnSender) {
    this.#arena = arena;
    this.#psnSender = psnSender;
  }

  /** Messages that a frame of so many octets takes. */
  count({ fragmentOctets }: ForwardedSession, octets: number): number {
    return Math.ceil(octets / fragmentOctets);
  }

  /**
   * Sends a frame that consists of two pieces, of which the second may have no octets. The queue must have
   * room for all its messages (`reserve`), so that what was allocated for the frame lasts.
   */
  send(
    session: ForwardedSession,
    head: number,
    headOctets: number,
    tail: number,
    tailOctets: number,
    trafficClass: number,
  ): void {
    const total = headOctets + tailOctets;
    const { fragmentOctets } = session;
    for (let done = 0; done < total; done += fragmentOctets) {
      const octets = Math.min(fragmentOctets, total - done);
      const isFirst = done === 0;
      const isLast = done + octets === total;
      const bits = isFirst ? fragmentBits.first : isLast ? fragmentBits.last : fragmentBits.middle;
      const header = this.#psnSender.allocateHeader(LONGEST_HEADER_OCTETS);
      this.#psnSender.addVector(header, writeFragmentHeader(this.#arena.view, header, session, bits));
      const ofHead = Math.max(0, Math.min(octets, headOctets - done));
      if (ofHead > 0) this.#psnSender.addVector(head + done, ofHead);
      if (octets > ofHead) this.#psnSender.addVector(tail + done + ofHead - headOctets, octets - ofHead);
      const part = isFirst ? framePart.first : isLast ? framePart.last : framePart.middle;
      this.#psnSender.push(session, octets, trafficClass, part);
    }
  }
}
