import { decodeAvps, type RawAvp } from "./avp.ts";

/**
 * Reads single AVPs of messages that are not verified yet, only to choose the keys or the connection to
 * verify them with.
 */

const MESSAGE_TYPE = 0;
const ASSIGNED_CONTROL_CONNECTION_ID = 61;
const NONCE = 73;

function find(octets: Uint8Array, attributeType: number): RawAvp | undefined {
  try {
    return decodeAvps(octets).find(
      (avp) => avp.vendorId === 0 && avp.attributeType === attributeType && !avp.hidden,
    );
  } catch {
    return undefined;
  }
}

function number(value: Uint8Array | undefined, length: number): number | undefined {
  if (value?.length !== length) return undefined;
  return value.reduce((total, octet) => total * 256 + octet, 0);
}

/** The message type; undefined for a ZLB, for an unreadable message, and where the first AVP is another. */
export function peekMessageType(octets: Uint8Array): number | undefined {
  try {
    const first = decodeAvps(octets)[0];
    return first?.vendorId === 0 && first.attributeType === MESSAGE_TYPE ? number(first.value, 2) : undefined;
  } catch {
    return undefined;
  }
}

/** The sender's nonce; a copy. */
export function peekNonce(octets: Uint8Array): Uint8Array | undefined {
  return find(octets, NONCE)?.value.slice();
}

/** The id that the sender assigned itself; undefined when absent, hidden or unreadable. */
export function peekAssignedControlConnectionId(octets: Uint8Array): number | undefined {
  return number(find(octets, ASSIGNED_CONTROL_CONNECTION_ID)?.value, 4);
}
