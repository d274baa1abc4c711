/** IP addresses as text, without asking the operating system. */

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;
const V6 = /^[0-9a-f:]+$/i;

/** The canonical form of an address and its family; undefined for text that is none. Zones and IPv4 in IPv6 are none. */
export function canonicalAddress(
  text: string,
): { readonly family: 4 | 6; readonly text: string } | undefined {
  if (V4.test(text)) return { family: 4, text };
  const url = `http://[${text}]/`;
  if (!V6.test(text) || !URL.canParse(url)) return undefined;
  const canonical = new URL(url).hostname.slice(1, -1);
  return canonical.startsWith("::ffff:") ? undefined : { family: 6, text: canonical };
}

/** A dotted quad or a number as 32 bits; undefined for anything else. */
export function routerIdOf(value: string | number): number | undefined {
  if (typeof value === "number") return value;
  if (!V4.test(value)) return undefined;
  return value.split(".").reduce((total, part) => total * 256 + Number(part), 0);
}

/** A stable number other than 0 for a name (FNV-1a): the router id of a node without IPv4. */
export function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(name)) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  return hash === 0 ? 1 : hash;
}
