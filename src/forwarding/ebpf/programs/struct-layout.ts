import { InvariantError } from "../../../bytes/errors.ts";

/**
 * A field of a struct in a map. "machine" is a number in the machine's order, which is little-endian; "network" is one in the
 * network's order; "octets" are copied, and zeros fill what they leave.
 */
export interface Field {
  readonly offset: number;
  readonly octets: number;
  readonly kind: "machine" | "network" | "octets";
}

export type Layout = Readonly<Record<string, Field>>;

/** A number for each field that is one, octets for the others. */
export type ValuesOf<L extends Layout> = {
  readonly [Name in keyof L]: L[Name]["kind"] extends "octets" ? Uint8Array : number;
};

/** Octets of the whole. */
export function sizeOf(layout: Layout): number {
  return known(layout).octets;
}

/** Layouts are constants, and there are many values of each. */
interface Known {
  readonly octets: number;
  readonly fields: readonly (readonly [name: string, field: Field])[];
}
const knownLayouts = new WeakMap<Layout, Known>();

function known(layout: Layout): Known {
  const found = knownLayouts.get(layout);
  if (found !== undefined) return found;
  const fields = Object.entries(layout);
  const made = { octets: Math.max(...fields.map(([, { offset, octets }]) => offset + octets)), fields };
  knownLayouts.set(layout, made);
  return made;
}

/** Throws InvariantError for a value that does not fit its field. */
export function encode<L extends Layout>(layout: L, values: ValuesOf<L>): Uint8Array {
  const { octets, fields } = known(layout);
  const written = new Uint8Array(octets);
  for (const [name, field] of fields) {
    const value = (values as Readonly<Record<string, Uint8Array | number>>)[name];
    if (value instanceof Uint8Array) {
      if (value.length > field.octets)
        throw new InvariantError(`${name}: ${value.length} octets do not fit ${field.octets}`);
      written.set(value, field.offset);
    } else {
      writeNumber(written, name, field, value ?? Number.NaN);
    }
  }
  return written;
}

function writeNumber(written: Uint8Array, name: string, field: Field, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * field.octets))
    throw new InvariantError(`${name}: ${value} does not fit ${field.octets} octets`);
  let rest = value;
  for (let index = 0; index < field.octets; index += 1) {
    const place = field.kind === "machine" ? index : field.octets - 1 - index;
    written[field.offset + place] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** The reverse of `encode`; octets come with the zeros that fill their field. Throws InvariantError for another size. */
export function decode<L extends Layout>(layout: L, octets: Uint8Array): ValuesOf<L> {
  if (octets.length !== sizeOf(layout))
    throw new InvariantError(`a struct of ${sizeOf(layout)} octets, not ${octets.length}`);
  const values: Record<string, Uint8Array | number> = {};
  for (const [name, { offset, octets: size, kind }] of Object.entries(layout)) {
    const field = octets.slice(offset, offset + size);
    if (kind === "octets") values[name] = field;
    else
      values[name] = (kind === "machine" ? field.reverse() : field).reduce(
        (sum, octet) => sum * 256 + octet,
        0,
      );
  }
  return values as ValuesOf<L>;
}
