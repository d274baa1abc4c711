/** Rows of a picture from top to bottom: where each begins. */

/** A row: its name, its height, and the gap below it. */
export interface PictureRow {
  readonly name: string;
  readonly height: number;
  readonly gap: number;
}

/** The rows of a picture, each in its place. */
export class PictureRows {
  readonly #tops = new Map<string, { readonly y: number; readonly height: number }>();
  /** Where the last row ends. */
  readonly bottom: number;

  constructor(rows: readonly PictureRow[], top: number) {
    let y = top;
    let bottom = top;
    for (const { name, height, gap } of rows) {
      this.#tops.set(name, { y, height });
      bottom = y + height;
      y = bottom + gap;
    }
    this.bottom = bottom;
  }

  /** The place of a row. Throws where there is none: the caller has made them all. */
  get(name: string): { readonly y: number; readonly height: number } {
    const row = this.#tops.get(name);
    if (row === undefined) throw new Error(`lay a picture out: no row ${name}`);
    return row;
  }
}
