/** Hexadecimal digits of octets, without separators. */
export function toHex(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += octet.toString(16).padStart(2, "0");
  return text;
}

/**
 * Octets of hexadecimal text; blanks and `#` comments to the end of a line are skipped. Throws RangeError for
 * anything else.
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/#.*$/gm, "").replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
    throw new RangeError(
      `read hexadecimal octets: not pairs of digits: ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
  const octets = new Uint8Array(digits.length / 2);
  for (let index = 0; index < octets.length; index += 1) {
    octets[index] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
  return octets;
}

/** Octets written in the source as hexadecimal: hex`c8 03  # T, L, S, Ver 3`. */
export function hex(strings: TemplateStringsArray): Uint8Array {
  return fromHex(strings.raw.join(""));
}

/** Octets joined in order into a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two arrays hold the same octets. Not for secrets: the time it takes depends on the values. */
export function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}

/** An id of 32 bits, such as a Session ID or Control Connection ID, as all texts have it. */
export function hexId(id: number): string {
  return `0x${id.toString(16).padStart(8, "0")}`;
}
