import { concat } from "../../bytes/hex.ts";
import { addressOctets, addressText } from "../../bytes/ip-address.ts";
import { addWords, checksumOfSum } from "../../wire/internet-checksum.ts";

/** Messages of a DHCP client (RFC 2131) as frames of Ethernet. */

/** Values of the option of the message's type. */
export const messageTypes = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6 } as const;

/** TABLE: options of RFC 2132 by their names. */
const options = { mask: 1, router: 3, requested: 50, leaseS: 51, type: 53, server: 54, wanted: 55 } as const;
const END = 255;

const ETHERNET_OCTETS = 14;
const IP_OCTETS = 20;
const UDP_OCTETS = 8;
const FIXED_OCTETS = 236;
const COOKIE = 0x6382_5363;
const [SERVER_PORT, CLIENT_PORT] = [67, 68];
const UDP = 17;
const BROADCAST = 0x8000;

/** What a client asks. */
export interface DhcpQuestion {
  readonly type: (typeof messageTypes)["discover" | "request"];
  readonly transaction: number;
  readonly hardware: Uint8Array;
  /** Address that the client has already. */
  readonly current?: string;
  /** Address that it was offered, and by whom. */
  readonly requested?: string;
  readonly server?: string;
}

/** What a server answers. */
export interface DhcpAnswer {
  readonly type: number;
  readonly address: string;
  readonly server: string;
  readonly prefixLength: number;
  readonly router: string | undefined;
  readonly leaseS: number;
}

function option(code: number, value: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(code, value.length), value);
}

/** The frame of a question: a broadcast, whose answer shall be one too. */
export function dhcpFrame(question: DhcpQuestion): Uint8Array {
  const { type, transaction, hardware, current, requested, server } = question;
  const fixed = new Uint8Array(FIXED_OCTETS + 4);
  const view = new DataView(fixed.buffer);
  fixed.set([1, 1, 6, 0]);
  view.setUint32(4, transaction);
  view.setUint16(10, BROADCAST);
  if (current !== undefined) fixed.set(addressOctets(current), 12);
  fixed.set(hardware, 28);
  view.setUint32(FIXED_OCTETS, COOKIE);
  const message = concat(
    fixed,
    option(options.type, Uint8Array.of(type)),
    ...(requested === undefined ? [] : [option(options.requested, addressOctets(requested))]),
    ...(server === undefined ? [] : [option(options.server, addressOctets(server))]),
    option(options.wanted, Uint8Array.of(options.mask, options.router, options.leaseS)),
    Uint8Array.of(END),
  );
  return concat(headers(hardware, message.length), message);
}

/** Headers of Ethernet, IP and UDP of a broadcast; UDP's checksum is left out. */
function headers(hardware: Uint8Array, messageOctets: number): Uint8Array {
  const octets = new Uint8Array(ETHERNET_OCTETS + IP_OCTETS + UDP_OCTETS);
  const view = new DataView(octets.buffer);
  octets.fill(0xff, 0, 6);
  octets.set(hardware, 6);
  view.setUint16(12, 0x0800);
  octets.set([0x45, 0], ETHERNET_OCTETS);
  view.setUint16(ETHERNET_OCTETS + 2, IP_OCTETS + UDP_OCTETS + messageOctets);
  octets.set([64, UDP], ETHERNET_OCTETS + 8);
  octets.fill(0xff, ETHERNET_OCTETS + 16, ETHERNET_OCTETS + 20);
  view.setUint16(ETHERNET_OCTETS + 10, checksumOfSum(addWords(view, ETHERNET_OCTETS, IP_OCTETS)));
  const udp = ETHERNET_OCTETS + IP_OCTETS;
  view.setUint16(udp, CLIENT_PORT);
  view.setUint16(udp + 2, SERVER_PORT);
  view.setUint16(udp + 4, UDP_OCTETS + messageOctets);
  return octets;
}

/** The answer in a frame to a transaction; undefined for any other frame. */
export function readDhcpAnswer(frame: Uint8Array, transaction: number): DhcpAnswer | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < ETHERNET_OCTETS + IP_OCTETS || view.getUint16(12) !== 0x0800) return undefined;
  const udp = ETHERNET_OCTETS + ((frame[ETHERNET_OCTETS] ?? 0) & 0x0f) * 4;
  const message = udp + UDP_OCTETS;
  if (frame[ETHERNET_OCTETS + 9] !== UDP || frame.length < message + FIXED_OCTETS + 4) return undefined;
  if (view.getUint16(udp + 2) !== CLIENT_PORT || view.getUint32(message + 4) !== transaction)
    return undefined;
  if (view.getUint32(message + FIXED_OCTETS) !== COOKIE) return undefined;
  const found = readOptions(frame.subarray(message + FIXED_OCTETS + 4));
  const address = (code: number) => {
    const value = found.get(code);
    return value === undefined || value.length < 4 ? undefined : addressText(value.subarray(0, 4));
  };
  const lease = found.get(options.leaseS);
  return {
    type: found.get(options.type)?.[0] ?? 0,
    address: addressText(frame.subarray(message + 16, message + 20)),
    server: address(options.server) ?? "0.0.0.0",
    prefixLength: onesOf(found.get(options.mask) ?? Uint8Array.of(255, 255, 255)),
    router: address(options.router),
    leaseS: lease?.length === 4 ? new DataView(lease.buffer, lease.byteOffset).getUint32(0) : 3600,
  };
}

function readOptions(octets: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = 0;
  while (at < octets.length && octets[at] !== END) {
    const [code = 0, length = 0] = [octets[at], octets[at + 1]];
    if (code !== 0) found.set(code, octets.slice(at + 2, at + 2 + length));
    at += code === 0 ? 1 : 2 + length;
  }
  return found;
}

/** How many bits of a mask are set. */
function onesOf(mask: Uint8Array): number {
  return [...mask].reduce((sum, octet) => sum + octet.toString(2).replaceAll("0", "").length, 0);
}
