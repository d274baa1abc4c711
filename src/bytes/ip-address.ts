/** IP addresses as text, as octets and as numbers, without asking the operating system. */

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;
const V6 = /^[0-9a-f:]+$/i;
const V6_GROUPS = 8;

/**
 * The canonical form of an address and its family; undefined for any other text, also for an address with a
 * zone and for IPv4 in IPv6.
 */
export function canonicalAddress(
  text: string,
): { readonly family: 4 | 6; readonly text: string } | undefined {
  if (V4.test(text)) return { family: 4, text };
  if (!V6.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const canonical = canonicalV6(text);
  return canonical.startsWith("::ffff:") ? undefined : { family: 6, text: canonical };
}

function canonicalV6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** The 4 or 16 octets of an address without a zone. */
export function addressOctets(address: string): Uint8Array {
  if (!address.includes(":")) return Uint8Array.from(address.split("."), Number);
  const halves = canonicalV6(address)
    .split("::")
    .map((half) => (half === "" ? [] : half.split(":")));
  const [head = [], tail = []] = halves;
  const zeros = V6_GROUPS - head.length - tail.length;
  const gap = halves.length === 2 ? Array.from({ length: zeros }, () => "0") : [];
  return Uint8Array.from(
    [...head, ...gap, ...tail].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** The canonical text of an address of 4 or 16 octets. */
export function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  const groups = Array.from({ length: V6_GROUPS }, (_, index) =>
    (((octets[index * 2] ?? 0) << 8) | (octets[index * 2 + 1] ?? 0)).toString(16),
  );
  return canonicalV6(groups.join(":"));
}

/** An address without its zone, such as "%eth0". */
export function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

/** 32 bits, such as a Router ID, as a dotted quad. */
export function dottedQuad(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}

/** The 32 bits of a dotted quad; undefined for any other text. */
export function parseDottedQuad(text: string): number | undefined {
  if (!V4.test(text)) return undefined;
  return text.split(".").reduce((total, part) => total * 256 + Number(part), 0);
}
