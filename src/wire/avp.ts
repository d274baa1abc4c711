import { InvariantError } from "../bytes/errors.ts";
import { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";
import { wireLimits } from "./constants.ts";
import { CONTROL_HEADER_OCTETS } from "./control-header.ts";
import { ProtocolError } from "./errors.ts";
import { generalError, RESULT_GENERAL_ERROR } from "./result-codes.ts";

/**
 * One AVP as it stands in a message (RFC 3931 §5.1).
 *
 *      M H rsvd(4) Length(10) | Vendor ID(16)
 *      Attribute Type(16)     | Value ...
 */
export interface RawAvp {
  readonly mandatory: boolean;
  readonly hidden: boolean;
  readonly vendorId: number;
  readonly attributeType: number;
  /** A view of the message, not a copy. */
  readonly value: Uint8Array;
}

/** Octets of an AVP in front of its value, counted by its Length. */
export const AVP_HEADER_OCTETS = 6;

const M_BIT = 0x8000;
const H_BIT = 0x4000;
const LENGTH_MASK = 0x03ff;

/**
 * Reads all AVPs of a message (octets from the T bit, cut to the header's Length). Throws TruncatedError or
 * ProtocolError when an AVP's Length leaves the message: what follows cannot be told apart any more (RFC 3931
 * §7.1).
 */
export function decodeAvps(octets: Uint8Array): readonly RawAvp[] {
  const reader = new Reader(octets);
  reader.octets("header", CONTROL_HEADER_OCTETS);
  const avps: RawAvp[] = [];
  while (reader.remaining > 0) {
    const flags = reader.u16("avpFlags");
    const length = flags & LENGTH_MASK;
    const vendorId = reader.u16("vendorId");
    const attributeType = reader.u16("attributeType");
    if (length < AVP_HEADER_OCTETS) throw unreadable(`AVP ${vendorId}/${attributeType} has Length ${length}`);
    const value = reader.octets("avpValue", length - AVP_HEADER_OCTETS);
    if (avps.length === wireLimits.avps) throw unreadable(`more than ${wireLimits.avps} AVPs`);
    avps.push({
      mandatory: (flags & M_BIT) !== 0,
      hidden: (flags & H_BIT) !== 0,
      vendorId,
      attributeType,
      value,
    });
  }
  return avps;
}

/** Writes one AVP; throws InvariantError for a value over 1017 octets (RFC 3931 §5.1). */
export function encodeAvp(writer: Writer, avp: RawAvp): void {
  const length = AVP_HEADER_OCTETS + avp.value.length;
  if (length > LENGTH_MASK) {
    throw new InvariantError(`AVP ${avp.vendorId}/${avp.attributeType} of ${length} octets exceeds 1023`);
  }
  writer
    .u16((avp.mandatory ? M_BIT : 0) | (avp.hidden ? H_BIT : 0) | length)
    .u16(avp.vendorId)
    .u16(avp.attributeType)
    .octets(avp.value);
}

function unreadable(text: string): ProtocolError {
  return new ProtocolError(`read the AVPs of a control message: ${text}`, {
    resultCode: RESULT_GENERAL_ERROR,
    errorCode: generalError.length,
    section: "5.1",
  });
}
