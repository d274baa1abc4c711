import { addressText } from "../bytes/ip-address.ts";
import { readLinks } from "./link-message.ts";
import type { Netlink } from "./netlink.ts";
import { decodeAttributes, u32In } from "./netlink-attributes.ts";

/** The addresses of this network namespace, with what the kernel says of each. */

const RTM_GETADDR = 22;
/** struct ifaddrmsg: family, length of the prefix, flags, scope, index; attributes follow. */
const HEADER_OCTETS = 8;
const FLAGS = 2;
const SCOPE = 3;
const INDEX = 4;
/** TABLE: attributes of an address (linux/if_addr.h). */
const attribute = { address: 1, local: 2, flags: 8 } as const;
/** TABLE: flags of an address (IFA_F_ of linux/if_addr.h); for IPv6 "secondary" is "temporary". */
const flag = {
  secondary: 0x01,
  optimistic: 0x04,
  dadFailed: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
} as const;
/** Scopes from this one on reach no further than the link (RT_SCOPE_LINK of linux/rtnetlink.h). */
const SCOPE_LINK = 253;

/** An address of an interface. */
export interface HostAddress {
  readonly interfaceName: string;
  readonly family: 4 | 6;
  readonly address: string;
  /** Of IPv4: not the first of its subnet; of IPv6: temporary (RFC 8981). */
  readonly isSecondary: boolean;
  readonly isDeprecated: boolean;
  /** Whether it reaches beyond the link, by its scope. */
  readonly isGlobal: boolean;
}

/**
 * The addresses that may be used, in the kernel's order: without those that are tentative or whose duplicate
 * was found (RFC 4862 §5.4). Throws NetlinkError.
 */
export function readAddresses(netlink: Netlink): readonly HostAddress[] {
  const operation = { operation: "read the addresses", target: "this machine" };
  const names = new Map(readLinks(netlink, operation).map(({ index, name }) => [index, name]));
  const payloads = netlink.dump(operation, { type: RTM_GETADDR, payload: new Uint8Array(HEADER_OCTETS) });
  return payloads.flatMap((payload) => decodeAddress(payload, names) ?? []);
}

function decodeAddress(payload: Uint8Array, names: ReadonlyMap<number, string>): HostAddress | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(HEADER_OCTETS));
  // Of a point-to-point interface, IFA_ADDRESS is the other end's.
  const octets = attributes.get(attribute.local) ?? attributes.get(attribute.address);
  const interfaceName = names.get(view.getUint32(INDEX, true));
  if (octets === undefined || interfaceName === undefined) return undefined;
  const flags = u32In(attributes, attribute.flags) ?? view.getUint8(FLAGS);
  const isTentative = (flags & flag.tentative) !== 0 && (flags & flag.optimistic) === 0;
  if (isTentative || (flags & flag.dadFailed) !== 0) return undefined;
  return {
    interfaceName,
    family: octets.length === 4 ? 4 : 6,
    address: addressText(octets),
    isSecondary: (flags & flag.secondary) !== 0,
    isDeprecated: (flags & flag.deprecated) !== 0,
    isGlobal: view.getUint8(SCOPE) < SCOPE_LINK,
  };
}
