import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concat, toHex } from "../../src/bytes/hex.ts";
import { everyOption } from "../../src/forwarding/ebpf/options.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { addressOf, write } from "../../src/os/libc.ts";
import { openPacketSocket, VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { nameOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { padded } from "../support/frames.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { needBpf } from "../support/namespace.ts";
import { naiveSegments, type PacketShape, packetOf, plainPacket, unfinished } from "../support/packets.ts";

/**
 * What hosts leave to a device that their packets may never reach: the checksum of a packet of any length, and the cutting of super-frames
 * of UDP. Whatever of both the devices on the way take, site B gets each packet, and with the checksum that it left to be made.
 */

const MOST_TRIES = 20_000;
const SEGMENT_OCTETS = 1200;
const NEEDS_CHECKSUM = 1;
const GSO_UDP = 5;
const TAGS = ["8100a06f", "810000c8", "88a800c8"] as const;

let sites: EbpfSites;
beforeAll(async () => {
  needBpf();
  sites = await EbpfSites.make();
  await sites.silence();
});
afterAll(() => sites?.[Symbol.asyncDispose]());

/** TABLE: whether the network's devices, and the circuits', take super-frames and unfinished checksums. */
const offloads = [true, false].flatMap((network) =>
  [true, false].map((circuit) => ({ offloads: network, circuitOffloads: circuit })),
);
const kinds = everyOption().filter(({ cookieOctets, sublayer }) => cookieOctets === 4 && !sublayer);
const passages = kinds.flatMap((options): readonly Passage[] => [
  ...offloads.map((each) => ({ options, cut: false, first: "site", ...each }) as const),
  { options, cut: true, first: "site", offloads: true },
]);

/** How a host hands a packet over: finished, or with an unfinished checksum, cut into segments or not. */
function handOver(fd: number, shape: PacketShape, left: "nothing" | "checksum" | "cutting"): void {
  const { frame, checksumStart, checksumOffset } = unfinished(shape);
  const header = new Uint8Array(VNET_HEADER_OCTETS);
  const view = new DataView(header.buffer);
  if (left !== "nothing") {
    view.setUint8(0, NEEDS_CHECKSUM);
    view.setUint16(6, checksumStart, true);
    view.setUint16(8, checksumOffset, true);
  }
  if (left === "cutting") {
    view.setUint8(1, GSO_UDP);
    view.setUint16(2, checksumStart + 8, true);
    view.setUint16(4, SEGMENT_OCTETS, true);
  }
  const octets = concat(header, left === "nothing" ? packetOf(shape).frame : frame);
  expect(write(fd, addressOf(octets), octets.length)).toBe(octets.length);
}

/** The next frame at site B, its checksum made where the header leaves that to be done; undefined if none comes. */
async function arrived(socket: FrameSocket): Promise<Uint8Array | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const frame = socket.receive();
    if (frame !== undefined) return finished(frame, new DataView(socket.header.buffer));
    await setImmediate();
  }
  return undefined;
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

function tagsOf(passage: Passage): readonly (readonly string[])[] {
  const [own, customer, service] = TAGS;
  return passage.options.vlan === "vlan" ? [[own], [own, customer]] : [[], [customer], [service]];
}

const shapesOf = (
  passage: Passage,
  transports: readonly PacketShape["transport"][],
): readonly PacketShape[] =>
  tagsOf(passage).flatMap((tags) =>
    ([4, 6] as const).flatMap((version) =>
      transports.map((transport) => ({ ...plainPacket, tags, version, transport })),
    ),
  );

const nameOfPassage = ({ options, cut, offloads, circuitOffloads }: Passage) =>
  `${nameOf(options)}${cut ? ", cut" : ""}, network ${offloads ? "takes" : "does not take"}, circuits ${circuitOffloads === true ? "take" : "do not take"} work`;

describe.each(passages.map((passage) => [nameOfPassage(passage), passage] as const))("%s", (_, passage) => {
  const check = async (act: (host: number, socket: FrameSocket, why: () => string) => Promise<void>) => {
    using opened = await sites.open(passage);
    const host = sites.inside("siteA", () => openPacketSocket("siteA"));
    const socket = sites.inside("siteB", () => new FrameSocket("siteB"));
    try {
      await act(host, socket, () => JSON.stringify(opened.counted().map(({ discards }) => discards)));
    } finally {
      for (const fd of [host, socket.fd]) closeSync(fd);
    }
  };

  test("packets of 0 to 64 octets of payload", () =>
    check(async (host, socket, why) => {
      for (const shape of shapesOf(passage, ["udp", "tcp"]))
        for (let octets = 0; octets <= 64; octets += 1)
          for (const left of ["checksum", "nothing"] as const) {
            const payload = Uint8Array.from({ length: octets }, (_, index) => 7 * index + octets);
            const sent = { ...shape, payload };
            handOver(host, sent, left);
            const got = await arrived(socket);
            const name = `${octets} octets of ${JSON.stringify(shape)}, ${left} left: ${why()}`;
            expect(got === undefined ? "nothing" : toHex(got), name).toBe(
              toHex(padded(packetOf(sent).frame)),
            );
          }
    }));

  test("super-frames of UDP, as the datagrams that they stand for", () =>
    check(async (host, socket, why) => {
      for (const shape of shapesOf(passage, ["udp"])) {
        const payload = Uint8Array.from({ length: 9 * SEGMENT_OCTETS + 5 }, (_, index) => 7 * index);
        const sent = { ...shape, payload };
        handOver(host, sent, "cutting");
        for (const segment of naiveSegments(sent, SEGMENT_OCTETS)) {
          const got = await arrived(socket);
          expect(got === undefined ? "nothing" : toHex(got), `${JSON.stringify(shape)}: ${why()}`).toBe(
            toHex(padded(segment)),
          );
        }
      }
    }));
});
