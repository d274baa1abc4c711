import { describe, expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import { announcedFragments, OUR_MRU } from "../../src/control/fragments.ts";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import { decodeControlMessage } from "../../src/wire/message.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { called, calling, received, ringing } from "../support/set-up.ts";
import { fragmentVectors } from "../vectors/fragment-vectors.ts";

const ours = pseudowireSettings("lan", { sublayer: "default", sequencing: "all", mrru: 1522 });
const wanted = { l2SpecificSublayer: 1, dataSequencing: 2 } as const;
const announced = { ...wanted, mru: 1480, mrru: 1522 } as const;
const AT_BOTH = "set fragmentation: pseudowire at both ends, or at neither";
const limits = { mru: 1480, mrru: 1522 };

/** Notes of the one pseudowire. */
function notes({ bench }: Pick<ReturnType<typeof received>, "bench">): readonly string[] {
  return bench.lcce.snapshot().pseudowires[0]?.notes ?? [];
}

describe("RFC 4623 §5: what is announced", () => {
  test("MRU and MRRU are in ICRQ and ICRP where we put fragments together, and in nothing else", () => {
    expect(calling(ours).icrq.avps).toMatchObject({ mru: OUR_MRU, mrru: 1522 });
    expect(ringing(ours).icrp.avps).toMatchObject({ mru: OUR_MRU, mrru: 1522 });
    const { mru, mrru } = calling(lan).icrq.avps;
    expect([mru, mrru]).toEqual([undefined, undefined]);
  });

  test.each([
    ["both", { mru: 1400, mrru: 1600 }, { mru: 1400, mrru: 1600 }],
    ["nothing", {}, limits],
    ["MRU alone", { mru: 1400 }, { mru: 1400, mrru: 1522 }],
    ["E-F10: MRRU alone, which needs an MRU", { mrru: 9000 }, limits],
  ] as const)("of several messages the newest counts: %s", (_name, avps, result) => {
    expect(announcedFragments(avps, limits)).toEqual(result);
  });

  test("before anything was announced, MRU or MRRU alone are nothing", () => {
    expect(announcedFragments({ mru: 1400 }, undefined)).toBeUndefined();
    expect(announcedFragments({ mrru: 1400 }, undefined)).toBeUndefined();
  });

  test.each(fragmentVectors.messages)("$id: $title", ({ id, message_hex }) => {
    const decoded = decodeControlMessage(fromHex(message_hex), {});
    const avps: AvpValues = decoded.kind === "message" ? decoded.message.avps : {};
    const results: Readonly<Record<string, unknown>> = {
      "OM-01": { mru: 1480, mrru: 1522 },
      "OM-02": { mru: 1480, mrru: 1522 },
      "OM-04": undefined,
      "OM-11": { mru: 1400, mrru: 1522 },
      "OM-12": { mru: 1280, mrru: 1522 },
    };
    expect(announcedFragments(avps, undefined)).toEqual(results[id.slice(0, 5)]);
  });
});

describe("RFC 4623 §5.4: what a session does", () => {
  test.each([
    ["ICRQ of the peer", () => received(ours, announced)],
    ["ICRP of the peer", () => called(ours, announced)],
  ] as const)("fragments both ways after an %s with MRU and MRRU", (_name, make) => {
    const set = make();
    expect(set.bench.forwarded).toMatchObject([{ receiveMrru: 1522, transmitFragments: limits }]);
    expect(notes(set)).toEqual([]);
  });

  test.each([
    ["nothing", {}],
    ["no MRRU", { ...wanted, mru: 1480 }],
    ["no MRU", { ...wanted, mrru: 1522 }],
    ["no sublayer", { mru: 1480, mrru: 1522 }],
    ["an MRU that has no room for frames", { ...announced, mru: 30 }],
  ] as const)("a peer that announces %s gets no fragments, and the status says so", (_name, avps) => {
    const set = received(ours, avps);
    expect(set.bench.forwarded[0]).toMatchObject({ receiveMrru: 1522 });
    expect(set.bench.forwarded[0]?.transmitFragments).toBeUndefined();
    expect(notes(set).join()).toContain("the peer takes no pseudowire fragments");
    // `sublayer: none` beside `fragmentation: pseudowire` is refused by `wirespan check`.
    for (const note of notes(set)) expect(note).toContain(AT_BOTH);
  });

  test.each([
    ["all", {}, "set sublayer: none, and sequencing: none"],
    ["none", {}, "set sublayer: none"],
  ] as const)(
    "without fragments, sequencing: %s: what a sublayer is for goes with it",
    (sequencing, avps, advice) => {
      const set = received(pseudowireSettings("lan", { sublayer: "default", sequencing }), avps);
      expect(notes(set)).toEqual([expect.stringMatching(new RegExp(`garbled; ${advice}$`))]);
    },
  );

  test("a smaller MRRU of the peer is kept, and the status says what it means", () => {
    const set = received(ours, { ...announced, mrru: 1000 });
    expect(set.bench.forwarded).toMatchObject([{ transmitFragments: { mru: 1480, mrru: 1000 } }]);
    expect(notes(set)).toEqual([expect.stringContaining("1000 octets at most (its MRRU)")]);
  });

  test("without fragments of ours, those of the peer are neither taken nor sent", () => {
    const set = received(lan, announced);
    expect(set.bench.forwarded[0]).not.toHaveProperty("receiveMrru");
    expect(set.bench.forwarded[0]).not.toHaveProperty("transmitFragments");
    expect(notes(set)).toEqual([
      expect.stringMatching(/^we want sublayer "none" and the peer "default": /),
      expect.stringMatching(/^the peer puts pseudowire fragments together /),
    ]);
    for (const note of notes(set)) expect(note).toContain(AT_BOTH);
  });

  test("the ICCN may announce it; an SLI changes a session that runs, at once, also without a status", () => {
    const { bench, peer, ids } = ringing(ours, wanted);
    peer.say("ICCN", { ...ids, mru: 1400, mrru: 1522 });
    expect(bench.forwarded).toMatchObject([{ transmitFragments: { mru: 1400, mrru: 1522 } }]);
    bench.plane.length = 0;
    peer.say("SLI", { ...ids, mru: 1280, mrru: 1400 });
    expect(bench.plane).toMatchObject([
      { kind: "forwarding-update", session: { transmitFragments: { mru: 1280, mrru: 1400 } } },
    ]);
    peer.say("SLI", { ...ids, mru: 1280, mrru: 1400 });
    expect(bench.plane).toHaveLength(1);
  });
});
