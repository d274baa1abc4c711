import { InvariantError } from "../../../bytes/errors.ts";

/**
 * A field of a struct in a map. "machine" is a number in the machine's byte order, which is little-endian;
 * "network" is one in network byte order; "octets" are copied, and the rest of the field is zero.
 */
export interface Field {
  readonly offset: number;
  readonly octets: number;
  readonly kind: "machine" | "network" | "octets";
}

export type StructLayout = Readonly<Record<string, Field>>;

/** Values of the fields: numbers, and octets for fields of that kind. */
export type ValuesOf<L extends StructLayout> = {
  readonly [Name in keyof L]: L[Name]["kind"] extends "octets" ? Uint8Array : number;
};

/** Octets of the whole struct. */
export function sizeOf(layout: StructLayout): number {
  return factsOf(layout).octets;
}

/** Derived from each layout once, for layouts are constants. */
interface LayoutFacts {
  readonly octets: number;
  readonly fields: readonly (readonly [name: string, field: Field])[];
}
const factsByLayout = new WeakMap<StructLayout, LayoutFacts>();

function factsOf(layout: StructLayout): LayoutFacts {
  const found = factsByLayout.get(layout);
  if (found !== undefined) return found;
  const fields = Object.entries(layout);
  const made = { octets: Math.max(...fields.map(([, { offset, octets }]) => offset + octets)), fields };
  factsByLayout.set(layout, made);
  return made;
}

/** Throws InvariantError for a value that does not fit its field. */
export function encodeStruct<L extends StructLayout>(layout: L, values: ValuesOf<L>): Uint8Array {
  const { octets, fields } = factsOf(layout);
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
    const position = field.kind === "machine" ? index : field.octets - 1 - index;
    written[field.offset + position] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/**
 * The reverse of `encode`; octets include the zeros that fill their field. Throws InvariantError for another
 * size.
 */
export function decodeStruct<L extends StructLayout>(layout: L, octets: Uint8Array): ValuesOf<L> {
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
