import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import type { FrameSocket } from "../../src/lab/frame-socket.ts";
import { addressOf, linux, setsockopt, write } from "../../src/os/libc.ts";
import { openPacketSocket, VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { naiveChecksum } from "./internet-checksum.ts";

/** How a host hands frames to its interface and leaves work to it, and what comes out at another one. */

const MOST_TRIES = 20_000;
const NEEDS_CHECKSUM = 1;
const ADDRESS_OCTETS = 6;
/** The values of struct virtio_net_hdr's gso_type. */
const gsoTypes = { tcp4: 1, tcp6: 4, udp4: 5, udp6: 5 } as const;

/** What is left to the interface: a checksum, of all from `start` on, with its place from there on; and the cutting of a super-frame. */
export interface LeftWork {
  readonly start: number;
  readonly offset: number;
  readonly cutting?: {
    readonly kind: keyof typeof gsoTypes;
    readonly headerOctets: number;
    readonly segmentOctets: number;
  };
}

/** A socket for `handOver`, whose frames go the way of all that a host sends: by queues and by programs at the interface's egress. */
export function openHostSocket(interfaceName: string): number {
  const fd = openPacketSocket(interfaceName);
  const off = new Uint8Array(4);
  expect(setsockopt(fd, linux.SOL_PACKET, linux.PACKET_QDISC_BYPASS, addressOf(off), off.length)).toBe(0);
  return fd;
}

export function handOver(fd: number, frame: Uint8Array, left?: LeftWork): void {
  const header = new Uint8Array(VNET_HEADER_OCTETS);
  const view = new DataView(header.buffer);
  if (left !== undefined) {
    view.setUint8(0, NEEDS_CHECKSUM);
    view.setUint16(6, left.start, true);
    view.setUint16(8, left.offset, true);
  }
  if (left?.cutting !== undefined) {
    view.setUint8(1, gsoTypes[left.cutting.kind]);
    view.setUint16(2, left.cutting.headerOctets, true);
    view.setUint16(4, left.cutting.segmentOctets, true);
  }
  const octets = concat(header, frame);
  expect(write(fd, addressOf(octets), octets.length)).toBe(octets.length);
}

/** The next frame, of the host with this address if one is said, its checksum made where that is still left; undefined if none comes. */
export async function arrived(socket: FrameSocket, from?: Uint8Array): Promise<Uint8Array | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const frame = socket.receive();
    if (frame === undefined) await setImmediate();
    else if (from?.every((octet, index) => frame[ADDRESS_OCTETS + index] === octet) ?? true)
      return finished(frame, new DataView(socket.header.buffer));
  }
  return undefined;
}

/** Whether the frame that the socket heard last was left with work to be done. */
export function isUndone({ header }: FrameSocket): boolean {
  const view = new DataView(header.buffer);
  return (view.getUint8(0) & NEEDS_CHECKSUM) !== 0 || view.getUint8(1) !== 0;
}

function finished(frame: Uint8Array, header: DataView): Uint8Array {
  expect(header.getUint8(1), "a super-frame").toBe(0);
  if ((header.getUint8(0) & NEEDS_CHECKSUM) === 0) return frame;
  // A frame socket counts from where a frame without its outer tag would begin.
  const start = header.getUint16(6, true) + 4;
  const sum = naiveChecksum(frame.subarray(start));
  const at = start + header.getUint16(8, true);
  if (at + 2 <= frame.length)
    new DataView(frame.buffer, frame.byteOffset).setUint16(at, sum === 0 ? 0xffff : sum);
  return frame;
}
