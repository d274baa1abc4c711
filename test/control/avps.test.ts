import { expect, test } from "vitest";
import type { AvpName, AvpValues } from "../../src/wire/avp-table.ts";
import { avpTable } from "../../src/wire/avp-table.ts";
import type { MessageName } from "../../src/wire/message.ts";
import { type MessageRow, messageTable } from "../../src/wire/message-table.ts";
import { type Bench, lan } from "../support/bench.ts";
import { circuitStatus, type Heard, rawAvp, type ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, answering, calling, opening, received, request, ringing } from "../support/set-up.ts";

const UNKNOWN = 5000;
const MALFORMED_SPEED = rawAvp(75, { value: new Uint8Array(4) });
const counters = { hardwareOverruns: 1, bufferOverruns: 2, timeoutErrors: 3, alignmentErrors: 4 };

interface Stage {
  readonly bench: Bench;
  readonly peer: ScriptedPeer;
  readonly ids?: AvpValues;
}

/** For each message the LCCE takes in: where the stage is set for it, and an acceptable content. */
const stages: Readonly<
  Partial<Record<MessageName, { readonly set: () => Stage; readonly content: (stage: Stage) => AvpValues }>>
> = {
  SCCRQ: { set: fresh, content: ({ peer }) => peer.openingAvps },
  SCCRP: { set: opening, content: ({ peer }) => peer.openingAvps },
  SCCCN: { set: answering, content: () => ({}) },
  HELLO: { set: answered, content: () => ({}) },
  ICRQ: { set: withPseudowire, content: () => request() },
  ICRP: { set: calling, content: ({ ids }) => ({ ...ids, circuitStatus: circuitStatus(true) }) },
  ICCN: { set: ringing, content: ({ ids }) => ({ ...ids }) },
  SLI: { set: received, content: ({ ids }) => ({ ...ids, circuitStatus: circuitStatus(true) }) },
  WEN: { set: received, content: ({ ids }) => ({ ...ids, circuitErrors: counters }) },
};
const names = Object.keys(stages) as readonly MessageName[];
const levelOf = (name: MessageName) => messageTable[name].level;

function fresh(): Stage {
  const stage = answering({ role: "responder" });
  stage.peer.say("StopCCN", { resultCode: { resultCode: 1 } });
  stage.peer.heard();
  stage.bench.advance(31_000);
  Object.assign(stage.peer, { ns: 0, nr: 0, lcceId: 0 });
  return stage;
}

function withPseudowire(): Stage {
  const stage = answered();
  stage.bench.openSession(lan);
  return stage;
}

/** What the LCCE answers to a message with an extra AVP or a missing one. */
function answerTo(
  name: MessageName,
  change: { readonly raw?: Parameters<ScriptedPeer["say"]>[2]; readonly without?: AvpName },
): { readonly stage: Stage; readonly answers: readonly Heard[] } {
  const row = stages[name];
  if (row === undefined) throw new Error(`no stage for ${name}`);
  const stage = row.set();
  const content = { ...row.content(stage) };
  if (change.without !== undefined) delete content[change.without];
  stage.peer.say(name, content, change.raw);
  return { stage, answers: stage.peer.heard() };
}

function expectRefused(
  name: MessageName,
  { stage, answers }: ReturnType<typeof answerTo>,
  errorCode: number,
): Heard {
  const level = levelOf(name);
  const [refusal] = answers;
  expect(refusal, name).toMatchObject({
    name: level === "session" ? "CDN" : "StopCCN",
    avps: { resultCode: { resultCode: 2, errorCode } },
  });
  if (level === "session") {
    expect([stage.bench.connectionState, stage.bench.sessionState]).toEqual(["established", "idle"]);
  } else expect(stage.bench.connectionState).toBe("idle");
  return refusal as Heard;
}

function expectTaken(name: MessageName, { stage, answers }: ReturnType<typeof answerTo>): void {
  const plain = answerTo(name, {});
  expect(answers.map((answer) => answer.name)).toEqual(plain.answers.map((answer) => answer.name));
  expect(stage.bench.connectionState).toBe(plain.stage.bench.connectionState);
  expect(stage.bench.sessionState).toBe(plain.stage.bench.sessionState);
}

test.each(names)("RFC 3931 §5.2: an unknown AVP with M=0 in %s is ignored", (name) => {
  expectTaken(name, answerTo(name, { raw: { raw: [rawAvp(UNKNOWN, { mandatory: false })] } }));
});

