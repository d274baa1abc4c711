import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import type { FrameSocket } from "../../src/lab/frame-socket.ts";
import { addressOf, linux, setsockopt, write } from "../../src/os/libc.ts";
import { openPacketSocket, VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { naiveChecksum } from "./internet-checksum.ts";

/**
 * How a host sends frames with offloads that are deferred to a device, and how frames are received finished.
 */

const MOST_TRIES = 20_000;
const NEEDS_CHECKSUM = 1;
const ADDRESS_OCTETS = 6;
/** The values of struct virtio_net_hdr's gso_type. */
const gsoTypes = { tcp4: 1, tcp6: 4, udp4: 5, udp6: 5 } as const;

/**
 * What is left to a device: the checksum of all from `start` on, at `offset` from there on; and segmentation
 * (GSO).
 */
export interface DeferredOffloads {
  readonly start: number;
  readonly offset: number;
  readonly gso?: {
    readonly kind: keyof typeof gsoTypes;
    readonly headerOctets: number;
    readonly segmentOctets: number;
  };
}

/**
 * A socket for `sendFrame`, whose frames take the path of all that a host sends: queues, and programs at the
 * interface's egress.
 */
export function openHostSocket(interfaceName: string): number {
  const fd = openPacketSocket(interfaceName);
  const off = new Uint8Array(4);
  expect(setsockopt(fd, linux.SOL_PACKET, linux.PACKET_QDISC_BYPASS, addressOf(off), off.length)).toBe(0);
  return fd;
}

/** Sends a frame behind a virtio-net header that says what is left to the device. */
export function sendFrame(fd: number, frame: Uint8Array, deferred?: DeferredOffloads): void {
  const header = new Uint8Array(VNET_HEADER_OCTETS);
  const view = new DataView(header.buffer);
  if (deferred !== undefined) {
    view.setUint8(0, NEEDS_CHECKSUM);
    view.setUint16(6, deferred.start, true);
    view.setUint16(8, deferred.offset, true);
  }
  if (deferred?.gso !== undefined) {
    view.setUint8(1, gsoTypes[deferred.gso.kind]);
    view.setUint16(2, deferred.gso.headerOctets, true);
    view.setUint16(4, deferred.gso.segmentOctets, true);
  }
  const octets = concat(header, frame);
  expect(write(fd, addressOf(octets), octets.length)).toBe(octets.length);
}

/**
 * The next frame, of the source `from` if it is given, with a partial checksum completed; undefined if none
 * comes.
 */
export async function arrived(socket: FrameSocket, from?: Uint8Array): Promise<Uint8Array | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const frame = socket.receive();
    if (frame === undefined) await setImmediate();
    else if (from?.every((octet, index) => frame[ADDRESS_OCTETS + index] === octet) ?? true)
      return finished(frame, new DataView(socket.header.buffer));
  }
  return undefined;
}

/** Whether the last frame of the socket has a partial checksum, or is a GSO packet. */
export function isUnfinished({ header }: FrameSocket): boolean {
  const view = new DataView(header.buffer);
  return (view.getUint8(0) & NEEDS_CHECKSUM) !== 0 || view.getUint8(1) !== 0;
}

function finished(frame: Uint8Array, header: DataView): Uint8Array {
  expect(header.getUint8(1), "a GSO packet").toBe(0);
  if ((header.getUint8(0) & NEEDS_CHECKSUM) === 0) return frame;
  const start = header.getUint16(6, true);
  const sum = naiveChecksum(frame.subarray(start));
  const at = start + header.getUint16(8, true);
  if (at + 2 <= frame.length)
    new DataView(frame.buffer, frame.byteOffset).setUint16(at, sum === 0 ? 0xffff : sum);
  return frame;
}
