import { closeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { everyOption } from "../../src/forwarding/ebpf/programs/options.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { openPacketSocket } from "../../src/os/sockets.ts";
import { nameOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { padded } from "../support/frames.ts";
import { arrived, handOver, isUndone, openHostSocket } from "../support/handing-over.ts";
import { type LeftFrame, leftChecksums, leftCutting } from "../support/left-checksums.ts";
import { needBpf } from "../support/namespace.ts";

/**
 * Checksums that hosts leave to a device, wherever in the frame they are, in both directions: the host at the
 * other end has them right; and where GSO packets are segmented before they leave, nothing that a device
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
  const cuts = options.sequencing === "all" ? [true] : [true, false];
  return firsts.flatMap((first) => cuts.map((segment) => ({ options, segment, first, offloads: true })));
});

const nameOfPassage = ({ options, segment, first }: Passage) =>
  [
    nameOf(options),
    first === "host" ? "from the host itself" : "from a host",
    ...(segment ? ["segmented"] : []),
  ].join(", ");

/**
 * One way through it: where a host hands frames over, where they leave for the network, and where they
 * arrive.
 */
interface Way {
  readonly from: readonly ["siteA" | "siteB" | "middle", string];
  readonly network: string;
  readonly to: readonly ["siteA" | "siteB" | "middle", string];
}

function waysOf({ first }: Passage): readonly Way[] {
  const a = first === "host" ? (["middle", "pw0"] as const) : (["siteA", "siteA"] as const);
  const b = ["siteB", "siteB"] as const;
  return [
    { from: a, network: "far", to: b },
    { from: b, network: "near", to: a },
  ];
}

describe.each(passages.map((passage) => [nameOfPassage(passage), passage] as const))("%s", (_, passage) => {
  const tags = passage.options.vlan === "vlan" ? [OWN_TAG] : [];

  const expectAll = async (way: Way, frames: readonly LeftFrame[]) => {
    using opened = await sites.open(passage);
    // What sites send by a plain packet socket comes by no program that would tag it.
    const open = way.from[1] === "pw0" ? openHostSocket : openPacketSocket;
    const host = sites.inside(way.from[0], () => open(way.from[1]));
    const network = sites.inside("middle", () => new FrameSocket(way.network));
    const peer = sites.inside(way.to[0], () => new FrameSocket(way.to[1]));
    const why = () => JSON.stringify(opened.counted().map(({ discards }) => discards));
    try {
      for (const { name, frame, left, expected } of frames) {
        handOver(host, frame, left);
        for (const each of expected) {
          const got = await arrived(peer);
          expect(got === undefined ? "nothing" : toHex(got), `${name}: ${why()}`).toBe(toHex(padded(each)));
        }
        for (let seen = 0; network.receive() !== undefined; seen += 1)
          expect(
            passage.segment && isUndone(network),
            `${name}: packet ${seen} on the network is undone`,
          ).toBe(false);
      }
    } finally {
      for (const fd of [host, network.fd, peer.fd]) closeSync(fd);
    }
  };

  test.each(waysOf(passage))("from $from to $to", async (way) => {
    await expectAll(way, leftChecksums(tags));
    await expectAll(way, leftCutting(tags));
  });
});
