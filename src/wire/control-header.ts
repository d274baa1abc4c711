import { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";
import { ProtocolError } from "./errors.ts";
import { generalError, RESULT_GENERAL_ERROR } from "./result-codes.ts";

/**
 * Control message header (RFC 3931 §3.2.1), 12 octets; over IP four zero octets stand in front of it and
 * count for nothing.
 *
 *      T L x x S x x x x x x x Ver(4) | Length(16)
 *      Control Connection ID(32)
 *      Ns(16)                         | Nr(16)
 */
export interface ControlHeader {
  /** 3; 2 only in an SCCRQ that also wants to reach L2TPv2 peers (RFC 3931 §4.7.3). */
  readonly version: 2 | 3;
  /** Octets from the T bit to the end of the last AVP. */
  readonly length: number;
  /** The receiver's id; 0 while the sender does not know it. */
  readonly controlConnectionId: number;
  readonly ns: number;
  readonly nr: number;
}

/** Octets of the control message header. */
export const CONTROL_HEADER_OCTETS = 12;

const T_BIT = 0x8000;
const L_BIT = 0x4000;
const S_BIT = 0x0800;
const VERSION_MASK = 0x000f;

function malformed(text: string): ProtocolError {
  return new ProtocolError(`read a control message header: ${text}`, {
    resultCode: RESULT_GENERAL_ERROR,
    errorCode: generalError.length,
    section: "3.2.1",
  });
}

/**
 * Reads the header at the T bit. Reserved bits and octets after Length are ignored. Throws TruncatedError for
 * fewer than 12 octets and ProtocolError for what RFC 3931 §3.2.1 calls malformed; both only ever mean:
 * discard.
 */
export function decodeControlHeader(octets: Uint8Array): ControlHeader {
  const reader = new Reader(octets);
  const flags = reader.u16("flags");
  const version = flags & VERSION_MASK;
  // The version decides what the other bits mean (RFC 3931 §4.7.3).
  if (version !== 2 && version !== 3) throw malformed(`version ${version}`);
  for (const [bit, name] of [
    [T_BIT, "T"],
    [L_BIT, "L"],
    [S_BIT, "S"],
  ] as const) {
    if ((flags & bit) === 0) throw malformed(`${name} bit is 0`);
  }
  const length = reader.u16("length");
  const controlConnectionId = reader.u32("controlConnectionId");
  const ns = reader.u16("ns");
  const nr = reader.u16("nr");
  if (length < CONTROL_HEADER_OCTETS || length > octets.length) {
    throw malformed(`length ${length} of ${octets.length} octets`);
  }
  return { version, length, controlConnectionId, ns, nr };
}

/** Writes the header with Length 0, to be patched at offset 2 once the AVPs stand. */
export function encodeControlHeader(
  writer: Writer,
  header: { readonly controlConnectionId: number; readonly ns: number; readonly nr: number },
): void {
  writer
    .u16(T_BIT | L_BIT | S_BIT | 3)
    .u16(0)
    .u32(header.controlConnectionId)
    .u16(header.ns)
    .u16(header.nr);
}
