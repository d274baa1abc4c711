/**
 * TABLE: sizes that paths often have, in octets, which are tried before others: tunnels, PPPoE, Ethernet,
 * FDDI, jumbo frames.
 */
const usualOctets: readonly number[] = [
  1280, 1400, 1420, 1432, 1440, 1452, 1460, 1472, 1480, 1492, 1500, 1550, 1600, 2000, 3000, 4470, 6000, 8000,
  9000,
];

/**
 * What is known of the sizes of packets that a path takes, and which size to try next: first the largest,
 * which settles most paths; then the middle one of the usual sizes between what was taken and what was
 * refused; then one octet more than the usual size that passed, which ends the search where that is the
 * path's; then of all sizes, to the octet. At last the least that was refused is tried once more, since
 * packets are lost for other reasons too.
 */
export class PathMtuSizes {
  #most = 0;
  #taken = 0;
  /** Ascending, all above `taken`. */
  #refused: readonly number[] = [];
  /** Those of `refused` that were so twice. */
  readonly #refusedTwice = new Set<number>();
  #hint: number | undefined;

  /** The largest size that the path took; 0 for none. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether a size passed, and a larger one did not. */
  get isMoreRefused(): boolean {
    return this.#taken > 0 && this.#refused.length > 0;
  }

  /** The largest size there is to try. */
  get most(): number {
    return this.#most;
  }

  /** Limits what is tried from now on. */
  limit(most: number): void {
    this.#most = most;
    this.#refused = this.#refused.filter((octets) => octets <= most);
  }

  /** A size to try before others, as somebody says that it fits; undefined for none. */
  suggest(octets: number | undefined): void {
    this.#hint = octets;
  }

  /** Forgets what was taken and refused. */
  forget(): void {
    this.#taken = 0;
    this.forgetRefused();
  }

  forgetRefused(): void {
    this.#refused = [];
    this.#refusedTwice.clear();
  }

  take(octets: number): void {
    this.#taken = Math.max(this.#taken, octets);
    this.#refused = this.#refused.filter((refused) => refused > this.#taken);
  }

  refuse(octets: number): void {
    if (this.#refused.includes(octets)) this.#refusedTwice.add(octets);
    else this.#refused = [...this.#refused, octets].sort((one, other) => one - other);
    if (octets === this.#hint) this.#hint = undefined;
  }

  /** The next size to try; undefined when the search is at its end. */
  next(): number | undefined {
    const taken = this.#taken;
    const [least] = this.#refused;
    const isOpen = (octets: number) => taken < octets && octets < (least ?? this.#most);
    if (this.#hint !== undefined) {
      // With one octet more, a hint that is right ends the search.
      const [hinted, longer] = [this.#hint, this.#hint + 1];
      if (isOpen(hinted)) return hinted;
      if (taken === hinted && isOpen(longer)) return longer;
    }
    if (least === undefined) return taken < this.#most ? this.#most : undefined;
    const usual = usualOctets.filter(isOpen);
    if (usual.length > 0) return usual[usual.length >> 1];
    if (usualOctets.includes(taken) && isOpen(taken + 1)) return taken + 1;
    if (least - taken > 1) return (taken + least) >> 1;
    return this.#refusedTwice.has(least) ? undefined : least;
  }
}
