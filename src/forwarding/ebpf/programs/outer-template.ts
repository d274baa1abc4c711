import { InvariantError } from "../../../bytes/errors.ts";
import { concat } from "../../../bytes/hex.ts";
import { Writer } from "../../../bytes/writer.ts";
import { IP_PROTOCOL_L2TP } from "../../../wire/constants.ts";
import { encodeDataMessage } from "../../../wire/data-header.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { PsnEndpoint } from "../../transport.ts";
import { headerOffsets, type ProgramOptions } from "./options.ts";

/** Fields of the outer IP header, without lengths. */
export interface OuterHeader {
  readonly localAddress: Uint8Array;
  readonly remoteAddress: Uint8Array;
  /** DSCP and ECN in 8 bits; 0 where each frame has its own. */
  readonly trafficClass: number;
  readonly hopLimit: number;
  readonly fragmentation: PsnEndpoint["fragmentation"];
}

export const IP_PROTOCOL_UDP = 17;
export const IP_PROTOCOL_GRE = 47;
const DONT_FRAGMENT = 0x4000;
const IPV4_HEADER_OCTETS = 20;

/** The protocol number in the outer IP header. */
export function protocolOf({ encapsulation }: ProgramOptions): number {
  return encapsulation === "udp" ? IP_PROTOCOL_UDP : IP_PROTOCOL_L2TP;
}

/**
 * The template of all headers in front of a frame, the outer IP header first (RFC 3931 §4.1.1.1, §4.1.2.1).
 * Fields that differ between frames are 0: lengths, identification, the IPv4 checksum, the sequence number.
 * The UDP checksum is always 0. Throws InvariantError for addresses of another family.
 */
export function outerTemplate(
  options: ProgramOptions,
  session: SessionParameters,
  header: OuterHeader,
): Uint8Array {
  const octets = options.family === 4 ? 4 : 16;
  if (header.localAddress.length !== octets || header.remoteAddress.length !== octets)
    throw new InvariantError(`outer addresses of IPv${options.family} have ${octets} octets`);
  const { remoteSessionId: sessionId, transmitCookie: cookie, path } = session;
  const sublayer = options.sublayer ? { sublayer: { sequenceNumber: undefined } } : {};
  const udp = new Writer().u16(path.localPort).u16(path.remotePort).u32(0).finish();
  const template = concat(
    options.family === 4 ? ipv4Header(options, header) : ipv6Header(options, header),
    options.encapsulation === "udp" ? udp : new Uint8Array(0),
    encodeDataMessage(options.encapsulation, { sessionId, cookie, ...sublayer }, new Uint8Array(0)),
  );
  const wanted = headerOffsets(options).frame;
  if (template.length !== wanted)
    throw new InvariantError(`a template of ${template.length} octets, not ${wanted}`);
  return template;
}

function ipv4Header(options: ProgramOptions, header: OuterHeader): Uint8Array {
  return new Writer()
    .u8(0x45)
    .u8(header.trafficClass)
    .u32(0)
    .u16(header.fragmentation === "none" ? DONT_FRAGMENT : 0)
    .u8(header.hopLimit)
    .u8(protocolOf(options))
    .u16(0)
    .octets(header.localAddress)
    .octets(header.remoteAddress)
    .finish();
}

function ipv6Header(options: ProgramOptions, header: OuterHeader): Uint8Array {
  return new Writer()
    .u32(0x6000_0000 + header.trafficClass * 0x10_0000)
    .u16(0)
    .u8(protocolOf(options))
    .u8(header.hopLimit)
    .octets(header.localAddress)
    .octets(header.remoteAddress)
    .finish();
}

/**
 * The sum of a template's IPv4 header, unfolded, of words as a little-endian machine reads them (RFC 1071 §2
 * (B)).
 */
export function headerSum(template: Uint8Array): number {
  const view = new DataView(template.buffer, template.byteOffset, IPV4_HEADER_OCTETS);
  let sum = 0;
  for (let offset = 0; offset < IPV4_HEADER_OCTETS; offset += 2) sum += view.getUint16(offset, true);
  return sum;
}
