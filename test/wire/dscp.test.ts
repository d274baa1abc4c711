import { expect, test } from "vitest";
import { concat, fromHex } from "../../src/bytes/hex.ts";
import { dscpNames, dscpOfFrame, trafficClassOf } from "../../src/wire/dscp.ts";

/** Code point of a frame with these octets behind its addresses. */
function dscpOf(behind: string): number {
  const frame = concat(new Uint8Array(12), fromHex(behind.replaceAll(" ", "")));
  // Octets around the frame are not its own.
  const around = concat(new Uint8Array(3).fill(0xff), frame, new Uint8Array(8).fill(0xff));
  return dscpOfFrame(new DataView(around.buffer), 3, frame.length);
}

test.each([
  ["IPv4", "0800 45b8", 46],
  ["IPv4 with ECN", "0800 45bb", 46],
  ["IPv4 with the highest", "0800 45ff", 63],
  ["IPv6", "86dd 6b80", 46],
  ["IPv6 with ECN and a flow label", "86dd 6bbf", 46],
  ["IPv6 with the highest", "86dd 6fff", 63],
  ["IPv4 behind a tag", "8100006f 0800 4588", 34],
  ["IPv6 behind two tags", "88a800c8 8100006f 86dd 6600", 24],
  ["IPv4 behind three tags", "88a800c8 8100006f 81000001 0800 45b8", 0],
  ["ARP", "0806 ffff", 0],
  ["a length", "0026 ffff", 0],
  ["truncated IPv4", "0800 45", 0],
  ["a truncated EtherType", "8100006f 08", 0],
  ["a bare header", "0800", 0],
] as const)("%s", (_, behind, dscp) => {
  expect(dscpOf(behind)).toBe(dscp);
});

test("code points have their names, and leave ECN alone", () => {
  const { ef, af41, cs6, va, le } = dscpNames;
  expect([ef, af41, cs6, va, le].map(trafficClassOf)).toEqual([0xb8, 0x88, 0xc0, 0xb0, 0x04]);
  for (const [name, dscp] of Object.entries(dscpNames)) {
    const [, kind, first, second] = /^(cs|af)(\d)(\d)?$/.exec(name) ?? [];
    if (kind === "cs") expect(dscp).toBe(8 * Number(first));
    if (kind === "af") expect(dscp).toBe(8 * Number(first) + 2 * Number(second));
  }
});
