/** How long it is remembered: the peer may have other software by then. */
const REMEMBERED_MS = 24 * 3_600_000;

/**
 * What a peer does that does not take padded HELLOs: it closes the control connection upon one. That it did
 * so is remembered, or each connection would end so; with a reload that changes the tunnel it is forgotten.
 */
export class HelloRefusal {
  #atMs = Number.NEGATIVE_INFINITY;

  /** The peer closed the connection upon a padded HELLO. */
  note(nowMs: number): void {
    this.#atMs = nowMs;
  }

  forget(): void {
    this.#atMs = Number.NEGATIVE_INFINITY;
  }

  /** Whether the peer gets none. */
  isInForce(nowMs: number): boolean {
    return nowMs - this.#atMs < REMEMBERED_MS;
  }

  /** What is to be said of it, as text for people. */
  text(nowMs: number): string | undefined {
    return this.isInForce(nowMs)
      ? "the peer closed the control connection upon a padded HELLO, and gets no more of them for a day: " +
          "its path MTU is measured by ICMP echo, where that is answered (path_mtu: echo never sends any)"
      : undefined;
  }
}
