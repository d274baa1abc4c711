import { closeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { everyOption } from "../../src/forwarding/ebpf/programs/options.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { openPacketSocket } from "../../src/os/sockets.ts";
import { arrived, isUnfinished, openHostSocket, sendFrame } from "../support/deferred-offloads.ts";
import { nameOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { padded } from "../support/frames.ts";
import { needBpf } from "../support/namespace.ts";
import { gsoFrames, type OffloadFrame, partialChecksumFrames } from "../support/partial-checksums.ts";

/**
 * Partial checksums, wherever in the frame they are, in both directions: the host at the other end gets them
 * completed; and where GSO packets are segmented before they leave, nothing that a device
 * would have to finish is ever seen on the network, which here would take it.
 */

const OWN_TAG = "8100a06f";

let sites: EbpfSites;
beforeAll(async () => {
  needBpf();
  sites = await EbpfSites.make();
  await sites.silence();
});
afterAll(() => sites?.[Symbol.asyncDispose]());

const kinds = everyOption().filter(
  ({ cookieOctets, sublayer, sequencing }) => cookieOctets === 4 && sublayer === (sequencing === "all"),
);
const passages = kinds.flatMap((options): readonly Passage[] => {
  const firsts = options.vlan === "vlan" ? (["site"] as const) : (["site", "host"] as const);
  const segments = options.sequencing === "all" ? [true] : [true, false];
  return firsts.flatMap((first) => segments.map((segment) => ({ options, segment, first, offloads: true })));
});

const nameOfPassage = ({ options, segment, first }: Passage) =>
  [
    nameOf(options),
    first === "host" ? "from the host itself" : "from a host",
    ...(segment ? ["segmented"] : []),
  ].join(", ");

/**
 * One direction: where a host sends frames, where they cross the network, and where they arrive.
 */
interface Direction {
  readonly from: readonly ["siteA" | "siteB" | "middle", string];
  readonly network: string;
  readonly to: readonly ["siteA" | "siteB" | "middle", string];
}

function directionsOf({ first }: Passage): readonly Direction[] {
  const a = first === "host" ? (["middle", "pw0"] as const) : (["siteA", "siteA"] as const);
  const b = ["siteB", "siteB"] as const;
  return [
    { from: a, network: "wanB", to: b },
    { from: b, network: "wanA", to: a },
  ];
}

describe.each(passages.map((passage) => [nameOfPassage(passage), passage] as const))("%s", (_, passage) => {
  const tags = passage.options.vlan === "vlan" ? [OWN_TAG] : [];

  const expectAll = async (direction: Direction, frames: readonly OffloadFrame[]) => {
    using opened = await sites.open(passage);
    // What sites send by a plain packet socket comes by no program that would tag it.
    const open = direction.from[1] === "pw0" ? openHostSocket : openPacketSocket;
    const host = sites.inside(direction.from[0], () => open(direction.from[1]));
    const network = sites.inside("middle", () => new FrameSocket(direction.network));
    const peer = sites.inside(direction.to[0], () => new FrameSocket(direction.to[1]));
    const why = () => JSON.stringify(opened.counted().map(({ discards }) => discards));
    try {
      for (const { name, frame, deferred, expected } of frames) {
        sendFrame(host, frame, deferred);
        for (const each of expected) {
          const got = await arrived(peer);
          expect(got === undefined ? "nothing" : toHex(got), `${name}: ${why()}`).toBe(toHex(padded(each)));
        }
        for (let seen = 0; network.receive() !== undefined; seen += 1)
          expect(
            passage.segment && isUnfinished(network),
            `${name}: packet ${seen} on the network is unfinished`,
          ).toBe(false);
      }
    } finally {
      for (const fd of [host, network.fd, peer.fd]) closeSync(fd);
    }
  };

  test.each(directionsOf(passage))("from $from to $to", async (direction) => {
    await expectAll(direction, partialChecksumFrames(tags));
    await expectAll(direction, gsoFrames(tags));
  });
});
