import { closeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { everyOption } from "../../src/forwarding/ebpf/programs/options.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { openPacketSocket } from "../../src/os/sockets.ts";
import { arrived, sendFrame } from "../support/deferred-offloads.ts";
import { nameOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { padded } from "../support/frames.ts";
import { needBpf } from "../support/namespace.ts";
import { naiveSegments, type PacketShape, packetOf, plainPacket, unfinished } from "../support/packets.ts";

/**
 * What hosts leave to a device that their packets may never reach: the checksum of a packet of any length,
 * and the segmentation of GSO packets of UDP. Whatever of both the devices on the way take, site B gets each
 * packet, and with the checksum that it left to be made.
 */

const SEGMENT_OCTETS = 1200;
const TAGS = ["8100a06f", "810000c8", "88a800c8"] as const;

let sites: EbpfSites;
beforeAll(async () => {
  needBpf();
  sites = await EbpfSites.make();
  await sites.silence();
});
afterAll(() => sites?.[Symbol.asyncDispose]());

/** TABLE: whether the network's devices, and the circuits', take GSO packets and unfinished checksums. */
const offloads = [true, false].flatMap((network) =>
  [true, false].map((circuit) => ({ offloads: network, circuitOffloads: circuit })),
);
const kinds = everyOption().filter(({ cookieOctets, sublayer }) => cookieOctets === 4 && !sublayer);
const passages = kinds.flatMap((options): readonly Passage[] => [
  ...offloads.map((each) => ({ options, segment: false, first: "site", ...each }) as const),
  { options, segment: true, first: "site", offloads: true },
]);

/**
 * Sends a packet as a host does: finished, with a partial checksum, or as a GSO packet.
 */
function send(fd: number, shape: PacketShape, deferred: "nothing" | "checksum" | "gso"): void {
  const { frame, checksumStart: start, checksumOffset: offset } = unfinished(shape);
  const kind = `${shape.transport}${shape.version}` as const;
  const gso = { kind, headerOctets: start + 8, segmentOctets: SEGMENT_OCTETS };
  if (deferred === "nothing") sendFrame(fd, packetOf(shape).frame);
  else sendFrame(fd, frame, { start, offset, ...(deferred === "gso" ? { gso } : {}) });
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

const nameOfPassage = ({ options, segment, offloads, circuitOffloads }: Passage) =>
  [
    `${nameOf(options)}${segment ? ", segmented" : ""}, network ${offloads ? "takes" : "does not take"}`,
    `circuits ${circuitOffloads === true ? "take" : "do not take"} work`,
  ].join(", ");

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
          for (const deferred of ["checksum", "nothing"] as const) {
            const payload = Uint8Array.from({ length: octets }, (_, index) => 7 * index + octets);
            const sent = { ...shape, payload };
            send(host, sent, deferred);
            const got = await arrived(socket);
            const name = `${octets} octets of ${JSON.stringify(shape)}, ${deferred} deferred: ${why()}`;
            expect(got === undefined ? "nothing" : toHex(got), name).toBe(
              toHex(padded(packetOf(sent).frame)),
            );
          }
    }));

  test("GSO packets of UDP, as the datagrams that they stand for", () =>
    check(async (host, socket, why) => {
      for (const shape of shapesOf(passage, ["udp"])) {
        const payload = Uint8Array.from({ length: 9 * SEGMENT_OCTETS + 5 }, (_, index) => 7 * index);
        const sent = { ...shape, payload };
        send(host, sent, "gso");
        for (const segment of naiveSegments(sent, SEGMENT_OCTETS)) {
          const got = await arrived(socket);
          expect(got === undefined ? "nothing" : toHex(got), `${JSON.stringify(shape)}: ${why()}`).toBe(
            toHex(padded(segment)),
          );
        }
      }
    }));
});