test.each(names)(
  "RFC 3931 §5.2: an unknown AVP with M=1 in %s ends session or connection, error 8, and is named",
  (name) => {
    const refusal = expectRefused(name, answerTo(name, { raw: { raw: [rawAvp(UNKNOWN)] } }), 8);
    expect(refusal.avps.resultCode?.errorMessage).toContain("AVP 5000");
  },
);

test.each(names)(
  "RFC 3931 §7.1: a malformed AVP in %s is ignored with M=0, and ends session or connection with M=1",
  (name) => {
    expectTaken(name, answerTo(name, { raw: { raw: [{ ...MALFORMED_SPEED, mandatory: false }] } }));
    expectRefused(name, answerTo(name, { raw: { raw: [MALFORMED_SPEED] } }), 2);
  },
);

/** Every AVP that a message must have, from the table. */
const requirements = names.flatMap((name) => {
  const row: MessageRow = messageTable[name];
  return row.required.map((avp) => ({ name, avp, tolerated: row.tolerated?.[avp], section: row.section }));
});

test.each(requirements.filter(({ tolerated }) => tolerated === undefined))(
  "RFC 3931 §7.1: $name without $avp is a malformed message, error 3",
  ({ name, avp }) => {
    const { stage, answers } = answerTo(name, { without: avp });
    // Without our id in it, a message is found by its sender's, if that is known.
    if (avp === "remoteSessionId" && name === "ICRP") {
      expect(stage.bench.discards).toEqual({ "unknown-session": 1 });
      return;
    }
    expectRefused(name, { stage, answers }, 3);
  },
);

test.each(requirements.filter(({ tolerated }) => tolerated !== undefined))(
  "RFC 3931 §7.1: $name without $avp is taken all the same, for real peers leave it out ($tolerated)",
  ({ name, avp }) => {
    expectTaken(name, answerTo(name, { without: avp }));
  },
);

test("RFC 3931 §5.2: the M bit of a recognised AVP has no influence", () => {
  for (const mandatory of [true, false]) {
    const { bench, peer } = answering();
    const mtu = rawAvp(91, { mandatory, value: Uint8Array.of(5, 0xdc) });
    peer.say("SCCCN", {}, { raw: [mtu] });
    expect(bench.connectionState).toBe("established");
  }
});

test.each(names)(
  "RFC 3931 §5.2: no AVP of RFC 3931 or its extensions is unknown in %s, wherever it stands",
  (name) => {
    const values: Partial<Record<AvpName, Uint8Array>> = {
      physicalChannelId: new Uint8Array(4),
      preferredLanguage: new Uint8Array(0),
      txConnectSpeed: new Uint8Array(8),
      rxConnectSpeed: new Uint8Array(8),
      mru: new Uint8Array(2),
      interfaceMtu: new Uint8Array(2),
      vccvCapability: new Uint8Array(2),
      fcsRetention: Uint8Array.of(0, 4),
      failoverCapability: new Uint8Array(6),
      extendedVendorId: Uint8Array.of(0, 1, 0x11, 0x70, 0, 7, 0xde, 0xad),
    };
    const raw = Object.entries(values).map(([avp, value]) =>
      rawAvp(avpTable[avp as AvpName].attributeType, { value }),
    );
    expectTaken(name, answerTo(name, { raw: { raw: [...raw, ...raw] } }));
  },
);

test("RFC 3931 §5.4.3: a Preferred Language is accepted, and our texts stay in the default one", () => {
  const { stage, answers } = answerTo("SCCRQ", {
    raw: { raw: [rawAvp(72, { value: new TextEncoder().encode("de") }), rawAvp(UNKNOWN)] },
  });
  expect(answers[0]?.avps.resultCode?.errorMessage).toBe("AVP 5000 is unknown here and mandatory");
  expect(stage.bench.connectionState).toBe("idle");
});

test("RFC 3931 §5.2: an unknown AVP in a StopCCN or CDN is no reason to answer: what they say holds", () => {
  const { bench, peer, ids } = received();
  peer.say("CDN", { ...ids, resultCode: { resultCode: 3 } }, { raw: [rawAvp(UNKNOWN)] });
  expect([peer.names(), bench.sessionState]).toEqual([["ZLB"], "idle"]);
  peer.say("StopCCN", { resultCode: { resultCode: 1 } }, { raw: [rawAvp(UNKNOWN)] });
  expect([peer.names(), bench.connectionState]).toEqual([["ZLB"], "idle"]);
});
