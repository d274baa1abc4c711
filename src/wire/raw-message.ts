import type { TruncatedError } from "../bytes/errors.ts";
import { Reader } from "../bytes/reader.ts";
import { decodeAvps, type RawAvp } from "./avp.ts";
import { avpTable } from "./avp-table.ts";
import { vendor } from "./constants.ts";
import { type ControlHeader, decodeControlHeader } from "./control-header.ts";
import { isDecodingError, type ProtocolError } from "./errors.ts";
import { type MessageName, messageNameOf } from "./message-table.ts";

/**
 * A received control message split into its AVPs, whose values are not decoded yet. Until the message is
 * verified, single AVPs are read from here, only to choose the connection or the keys to verify it with.
 */
export interface RawControlMessage {
  readonly header: ControlHeader;
  /** From the T bit to the end given by Length; a view, not a copy. */
  readonly octets: Uint8Array;
  /** All AVPs, in order; none when the message is damaged. */
  readonly avps: readonly RawAvp[];
  /** Why the AVPs cannot be told apart: the message is to be discarded (RFC 3931 §7.1). */
  readonly damage: TruncatedError | ProtocolError | undefined;
}

/**
 * Splits a message that starts at the T bit; octets after its Length are ignored. Throws TruncatedError or
 * ProtocolError when the header cannot be read.
 */
export function splitControlMessage(octets: Uint8Array): RawControlMessage {
  const header = decodeControlHeader(octets);
  const message = octets.subarray(0, header.length);
  try {
    return { header, octets: message, avps: decodeAvps(message), damage: undefined };
  } catch (error) {
    if (isDecodingError(error)) return { header, octets: message, avps: [], damage: error };
    throw error;
  }
}

/** The name of the message; undefined for a ZLB, a damaged message, and a type that has no row. */
export function rawMessageName({ avps }: RawControlMessage): MessageName | undefined {
  const [first] = avps;
  const isType =
    first?.vendorId === vendor.ietf && first.attributeType === avpTable.messageType.attributeType;
  if (!isType || first.value.length !== 2) return undefined;
  return messageNameOf(new Reader(first.value).u16("messageType"));
}

/** The sender's nonce; a copy. */
export function rawNonce(message: RawControlMessage): Uint8Array | undefined {
  return find(message, "controlMessageAuthenticationNonce")?.slice();
}

/** The id that the sender assigned itself; undefined when absent or hidden. */
export function rawAssignedConnectionId(message: RawControlMessage): number | undefined {
  const value = find(message, "assignedControlConnectionId");
  return value?.length === 4 ? new Reader(value).u32("assignedControlConnectionId") : undefined;
}

/** The host that the sender says it is; undefined when absent or hidden. */
export function rawHostName(message: RawControlMessage): string | undefined {
  const value = find(message, "hostName");
  return value === undefined || value.length === 0 ? undefined : avpTable.hostName.value.decode(value);
}

/** The router id that the sender says it has; undefined when absent or hidden. */
export function rawRouterId(message: RawControlMessage): number | undefined {
  const value = find(message, "routerId");
  return value?.length === 4 ? avpTable.routerId.value.decode(value) : undefined;
}

function find({ avps }: RawControlMessage, name: keyof typeof avpTable): Uint8Array | undefined {
  const { attributeType } = avpTable[name];
  return avps.find(
    (avp) => avp.vendorId === vendor.ietf && avp.attributeType === attributeType && !avp.hidden,
  )?.value;
}
