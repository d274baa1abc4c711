import { canonicalAddress } from "../bytes/ip-address.ts";
import { prefixedAddress, subnetText } from "../bytes/subnets.ts";
import { addressMistake, addressProblem, isNearlyAddress, routerIdOf } from "./address.ts";

/** What `local` and `remote` of a tunnel say of its two ends. */

/** Our end: an address, the address that an interface has, or the one that the route to the peer gives. */
export type LocalEnd =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "interface"; readonly name: string }
  | { readonly kind: "route" };

/** The peer's end: an address, what a DNS name has, or whoever proves to be the peer. */
export type RemoteEnd =
  | { readonly kind: "address"; readonly address: string }
  /** In lower case. */
  | { readonly kind: "name"; readonly name: string }
  /** With prefixes: from these alone, such as 192.0.2.0/24, in canonical form. */
  | { readonly kind: "any"; readonly prefixes: readonly string[] };

/** `remote` as a file has it. */
export type RawRemote = string | { readonly any: readonly string[] };

/** The word that stands for every address of a peer. */
export const ANY = "any";

/** RFC 1035 §2.3.4, without the root. */
const MOST_NAME_OCTETS = 253;
/** Letters, digits and hyphens as in RFC 1123 §2.1; the underscore is no host's, and in use all the same. */
const NAME = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

/**
 * Why a text is no `local`, and what to write instead; undefined for one that is, if an interface may be so
 * called.
 */
export function localProblem(text: string): string | undefined {
  if (canonicalAddress(text) !== undefined) return addressProblem(text);
  if (text.toLowerCase() === ANY)
    return "leave `local` out: then the route to the peer chooses the address; or write an interface's name";
  return nearlyAddress(text, "or the name of an interface");
}

/** Whether a text may be the name of a host: no address, and nothing that is meant to be one. */
export function isHostName(text: string): boolean {
  return NAME.test(text) && text.length <= MOST_NAME_OCTETS && !/(^|\.)\d+\.?$/.test(text);
}

/** Why a text is no `remote`, and what to write instead; undefined for one that is. */
export function remoteProblem(text: string): string | undefined {
  if (text === ANY) return undefined;
  if (canonicalAddress(text) !== undefined) {
    const isUnspecified = text === "0.0.0.0" || /^[0:]+$/.test(text);
    return isUnspecified
      ? `${text} stands for any address: write \`any\` for any peer`
      : addressProblem(text);
  }
  if (text.toLowerCase() === ANY || text === "*") return "did you mean any?";
  const nearly = nearlyAddress(text, "a DNS name, or any");
  if (nearly !== undefined) return nearly;
  if (/^[^:]+:\d+$/.test(text)) return "write the name alone, and the port into remote_port";
  if (/[^ -~]/.test(text)) return "write a name with other letters than a to z as DNS has it (xn--...)";
  if (isHostName(text)) return undefined;
  return "wanted an IPv4 or IPv6 address, a DNS name, or any";
}

function nearlyAddress(text: string, otherwise: string): string | undefined {
  const mistake = addressMistake(text);
  if (mistake !== undefined) return mistake;
  const guess = addressMeant(text);
  if (guess !== undefined) return `no address; did you mean ${guess}?`;
  return isNearlyAddress(text) ? `wanted an IPv4 or IPv6 address, ${otherwise}` : undefined;
}

/** TABLE: what is easily typed in place of a character of an address. */
const misread: readonly (readonly [RegExp, string])[] = [
  [/o/gi, "0"],
  [/[li]/gi, "1"],
  [/,/g, "."],
  [/;/g, ":"],
  [/\.\.+/g, "."],
  [/\.$/, ""],
];

/** The address that a text is, but for characters that look alike. */
function addressMeant(text: string): string | undefined {
  if (!/\d/.test(text)) return undefined;
  const meant = misread.reduce((result, [pattern, by]) => result.replace(pattern, by), text);
  return canonicalAddress(meant)?.text;
}

/** Why a text is no prefix of peers' addresses, and what to write instead; undefined for one that is. */
export function prefixProblem(text: string): string | undefined {
  if (canonicalAddress(text) !== undefined) return undefined;
  const prefix = prefixedAddress(text);
  if (prefix === undefined) return "wanted a prefix such as 192.0.2.0/24 or 2001:db8::/32";
  const whole = subnetText(prefix);
  const given = `${prefix.address}/${prefix.prefixLength}`;
  return whole === given ? undefined : `bits behind the prefix are set; did you mean ${whole}?`;
}

/** A checked prefix in canonical form; an address alone is the prefix of itself. */
function canonicalPrefix(text: string): string {
  const address = canonicalAddress(text);
  if (address !== undefined) return `${address.text}/${address.family === 4 ? 32 : 128}`;
  const prefix = prefixedAddress(text);
  return prefix === undefined ? text : subnetText(prefix);
}

/** The end that a checked text stands for. */
export function localEndOf(text: string | undefined): LocalEnd {
  if (text === undefined) return { kind: "route" };
  const address = canonicalAddress(text);
  return address === undefined
    ? { kind: "interface", name: text }
    : { kind: "address", address: address.text };
}

/** The end that a checked value stands for. */
export function remoteEndOf(raw: RawRemote): RemoteEnd {
  if (typeof raw !== "string") return { kind: "any", prefixes: raw.any.map(canonicalPrefix) };
  if (raw === ANY) return { kind: "any", prefixes: [] };
  const address = canonicalAddress(raw);
  return address === undefined
    ? { kind: "name", name: raw.toLowerCase() }
    : { kind: "address", address: address.text };
}

/** An end as the file has it; undefined for one that the file leaves out. */
export function localText(end: LocalEnd): string | undefined {
  if (end.kind === "route") return undefined;
  return end.kind === "address" ? end.address : end.name;
}

/** An end as the file has it. */
export function remoteText(end: RemoteEnd): string {
  if (end.kind === "any") return end.prefixes.length === 0 ? ANY : `{ any: [${end.prefixes.join(", ")}] }`;
  return end.kind === "address" ? end.address : end.name;
}

/** The families that an end can have; both where the file does not say it. */
export function familiesOf(end: LocalEnd | RemoteEnd): readonly (4 | 6)[] {
  const texts = end.kind === "address" ? [end.address] : end.kind === "any" ? end.prefixes : [];
  const found = texts.map((text): 4 | 6 => (text.includes(":") ? 6 : 4));
  return found.length === 0 ? [4, 6] : ([4, 6] as const).filter((family) => found.includes(family));
}

/** The router id that an end of ours gives: an IPv4 address in the file. */
export function routerIdOfLocal(end: LocalEnd): number | undefined {
  return end.kind === "address" ? routerIdOf(end.address) : undefined;
}
