import { expect, test } from "vitest";
import { gsoHandling } from "../../../../src/forwarding/ebpf/plane/gso.ts";

const veth = { interfaceName: "wan0", completesOffloads: false };
const card = { interfaceName: "eth0", completesOffloads: true };

/** TABLE: what the file says, the interface to the peer, what frames are numbered, and what comes of it. */
test.each([
  ["auto", card, "none", "offload", /^eth0 segments them and finishes checksums$/],
  ["auto", veth, "none", "segment", /^wan0 is virtual: /],
  ["auto", card, "all", "segment", /^sequencing: all /],
  ["auto", card, "non-ip", "offload", /^eth0 /],
  ["offload", veth, "none", "offload", /^the configuration asks for it$/],
  ["offload", card, "all", "segment", /^sequencing: all /],
  ["segment", card, "none", "segment", /^the configuration asks for it$/],
] as const)("gso: %s by %j with sequencing %s: %s", (gso, route, transmitSequencing, choice, reason) => {
  const sent = gsoHandling({ transmitSequencing }, { gso }, route);
  expect(sent).toEqual({ choice, reason: expect.stringMatching(reason) });
});
