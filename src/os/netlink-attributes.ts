/**
 * Attributes of netlink messages: struct nlattr, a length, a type and a payload, each at a multiple of 4
 * octets.
 */

const HEADER_OCTETS = 4;
const ALIGNMENT_OCTETS = 4;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER, which some kernels set in the type. */
const TYPE_MASK = 0x3fff;

export type AttributeMap = ReadonlyMap<number, Uint8Array>;
export type Attribute = readonly [type: number, payload: Uint8Array];

/** Decodes attributes by their type, of several of one type the last. Octets that are no attribute end it. */
export function decodeAttributes(octets: Uint8Array): AttributeMap {
  return new Map(attributeList(octets));
}

/** All attributes in their order, those of one type too. Octets that are no attribute end it. */
export function attributeList(octets: Uint8Array): readonly Attribute[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const found: Attribute[] = [];
  for (let at = 0; at + HEADER_OCTETS <= octets.length; ) {
    const length = view.getUint16(at, true);
    if (length < HEADER_OCTETS || at + length > octets.length) break;
    found.push([view.getUint16(at + 2, true) & TYPE_MASK, octets.subarray(at + HEADER_OCTETS, at + length)]);
    at += aligned(length);
  }
  return found;
}

/** Encodes attributes one after the other. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const total = attributes.reduce((sum, [, payload]) => sum + aligned(HEADER_OCTETS + payload.length), 0);
  const octets = new Uint8Array(total);
  const view = new DataView(octets.buffer);
  let at = 0;
  for (const [type, payload] of attributes) {
    view.setUint16(at, HEADER_OCTETS + payload.length, true);
    view.setUint16(at + 2, type, true);
    octets.set(payload, at + HEADER_OCTETS);
    at += aligned(HEADER_OCTETS + payload.length);
  }
  return octets;
}

function aligned(octets: number): number {
  return Math.ceil(octets / ALIGNMENT_OCTETS) * ALIGNMENT_OCTETS;
}

/** The payload of an attribute of 32 bits, in the machine's byte order. */
export function u32Payload(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, value, true);
  return octets;
}

/** The payload of an attribute of 16 bits, in the machine's byte order. */
export function u16Payload(value: number): Uint8Array {
  const octets = new Uint8Array(2);
  new DataView(octets.buffer).setUint16(0, value, true);
  return octets;
}

/** The payload of an attribute with a NUL-terminated string. */
export function textPayload(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** An attribute of 32 bits; undefined where it is missing or too short. */
export function u32In(attributes: AttributeMap, type: number): number | undefined {
  const octets = attributes.get(type);
  return octets === undefined || octets.length < 4 ? undefined : viewOf(octets).getUint32(0, true);
}

/** An attribute of 16 bits; undefined where it is missing or too short. */
export function u16In(attributes: AttributeMap, type: number): number | undefined {
  const octets = attributes.get(type);
  return octets === undefined || octets.length < 2 ? undefined : viewOf(octets).getUint16(0, true);
}

/** An attribute of 8 bits; undefined where it is missing or empty. */
export function u8In(attributes: AttributeMap, type: number): number | undefined {
  return attributes.get(type)?.[0];
}

/** An attribute with a string, up to its NUL; undefined where it is missing. */
export function textIn(attributes: AttributeMap, type: number): string | undefined {
  const octets = attributes.get(type);
  if (octets === undefined) return undefined;
  const end = octets.indexOf(0);
  return new TextDecoder().decode(end < 0 ? octets : octets.subarray(0, end));
}

/** The attributes nested in an attribute; undefined where it is missing. */
export function nestedIn(attributes: AttributeMap, type: number): AttributeMap | undefined {
  const octets = attributes.get(type);
  return octets === undefined ? undefined : decodeAttributes(octets);
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
