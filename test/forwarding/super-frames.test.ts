import { expect, test } from "vitest";
import { superFramesOf } from "../../src/forwarding/ebpf/plane/super-frames.ts";

const veth = { interfaceName: "wan0", finishes: false };
const card = { interfaceName: "eth0", finishes: true };

/** TABLE: what the file says, the interface to the peer, what frames are numbered, and what comes of it. */
test.each([
  ["auto", card, "none", "whole", /^eth0 cuts them, and finishes checksums$/],
  ["auto", veth, "none", "cut", /^wan0 is virtual: /],
  ["auto", card, "all", "cut", /^sequencing: all /],
  ["auto", card, "non-ip", "whole", /^eth0 /],
  ["whole", veth, "none", "whole", /^super_frames: whole$/],
  ["whole", card, "all", "cut", /^sequencing: all /],
  ["cut", card, "none", "cut", /^super_frames: cut$/],
] as const)(
  "super_frames: %s by %j with sequencing %s: %s",
  (superFrames, route, transmitSequencing, choice, reason) => {
    const sent = superFramesOf({ transmitSequencing }, { superFrames }, route);
    expect(sent).toEqual({ choice, reason: expect.stringMatching(reason) });
  },
);
