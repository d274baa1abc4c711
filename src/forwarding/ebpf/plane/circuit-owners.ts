import type { CircuitAttachment } from "../../plane.ts";

function keyOf({ device, vlan }: CircuitAttachment): string {
  return vlan === undefined ? device : `${device} ${vlan.protocol} ${vlan.id}`;
}

/**
 * The session that owns each circuit, so that frames from the circuit go to it: of several sessions on one
 * attachment, the one added last. A session that lost its circuit must not remove the entries of the new
 * owner when it is removed itself.
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

  /** Removes the session; a circuit that it owned has no owner then. */
  leave(attachment: CircuitAttachment, localSessionId: number): void {
    if (this.owns(attachment, localSessionId)) this.#owners.delete(keyOf(attachment));
  }
}
