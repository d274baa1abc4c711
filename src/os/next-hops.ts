import { addressText } from "../bytes/ip-address.ts";
import { withNetlink } from "./netlink.ts";
import { decodeAttributes } from "./netlink-attributes.ts";

/** What this machine knows of its neighbours on the link (arp(7), RFC 4861). */

const RTM_GETNEIGH = 30;
/** struct ndmsg: family, index at 4, state at 8; attributes follow. */
const HEADER_OCTETS = 12;
const INDEX = 4;
const STATE = 8;
/** NDA_DST. */
const ADDRESS = 1;
/** TABLE: states of a neighbour that did not answer: NUD_INCOMPLETE, NUD_FAILED (linux/neighbour.h). */
const silent = 0x01 | 0x20;

/** A neighbour, by the index of the interface and its address. */
export interface Neighbour {
  readonly interfaceIndex: number;
  readonly address: string;
  /** Whether it was asked for its MAC address and did not answer. */
  readonly isUnanswered: boolean;
}

/** All neighbours that this network namespace knows. Throws NetlinkError. */
export function readNeighbours(): readonly Neighbour[] {
  const operation = { operation: "read the neighbours", target: "this machine" };
  const payloads = withNetlink("route", (netlink) =>
    netlink.dump(operation, { type: RTM_GETNEIGH, payload: new Uint8Array(HEADER_OCTETS) }),
  );
  return payloads.flatMap((payload) => {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const octets = decodeAttributes(payload.subarray(HEADER_OCTETS)).get(ADDRESS);
    if (octets === undefined || (octets.length !== 4 && octets.length !== 16)) return [];
    return {
      interfaceIndex: view.getInt32(INDEX, true),
      address: addressText(octets),
      isUnanswered: (view.getUint16(STATE, true) & silent) !== 0,
    };
  });
}
