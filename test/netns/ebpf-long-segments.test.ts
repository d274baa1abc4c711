import { closeSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { everyOption, headerOffsets } from "../../src/forwarding/ebpf/programs/options.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { openPacketSocket } from "../../src/os/sockets.ts";
import { arrived, sendFrame } from "../support/deferred-offloads.ts";
import { nameOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { needBpf } from "../support/namespace.ts";
import { naiveSegments, type PacketShape, plainPacket, unfinished } from "../support/packets.ts";

/**
 * GSO packets whose segments are too long, but for the last one, which is shorter: it arrives, and each of
 * the others is a discard of the end and the reason that it is too long for.
 */

const SEGMENT_OCTETS = 1200;
const LONG_SEGMENTS = 4;
const LIMIT = 1000;
const payload = Uint8Array.from({ length: LONG_SEGMENTS * SEGMENT_OCTETS + 500 }, (_, index) => 7 * index);
const HEADER_OCTETS = { tcp: 20, udp: 8 } as const;

let sites: EbpfSites;
beforeAll(async () => {
  needBpf();
  sites = await EbpfSites.make();
  await sites.silence();
});
afterEach(() => sites?.exec("ip", "link", "set", "circuitB", "mtu", "1500"));
afterAll(() => sites?.[Symbol.asyncDispose]());

const kinds = everyOption().filter(({ cookieOctets, sublayer }) => cookieOctets === 4 && !sublayer);
/** TABLE: what takes less than the long segments, the end that discards them, and its reason. */
const limits = [
  ["the pseudowire", 0, "oversize"],
  ["the path", 0, "path-mtu"],
  ["the far circuit", 1, "circuit-error"],
] as const;
type Limited = (typeof limits)[number][0];

/** A passage with this limit, whose devices take GSO packets or not. */
function passageOf(options: Passage["options"], limited: Limited, offloads: boolean): Passage {
  const packetOctets = headerOffsets(options).frame + 22 + LIMIT;
  return {
    ...{ options, segment: false, first: "site", offloads },
    ...(limited === "the pseudowire" ? { circuits: { mtu: LIMIT } } : {}),
    ...(limited === "the path" ? { changes: { packetOctets } } : {}),
  };
}

describe.each(limits)("segments longer than %s takes", (limited, end, reason) => {
  test.each(
    kinds.flatMap((options) =>
      [true, false].map((offloads) => [nameOf(options), offloads, options] as const),
    ),
  )(
    "%s, devices take GSO packets: %s: each is counted, and a shorter last one arrives",
    async (_, offloads, options) => {
      if (limited === "the far circuit") await sites.exec("ip", "link", "set", "circuitB", "mtu", `${LIMIT}`);
      const tags = options.vlan === "vlan" ? ["8100a06f"] : [];
      const shapes = ([4, 6] as const).flatMap((version) =>
        (["udp", "tcp"] as const).map(
          (transport): PacketShape => ({ ...plainPacket, tags, version, transport, payload }),
        ),
      );
      using opened = await sites.open(passageOf(options, limited, offloads));
      const host = sites.inside("siteA", () => openPacketSocket("siteA"));
      const socket = sites.inside("siteB", () => new FrameSocket("siteB"));
      try {
        for (const [index, shape] of shapes.entries()) {
          const { frame, checksumStart: start, checksumOffset: offset } = unfinished(shape);
          const { transport, version } = shape;
          const headerOctets = start + HEADER_OCTETS[transport];
          const gso = {
            kind: `${transport}${version}`,
            headerOctets,
            segmentOctets: SEGMENT_OCTETS,
          } as const;
          sendFrame(host, frame, { start, offset, gso });
          const got = await arrived(socket);
          const what = `${transport} over IPv${version}: ${JSON.stringify(opened.counted())}`;
          expect(got === undefined ? "nothing" : toHex(got), what).toBe(
            toHex(naiveSegments(shape, SEGMENT_OCTETS)[LONG_SEGMENTS] ?? new Uint8Array(0)),
          );
          const discards = opened.counted().map((counters) => counters.discards);
          const expected = [{}, {}];
          expected[end] = { [reason]: LONG_SEGMENTS * (index + 1) };
          expect(discards, what).toEqual(expected);
        }
      } finally {
        for (const fd of [host, socket.fd]) closeSync(fd);
      }
    },
  );
});
