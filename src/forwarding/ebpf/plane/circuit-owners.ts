import type { CircuitAttachment } from "../../plane.ts";

function keyOf({ device, vlan }: CircuitAttachment): string {
  return vlan === undefined ? device : `${device} ${vlan.protocol} ${vlan.id}`;
}

/**
 * Whose the frames of a circuit are: of several sessions on one attachment, those of the one that was added last. A session that lost
 * its circuit to another must not take that one's entries with it when it goes.
 */
export class CircuitOwners {
  /** Local session ids. */
  readonly #owners = new Map<string, number>();

  take(attachment: CircuitAttachment, localSessionId: number): void {
    this.#owners.set(keyOf(attachment), localSessionId);
  }

  owns(attachment: CircuitAttachment, localSessionId: number): boolean {
    return this.#owners.get(keyOf(attachment)) === localSessionId;
  }

  /** The session goes; if the circuit is its own, it is nobody's now. */
  leave(attachment: CircuitAttachment, localSessionId: number): void {
    if (this.owns(attachment, localSessionId)) this.#owners.delete(keyOf(attachment));
  }
}
