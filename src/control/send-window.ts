/** Window that a peer grants before it says otherwise (RFC 3931 §5.4.3, Receive Window Size). */
const DEFAULT_WINDOW = 4;

/**
 * How many messages may be unacknowledged: the smaller of what the peer grants and of the congestion window,
 * which grows by slow start and congestion avoidance (RFC 3931 Appendix A).
 */
export class SendWindow {
  #peers = DEFAULT_WINDOW;
  #congestion = 1;
  #slowStartThreshold = DEFAULT_WINDOW;
  /** Acknowledgements since the window last grew, above the threshold. */
  #growth = 0;

  get size(): number {
    return Math.min(this.#congestion, this.#peers);
  }

  /** What the peer grants. */
  get peers(): number {
    return this.#peers;
  }

  /** The threshold between slow start and congestion avoidance. */
  get slowStartThreshold(): number {
    return this.#slowStartThreshold;
  }

  /** Takes over the window that the peer grants, in messages. */
  grant(messages: number): void {
    this.#peers = messages;
    this.#slowStartThreshold = messages;
  }

  /** Messages were acknowledged. */
  grow(): void {
    if (this.#congestion < this.#slowStartThreshold) {
      this.#congestion += 1;
    } else {
      this.#growth += 1;
      if (this.#growth >= this.#congestion) {
        this.#growth = 0;
        this.#congestion += 1;
      }
    }
    this.#congestion = Math.min(this.#congestion, this.#peers);
  }

  /** A message was lost. */
  shrink(): void {
    this.#slowStartThreshold = Math.max(1, Math.floor(this.#congestion / 2));
    this.#congestion = 1;
    this.#growth = 0;
  }
}
