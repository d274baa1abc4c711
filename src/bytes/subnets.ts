import { addressOctets, addressText, canonicalAddress } from "./ip-address.ts";

/** Addresses with prefix lengths, as files have them. */

/** An address and the subnet that it is in. */
export interface PrefixedAddress {
  readonly family: 4 | 6;
  /** The address in its canonical form, without prefix length. */
  readonly address: string;
  readonly prefixLength: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Reads an address with its prefix length; undefined for any other text. */
export function prefixedAddress(text: string): PrefixedAddress | undefined {
  const [, host = "", digits = ""] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const address = canonicalAddress(host);
  const prefixLength = Number(digits);
  if (address === undefined || digits === "" || prefixLength > BITS[address.family]) return undefined;
  return { family: address.family, address: address.text, prefixLength };
}

/** An address in its canonical form, without prefix length; a mistake as it stands. */
export function plainAddress(given: string): string {
  const plain = given.replace(/\/.*$/, "");
  return canonicalAddress(plain)?.text ?? plain;
}

/** The addresses of an interface that the topology gives it, in that form. */
export function plainAddresses({
  addresses,
}: {
  readonly addresses: readonly string[] | "dhcp";
}): readonly string[] {
  return addresses === "dhcp" ? [] : addresses.map(plainAddress);
}

/** The family of an address, with or without prefix length; undefined for any other text. */
export function familyOf(text: string): 4 | 6 | undefined {
  return canonicalAddress(plainAddress(text))?.family;
}

/** The subnet of an address with its prefix length: 192.0.2.0/24 of 192.0.2.7/24; other text stays. */
export function subnetOf(text: string): string {
  const given = prefixedAddress(text);
  return given === undefined ? text : subnetText(given);
}

/** Whether an address, with or without prefix length, is in the subnet of another one with its length. */
export function isWithin(address: string, other: string): boolean {
  const subnet = prefixedAddress(other);
  return subnet !== undefined && isInSubnet(plainAddress(address), subnet);
}

/** The first address of a subnet, which is the subnet's own. */
export function firstAddress({ address, prefixLength }: PrefixedAddress): string {
  return masked(address, prefixLength, 0);
}

/** The last address of a subnet; IPv4 uses it for broadcasts. */
export function lastAddress({ address, prefixLength }: PrefixedAddress): string {
  return masked(address, prefixLength, 0xff);
}

/** A subnet as text. */
export function subnetText(subnet: PrefixedAddress): string {
  return `${firstAddress(subnet)}/${subnet.prefixLength}`;
}

/** Whether an address, without prefix length, is in a subnet. */
export function isInSubnet(address: string, subnet: PrefixedAddress): boolean {
  const given = canonicalAddress(address);
  if (given === undefined || given.family !== subnet.family) return false;
  return masked(given.text, subnet.prefixLength, 0) === firstAddress(subnet);
}

/** An address whose bits behind the prefix are all those of `rest`. */
function masked(address: string, prefixLength: number, rest: number): string {
  const octets = addressOctets(address).map((octet, index) => {
    const ours = Math.min(8, Math.max(0, prefixLength - index * 8));
    const mask = (0xff << (8 - ours)) & 0xff;
    return (octet & mask) | (rest & ~mask & 0xff);
  });
  return addressText(octets);
}

/** Whether an address is before another one of its family. */
export function isBefore(address: string, other: string): boolean {
  const [left, right] = [addressOctets(address), addressOctets(other)];
  const at = left.findIndex((octet, index) => octet !== right[index]);
  return at >= 0 && (left[at] ?? 0) < (right[at] ?? 0);
}

/** Addresses that no interface can have, by the beginning of their canonical form. */
const notOfInterfaces: readonly (readonly [RegExp, string])[] = [
  [/^0\.|^::$/, "stands for any address"],
  [/^(22[4-9]|23\d)\.|^ff/, "is a multicast address"],
  [/^(24\d|25[0-5])\./, "is a broadcast or reserved address"],
  [/^127\.|^::1$/, "is the address of a machine for itself"],
];

/** Why a text is no address, and what to write; undefined for an address. */
export function hostAddressProblem(text: string): string | undefined {
  const address = canonicalAddress(text);
  if (address !== undefined) {
    const kind = notOfInterfaces.find(([pattern]) => pattern.test(address.text));
    return kind === undefined ? undefined : `${text} ${kind[1]}: write that of one interface`;
  }
  if (text.includes("/")) return "wanted an address without prefix length, such as 192.0.2.1";
  if (/^\d+(\.\d+){3}$/.test(text))
    return /(^|\.)0\d/.test(text)
      ? `${text} is no IPv4 address: write its numbers without leading zeros`
      : `${text} is no IPv4 address: each of its four numbers is 255 at most`;
  return `${text} is no IPv4 or IPv6 address; write one such as 192.0.2.1 or 2001:db8::1`;
}

/** Why a text is no subnet, and what to write; undefined for a subnet. */
export function subnetProblem(text: string): string | undefined {
  const subnet = prefixedAddress(text);
  if (subnet === undefined) return prefixProblem(text);
  const first = firstAddress(subnet);
  return first === subnet.address
    ? undefined
    : `${text} has bits behind its prefix length: the subnet is ${first}/${subnet.prefixLength}`;
}

/** Why a text is not the subnet of a network, and what to write; undefined where it is. */
export function networkSubnetProblem(text: string): string | undefined {
  const problem = subnetProblem(text);
  if (problem !== undefined) return problem;
  const [address = "", length] = text.split("/");
  if (Number(length) === 0) return `${text} is the whole address space: write the subnet of this network`;
  const kind = notOfInterfaces.find(([pattern]) => pattern.test(plainAddress(address)));
  return kind === undefined
    ? undefined
    : `${address} ${kind[1]}: no interface could have an address in ${text}`;
}

/** Why a text is not the address of an interface with its prefix length; undefined where it is. */
export function interfaceAddressProblem(text: string): string | undefined {
  const given = prefixedAddress(text);
  if (given === undefined) return prefixProblem(text);
  const problem = hostAddressProblem(given.address);
  if (problem !== undefined) return problem;
  if (given.prefixLength === 0) return `${text} makes a neighbour of every address: write its subnet`;
  if (given.family === 6 || given.prefixLength > 30) return undefined;
  if (given.address === firstAddress(given))
    return `${given.address} is the subnet itself: write an address in it`;
  if (given.address === lastAddress(given))
    return `${given.address} is the broadcast address of its subnet: write another address in it`;
  return undefined;
}

function prefixProblem(text: string): string {
  const [address = "", length, ...more] = text.split("/");
  if (length === undefined || more.length > 0)
    return "wanted an address with its prefix length, such as 192.0.2.1/24";
  if (/^0\d/.test(length)) return `/${length} is no prefix length: write it without leading zeros`;
  const family = canonicalAddress(address)?.family;
  if (family === undefined) return hostAddressProblem(address) ?? `${address} is no address`;
  return `/${length} is no prefix length: that of IPv${family} is ${BITS[family]} at most`;
}

/** First and last address of a range such as `192.0.2.100-192.0.2.150`; undefined for any other text. */
export function addressRange(text: string): readonly [first: string, last: string] | undefined {
  const [first, last, ...more] = text.split("-").map((part) => canonicalAddress(part.trim())?.text);
  return first === undefined || last === undefined || more.length > 0 ? undefined : [first, last];
}
