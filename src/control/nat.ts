import { addressOctets } from "../bytes/ip-address.ts";
import type { PsnPath } from "../wire/session-parameters.ts";

/** TABLE: IPv4 prefixes that no public network routes (RFC 1918, RFC 6598, RFC 3927): address and length. */
const privatePrefixes = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
] as const;

function asNumber(address: string): number {
  return addressOctets(address).reduce((total, octet) => total * 256 + octet, 0);
}

/** Whether only a private network routes the address; in IPv6 a unique local one (RFC 4193). */
function isPrivate(address: string): boolean {
  if (address.includes(":")) return ((addressOctets(address)[0] ?? 0) & 0xfe) === 0xfc;
  return privatePrefixes.some(([prefix, length]) => {
    const size = 2 ** (32 - length);
    return Math.floor(asNumber(address) / size) === Math.floor(asNumber(prefix) / size);
  });
}

/**
 * What tells that a NAT is between us and the peer, as text; undefined where nothing does. `configured` is
 * the path of our first message, of which the peer's address may be any; `path` the one in use.
 */
export function natEvidence(configured: PsnPath, path: PsnPath, isAnyAddress: boolean): string | undefined {
  const { localAddress, remoteAddress, remotePort } = path;
  if (!isAnyAddress && remoteAddress !== configured.remoteAddress)
    return `the peer has address ${remoteAddress}, not the configured ${configured.remoteAddress}`;
  if (remotePort !== configured.remotePort)
    return `the peer has UDP port ${remotePort}, not the configured ${configured.remotePort}`;
  if (isPrivate(localAddress) && !isPrivate(remoteAddress))
    return `our address ${localAddress} is private, and the peer's ${remoteAddress} is not`;
  return undefined;
}
