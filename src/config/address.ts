/** Checks of the addresses and router ids in the file. */

import { canonicalAddress, parseDottedQuad } from "../bytes/ip-address.ts";

/**
 * Kinds of text that are nearly an address, or an address that no end of a tunnel can have, and what to write
 * instead.
 */
const instead: readonly (readonly [RegExp, string])[] = [
  [/^\[.*\]$/, "write the IPv6 address without brackets"],
  [/^\[.*\]:\d+$/, "write the IPv6 address without brackets, and the port into local_port or remote_port"],
  [/^[0-9a-f.:]+\/\d+$/i, "write the address without the prefix length behind the slash"],
  [/^[0-9.]+:\d+$/, "write the address alone, and the port into local_port or remote_port"],
  [
    /^(\d{1,4}\.)*0\d{1,3}(\.\d{1,4})*$/,
    "a number in it has a leading zero, which some programs take for octal: write it without",
  ],
  [/%/, "an IPv6 address with a zone (%) cannot be used: give both ends an address that is not link-local"],
  [/^::ffff:/i, "write an IPv4 address in IPv6 as the IPv4 address alone"],
];

/** Addresses that are no host's, by the beginning of their canonical form. */
const notOfOneHost: readonly (readonly [RegExp, string])[] = [
  [/^0\./, "stands for any address or this network: write the address of this end"],
  [/^::$/, "stands for any address: write the address of this end"],
  [/^(22[4-9]|23\d)\.|^ff/, "is a multicast address: a tunnel has one peer, at a unicast address"],
  [/^(24\d|25[0-5])\./, "is a broadcast or reserved address: a tunnel has one peer, at a unicast address"],
  [/^fe[89ab]/, "is link-local, and says nothing without its interface: give both ends another address"],
];

/**
 * Why a text is not the address of one end of a tunnel, and what to write instead; undefined for one that is.
 */
export function addressProblem(text: string): string | undefined {
  const address = canonicalAddress(text);
  if (address !== undefined) {
    const kind = notOfOneHost.find(([pattern]) => pattern.test(address.text));
    return kind === undefined ? undefined : `${address.text} ${kind[1]}`;
  }
  return addressMistake(text) ?? "wanted an IPv4 or IPv6 address";
}

/** What to write instead of a text that is an address written otherwise; undefined for any other text. */
export function addressMistake(text: string): string | undefined {
  return instead.find(([pattern]) => pattern.test(text))?.[1];
}

/**
 * Whether a text that is no address cannot be a name either: numbers and dots, with at most one letter in an
 * IPv4 address, or a colon as only IPv6 addresses have it.
 */
export function isNearlyAddress(text: string): boolean {
  if (/^[\d.]+$/.test(text) || /:.*:/.test(text)) return true;
  const parts = text.split(".");
  return parts.length === 4 && parts.filter((part) => /^\d{1,3}$/.test(part)).length === 3;
}

/** A dotted quad or a number as 32 bits; undefined for anything else. */
export function routerIdOf(value: string | number): number | undefined {
  return typeof value === "number" ? value : parseDottedQuad(value);
}

/** A stable number other than 0 for a name (FNV-1a): the router id of a node without IPv4. */
export function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(name)) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  return hash === 0 ? 1 : hash;
}
