import { describe, expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import { agreedVccv, vccvRefusal } from "../../src/control/vccv.ts";
import { avpTable } from "../../src/wire/avp-table.ts";
import { decodeControlMessage } from "../../src/wire/message.ts";
import { generalError, RESULT_GENERAL_ERROR } from "../../src/wire/result-codes.ts";
import { avpTitle, valueText } from "../../src/wire/value-text.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { circuitStatus } from "../support/scripted-peer.ts";
import { answered, called, calling, received, request, ringing } from "../support/set-up.ts";
import { vccvVectors } from "../vectors/vccv-vectors.ts";

const ours = pseudowireSettings("lan", { sublayer: "default", vccv: "echo" });
const silent = pseudowireSettings("lan", { sublayer: "default", vccv: "off" });
const offer = { controlChannelTypes: 1, connectivityVerificationTypes: 1 };
const capability = (channels: number, checks: number) => ({
  controlChannelTypes: channels,
  connectivityVerificationTypes: checks,
});
const offered = { l2SpecificSublayer: 1, vccvCapability: offer } as const;
const agreed = { vccvControlChannel: "l2-specific-sublayer", vccvEcho: true };

describe("RFC 5085 §6.3: what is offered", () => {
  test("the VCCV Capability AVP is in ICRQ and ICRP, once and not in the ICCN", () => {
    expect(calling(ours).icrq.avps).toMatchObject(offered);
    expect(ringing(ours).icrp.avps).toMatchObject(offered);
    expect(called(ours, offered).iccn.avps).not.toHaveProperty("vccvCapability");
  });

  test.each([
    ["vccv: off", silent],
    ["no sublayer", lan],
    ["no sublayer, though it is wanted", pseudowireSettings("lan", { sublayer: "none", vccv: "echo" })],
  ])("with %s there is no such AVP", (_name, settings) => {
    expect(calling(settings).icrq.avps).not.toHaveProperty("vccvCapability");
    expect(ringing(settings).icrp.avps).not.toHaveProperty("vccvCapability");
  });

  test("the AVP is not mandatory", () => {
    expect(avpTable.vccvCapability).toMatchObject({ attributeType: 96, mandatory: false, hideable: true });
  });

  test.each(vccvVectors.capability)("$id: $note", ({ avp_hex, cc_types, cv_types }) => {
    const value = fromHex(avp_hex).subarray(6);
    expect(avpTable.vccvCapability.value.decode(value)).toEqual(capability(cc_types, cv_types));
  });
});

describe("RFC 5085 §4: what both sent may be used", () => {
  test.each(vccvVectors.selection)(
    "$id: $note",
    ({ sent, received: theirs, peer_sublayer, outcome, ping }) => {
      const avps = {
        ...(peer_sublayer === null ? {} : { l2SpecificSublayer: peer_sublayer }),
        ...(theirs === null ? {} : { vccvCapability: capability(...theirs) }),
      };
      expect(vccvRefusal(avps) !== undefined).toBe(outcome === "cdn");
      if (outcome === "cdn") return;
      const settings = sent === null ? silent : ours;
      const result = agreedVccv(settings, {
        sublayer: "default",
        ...(theirs === null ? {} : { vccv: capability(...theirs) }),
      });
      // We offer ping alone: of what the vector's end has of BFD, the ping is the part that is ours.
      const channel = outcome === "vccv" ? { vccvControlChannel: "l2-specific-sublayer" } : {};
      expect(result).toEqual({ ...channel, ...(ping ? { vccvEcho: true } : {}) });
    },
  );

  test.each([
    ["ICRQ of the peer", () => received(ours, offered)],
    ["ICRP of the peer", () => called(ours, offered)],
  ] as const)("after an %s that offers it, the session has the channel and ICMP echo", (_name, make) => {
    const { bench } = make();
    expect(bench.forwarded).toMatchObject([agreed]);
    expect(bench.lcce.snapshot().pseudowires[0]?.session).toMatchObject(agreed);
  });

  test.each([
    ["is silent", {}],
    ["has no channel type in common", { vccvCapability: capability(2, 0x11) }],
    ["declines", { vccvCapability: capability(0, 0) }],
  ] as const)("a peer that %s gets a session without channel", (_name, avps) => {
    for (const make of [received, called]) {
      const { bench } = make(ours, { l2SpecificSublayer: 1, ...avps });
      expect(bench.forwarded).toHaveLength(1);
      expect(bench.forwarded[0]).not.toHaveProperty("vccvControlChannel");
      expect(bench.forwarded[0]).not.toHaveProperty("vccvEcho");
    }
  });

  test("what the peer offers and we do not is not agreed on", () => {
    const { bench } = received(silent, offered);
    expect(bench.forwarded[0]).not.toHaveProperty("vccvControlChannel");
  });

  test("what comes in the ICCN changes nothing: it holds for the life of the session", () => {
    const { bench, peer, ids } = ringing(ours, { l2SpecificSublayer: 1 });
    peer.say("ICCN", { ...ids, ...offered });
    expect(bench.forwarded[0]).not.toHaveProperty("vccvControlChannel");
    const other = ringing(ours, offered);
    other.peer.say("ICCN", { ...other.ids, vccvCapability: capability(0, 0) });
    expect(other.bench.forwarded).toMatchObject([agreed]);
  });
});

describe("RFC 5085 §6.3.1: the channel in the sublayer without a sublayer ends in a CDN", () => {
  const bad = { vccvCapability: offer };
  const refused = { resultCode: RESULT_GENERAL_ERROR, errorCode: generalError.outOfRange };

  test.each([
    ["no L2-Specific Sublayer AVP", {}],
    ["an L2-Specific Sublayer AVP of 0", { l2SpecificSublayer: 0 }],
  ] as const)("in an ICRQ with %s", (_name, avps) => {
    for (const settings of [ours, silent, lan]) {
      const { bench, peer } = answered();
      bench.openSession(settings);
      peer.say("ICRQ", request({ ...bad, ...avps }));
      expect(peer.hear("CDN").avps.resultCode).toMatchObject(refused);
      expect(bench.lcce.snapshot().pseudowires[0]?.whyNot).toContain("VCCV");
    }
  });

  test("in an ICRP", () => {
    const { peer, ids } = calling(ours);
    peer.say("ICRP", { ...ids, circuitStatus: circuitStatus(true), ...bad });
    expect(peer.hear("CDN").avps.resultCode).toMatchObject(refused);
  });

  test.each(vccvVectors.messages)("$id: $title", ({ id, message_hex }) => {
    const decoded = decodeControlMessage(fromHex(message_hex), {});
    const avps = decoded.kind === "message" ? decoded.message.avps : {};
    expect(avps).toMatchObject({ vccvCapability: capability(1, 0x11) });
    expect(vccvRefusal(avps) !== undefined).toBe(id === "OM-03");
  });
});

test("RFC 5085 §6.3.1: wirespan decode names what the AVP offers", () => {
  const text = (channels: number, checks: number) =>
    valueText("vccvCapability", capability(channels, checks), 10);
  expect(text(1, 0x11)).toBe("channel: L2-Specific Sublayer (0x01), checks: ICMP ping, BFD (0x11)");
  expect(text(0, 0)).toBe("channel: none (0x00), checks: none (0x00)");
  expect(text(3, 0xc2)).toBe("channel: L2-Specific Sublayer (0x03), checks: none (0xc2)");
  expect(avpTitle("vccvCapability")).toBe("VCCV Capability");
});
