import { type Location, locationsOf } from "./key-locations.ts";

/** A place in a file. Line and column count from 1. */
export interface FileLocation extends Location {
  readonly file: string;
}

/**
 * The texts of a configuration, of which several files may be parts, one behind another: an offset is a place
 * in one of them, and offsets are in the order of the files.
 */
export class SourceTexts {
  readonly #sources: { readonly file: string; readonly text: string; readonly base: number }[] = [];

  /** Those of one file. */
  static of(text: string, file: string): SourceTexts {
    const texts = new SourceTexts();
    texts.add(text, file);
    return texts;
  }

  /** Adds a file; returns the offset at which its text begins. */
  add(text: string, file: string): number {
    const last = this.#sources.at(-1);
    // An offset may be that of the end of a text.
    const base = last === undefined ? 0 : last.base + last.text.length + 1;
    this.#sources.push({ file, text, base });
    return base;
  }

  /** The files, in the order in which they were read, with their texts. */
  get files(): readonly { readonly file: string; readonly text: string }[] {
    return this.#sources;
  }

  /** Characters of all texts. */
  get length(): number {
    const last = this.#sources.at(-1);
    return last === undefined ? 0 : last.base + last.text.length;
  }

  /** Files, lines and columns of offsets, by one walk of each text. */
  locationsOf(offsets: readonly number[]): ReadonlyMap<number, FileLocation> {
    const found = new Map<number, FileLocation>();
    const sorted = offsets.toSorted((a, b) => a - b);
    let next = 0;
    for (const { file, text, base } of this.#sources) {
      const first = next;
      while (next < sorted.length && (sorted[next] as number) <= base + text.length) next += 1;
      const within = sorted.slice(first, next);
      const locations = locationsOf(
        text,
        within.map((offset) => offset - base),
      );
      for (const offset of within) found.set(offset, { file, ...(locations.get(offset - base) as Location) });
    }
    return found;
  }
}
