import type { AttachmentCircuit } from "../../plane.ts";

function keyOf({ device, vlan }: AttachmentCircuit): string {
  return vlan === undefined ? device : `${device} ${vlan.protocol} ${vlan.id}`;
}

/**
 * The session that each circuit is bound to, so that frames of the circuit go to it. Another session on the
 * same attachment has no entries on the circuit side.
 */
export class CircuitOwners {
  /** Local session ids. */
  readonly #owners = new Map<string, number>();

  /** Binds the circuit to a session. Returns the one that it was bound to. */
  bind(attachment: AttachmentCircuit, localSessionId: number): number | undefined {
    const former = this.#owners.get(keyOf(attachment));
    this.#owners.set(keyOf(attachment), localSessionId);
    return former;
  }

  owns(attachment: AttachmentCircuit, localSessionId: number): boolean {
    return this.#owners.get(keyOf(attachment)) === localSessionId;
  }

  /** Removes the session; a circuit that it owned has no owner then. */
  leave(attachment: AttachmentCircuit, localSessionId: number): void {
    if (this.owns(attachment, localSessionId)) this.#owners.delete(keyOf(attachment));
  }
}
