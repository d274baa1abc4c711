import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import { clampMss, type MssClamp, mssClampOf } from "../../src/forwarding/mss.ts";
import { leastOf } from "../support/effort.ts";
import { type PacketShape, packetOf, unfinished } from "../support/packets.ts";
import { assertProperty } from "../support/seeds.ts";
import {
  anyClamp,
  anySyn,
  clampedFrame,
  clampedShape,
  isOdd,
  mssOption,
  synShape,
} from "../support/syn-frames.ts";
import { mssVectors } from "../vectors/mss-vectors.ts";

const SEED = 20_270;

/** What the clamp makes of a frame, at any offset of the memory, and whether it says that it changed it. */
function clamped(frame: Uint8Array, clamp: MssClamp, partialChecksum?: number): readonly [string, boolean] {
  const start = 3;
  const memory = concat(new Uint8Array(start).fill(0x81), frame, new Uint8Array(80).fill(0x81));
  const partial = partialChecksum === undefined ? undefined : start + partialChecksum;
  const changed = clampMss(new DataView(memory.buffer), start, frame.length, clamp, partial);
  expect(toHex(memory.subarray(0, start))).toBe("818181");
  expect(memory.subarray(start + frame.length).every((octet) => octet === 0x81)).toBe(true);
  return [toHex(memory.subarray(start, start + frame.length)), changed];
}

describe("RFC 9293 §3.7.1: the MSS clamp", () => {
  test.each(mssVectors)("$id $title", ({ l3_mtu: mtu, in_hex, out_hex, changed }) => {
    expect(clamped(fromHex(in_hex), { mtu, frameOctets: 0xffff })).toEqual([out_hex, changed]);
  });

  test.each(mssVectors)("$id $title, by the length of frames", ({ l3_mtu, in_hex, out_hex, changed }) => {
    const tags = [...in_hex.matchAll(/8100006[f4]|8100|88a8/g)].length;
    const isTagged = in_hex.slice(24, 28) === "8100" || in_hex.slice(24, 28) === "88a8";
    const frameOctets = l3_mtu + 14 + (isTagged ? 4 * tags : 0);
    expect(clamped(fromHex(in_hex), { mtu: 9000, frameOctets })).toEqual([out_hex, changed]);
  });

  test("gives the frame that is made anew with the lower MSS, whatever options it has", () => {
    let [changes, odd] = [0, 0];
    assertProperty(
      fc.property(anySyn, anyClamp, (shape, clamp) => {
        const expected = clampedShape(shape, clamp);
        expect(clamped(packetOf(shape).frame, clamp)).toEqual([
          toHex(clampedFrame(shape, clamp)),
          expected !== undefined,
        ]);
        if (expected !== undefined) changes += 1;
        if (isOdd(shape, clamp)) odd += 1;
      }),
      { seed: SEED, runs: 5000 },
    );
    expect(changes).toBeGreaterThan(leastOf(500));
    expect(odd).toBeGreaterThan(leastOf(100));
  });

  test("is done once: a clamped frame stays as it is", () => {
    assertProperty(
      fc.property(anySyn, anyClamp, (shape, clamp) => {
        const frame = clampedFrame(shape, clamp);
        expect(clamped(frame, clamp)).toEqual([toHex(frame), false]);
      }),
      { seed: SEED + 1, runs: 1000 },
    );
  });

  test("leaves a partial checksum as it is, which covers no more than the pseudo header", () => {
    assertProperty(
      fc.property(anySyn, anyClamp, (shape, clamp) => {
        const { frame, checksumStart } = unfinished(shape);
        const expected = clampedShape(shape, clamp);
        const after = unfinished(expected ?? shape).frame;
        expect(clamped(frame, clamp, checksumStart)).toEqual([toHex(after), expected !== undefined]);
      }),
      { seed: SEED + 2, runs: 1000 },
    );
  });

  test("updates a complete checksum of a frame that has a partial one elsewhere", () => {
    const clamp = { mtu: 1400, frameOctets: 0xffff };
    const { frame, transport } = packetOf(synShape());
    expect(clamped(frame, clamp, transport + 8)).toEqual([toHex(clampedFrame(synShape(), clamp)), true]);
  });

  test("never touches a frame that ends before its TCP header does", () => {
    const clamp = { mtu: 1400, frameOctets: 0xffff };
    const shapes: readonly PacketShape[] = [
      synShape({ tcpOptions: concat(fromHex("0101"), mssOption(1460), fromHex("0101")) }),
      synShape({ version: 6, tags: ["88a800c8", "8100006f"], extensionOctets: 8 }),
    ];
    for (const shape of shapes) {
      const { frame, transport } = packetOf(shape);
      expect(clamped(frame, clamp)[1]).toBe(true);
      const whole = transport + 20 + shape.tcpOptions.length;
      for (let length = 0; length < whole; length += 1) {
        const cut = frame.subarray(0, length);
        expect(clamped(cut, clamp), `${length} octets`).toEqual([toHex(cut), false]);
      }
    }
  });

  test("touches first fragments of IPv4, and no later ones", () => {
    const clamp = { mtu: 1400, frameOctets: 0xffff };
    const { frame, network } = packetOf(synShape());
    const fragment = (bits: number) => {
      const octets = frame.slice();
      new DataView(octets.buffer).setUint16(network + 6, bits);
      return clamped(octets, clamp)[1];
    };
    expect([0, 0x2000, 0x4000, 1, 0x2001, 0x1fff].map(fragment)).toEqual([
      ...[true, true, true, false, false, false],
    ]);
  });

  test("does not look behind bad versions and header lengths", () => {
    const clamp = { mtu: 1400, frameOctets: 0xffff };
    for (const version of [4, 6] as const) {
      const { frame, network } = packetOf(synShape({ version }));
      for (const first of [0x00, 0x35, 0x44, 0x55, 0x40, 0x75]) {
        const octets = frame.slice();
        octets[network] = first;
        expect(clamped(octets, clamp), `first octet ${first}`).toEqual([toHex(octets), false]);
      }
    }
  });
});

describe("to what the MSS is lowered", () => {
  const port = { mtu: 1500, wholeFrameOctets: 1452 } as const;

  test.each([
    ["off", {}, undefined],
    ["auto", {}, { mtu: 1500, frameOctets: 1452 }],
    ["auto, the path unknown", { wholeFrameOctets: undefined }, { mtu: 1500, frameOctets: 0xffff }],
    ["a number, whatever the path", {}, { mtu: 1240, frameOctets: 0xffff }],
  ] as const)("%s", (name, changes, expected) => {
    const mssClamp = name.startsWith("auto") ? "auto" : name === "off" ? name : 1200;
    const { wholeFrameOctets, ...others } = { ...port, ...changes };
    const attachment = wholeFrameOctets === undefined ? others : { ...others, wholeFrameOctets };
    expect(mssClampOf({ ...attachment, mssClamp })).toEqual(expected);
  });

  test("without a word about it nothing is lowered", () => {
    expect(mssClampOf(port)).toBeUndefined();
  });
});
