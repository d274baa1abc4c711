import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CounterName, counterTable, zeroCounters } from "../../src/forwarding/counters-table.ts";
import type { DiscardReason } from "../../src/forwarding/discard-reasons.ts";
import { decapsulate, encapsulate, newSequenceState } from "../../src/forwarding/encapsulation.ts";
import { defaultSequenceRule, type SequenceRule } from "../../src/wire/session-parameters.ts";
import { type OpenPlane, PlaneBench } from "./plane-bench.ts";
import { channels } from "./plane-channels.ts";
import { clampsMss } from "./plane-clamp.ts";
import { hints } from "./plane-hints.ts";
import { badMessages, lastOf, messageOf, outcomeText } from "./plane-messages.ts";
import { type OpenBench, operations } from "./plane-operations.ts";
import { pathChanges } from "./plane-path-change.ts";
import { PlaneTestBed, strangerPath } from "./plane-test-bed.ts";
import { answersTooBig } from "./plane-too-big.ts";
import { contractFrames, type SessionVariant, variants } from "./plane-variants.ts";

/**
 * The contract of planes: what each does with frames, messages and orders, on real devices and sockets. What
 * becomes of a frame or a message is what the reference says.
 */
export function planeContract(openPlane: OpenPlane): void {
  let testBed: PlaneTestBed;
  beforeAll(async () => {
    testBed = await PlaneTestBed.make();
  });
  afterAll(() => testBed?.[Symbol.asyncDispose]());

  /** The plane with the endpoint and the circuit of a shape, but no session yet. */
  const open: OpenBench = ({ session, device, checksum }, options) =>
    PlaneBench.open(testBed, openPlane, { path: session.path, device, checksum, ...options });

  describe.each(Object.entries(variants))("%s", (_, variant) => frames(variant, open));
  describe("operations", () => operations(() => testBed, open));
  describe("control channels", () => channels(open));
  describe("changes of the path", () => pathChanges(() => testBed, open));
  describe("messages from elsewhere", () => hints(() => testBed, open));

  test("every counter of the table is counted", () => {
    const missing = counterTable.map(({ name }) => name).filter((name) => !testBed.counters.has(name));
    expect(missing.filter((name) => !countersOfFragments.includes(name))).toEqual([]);
  });

  test("every discard reason that it says it counts occurs", async () => {
    await using bench = await open(variants["UDP over IPv4"]);
    for (const [reason, file] of Object.entries(countedElsewhere))
      expect(readFileSync(file, "utf8"), file).toContain(reason);
    const others = Object.keys(countedElsewhere);
    const missing = [...bench.plane.counts].filter((reason) => !testBed.reasons.has(reason));
    expect(missing.filter((reason) => !others.includes(reason))).toEqual([]);
  });
}

/** Counters of pseudowire fragments: test/forwarding/reassembler.test.ts. */
export const countersOfFragments: readonly CounterName[] = [
  "receivedReassembled",
  "receivedFragments",
  "transmittedFragmented",
  "transmittedFragments",
];

/** TABLE: discard reasons that take more than the contract has, and the tests in which they occur. */
const countedElsewhere = {
  runt: "test/forwarding/fast-path.test.ts",
  "circuit-down": "test/forwarding/coalescing.test.ts",
  "circuit-error": "test/netns/circuit-mtu.test.ts",
  "no-pseudowire": "test/forwarding/fast-path.test.ts",
  "psn-error": "test/forwarding/grouping.test.ts",
  "psn-overflow": "test/netns/socket-drops.test.ts",
  "bad-offload": "test/netns/host-tunnels.test.ts",
  "control-overflow": "test/netns/hostile.test.ts",
  "circuit-overflow": "test/netns/socket-drops.test.ts",
  "psn-congestion": "test/netns/slow-link.test.ts",
  "circuit-congestion": "test/netns/slow-link.test.ts",
  "reassembly-lost": "test/forwarding/reassembler.test.ts",
  "reassembly-too-long": "test/forwarding/reassembler.test.ts",
  "reassembly-overflow": "test/forwarding/reassembler.test.ts",
  "peer-mrru": "test/forwarding/reassembler.test.ts",
} as const satisfies Partial<Record<DiscardReason, string>>;

/** What a plane does with the frames and messages of one session. */
function frames(variant: SessionVariant, open: OpenBench): void {
  const { session, attachment: circuit, programs } = variant;
  const { localSessionId, path } = session;
  let bench: PlaneBench;
  beforeAll(async () => {
    bench = await open(variant);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.add(session, circuit));
  afterEach(async () => {
    await bench.plane.removeSession(localSessionId);
    bench.forget(localSessionId);
  });

  test("frames arrive at the peer octet for octet, or are counted under the reason", async () => {
    expect(bench.plane.forwardedBy(localSessionId).plane).toBe(programs ? bench.plane.name : "userspace");
    const state = newSequenceState();
    let [transmittedFrames, transmittedOctets] = [0, 0];
    for (const [name, frame] of [...Object.entries(contractFrames), lastOf(circuit)]) {
      const outcome = encapsulate(frame, session, circuit, state);
      // The next one that is carried shows that this one was not.
      if (outcome === "no-pseudowire") bench.site.send(frame);
      else expect(await bench.fromSite(frame), name).toBe(outcomeText(outcome, session));
      if (typeof outcome === "string") continue;
      transmittedFrames += 1;
      transmittedOctets += frame.length;
    }
    await expect
      .poll(() => bench.counted(localSessionId))
      .toMatchObject({ ...zeroCounters, transmittedFrames, transmittedOctets });
  });

  // Without a checksum a datagram over IPv6 is good only where both ends say so (RFC 6935).
  const withChecksums =
    path.remoteAddress.includes(":") && variant.checksum !== "zero" ? [true] : [true, false];
  test.each(withChecksums)(
    "messages of the peer become frames octet for octet, checksums: %s",
    async (sums) => {
      bench.peer.setChecksums(sums);
      let [receivedFrames, receivedOctets] = [0, 0];
      for (const [name, frame] of Object.entries(contractFrames)) {
        const message = messageOf(session, frame);
        const outcome = decapsulate(message, session, circuit, newSequenceState());
        expect(await bench.fromPeer(message), name).toBe(outcomeText(outcome, session));
        if (typeof outcome === "string") continue;
        receivedFrames += 1;
        receivedOctets += frame.length;
      }
      await expect
        .poll(() => bench.counted(localSessionId))
        .toMatchObject({ ...zeroCounters, receivedFrames, receivedOctets });
    },
  );

  test("RFC 3931 §4.5: messages not of the session are counted by reason, and do not arrive", async () => {
    bench.peer.setChecksums(path.encapsulation === "ip" || variant.checksum !== "zero");
    for (const [name, message, reason] of badMessages(variant))
      expect(reasonIn(await bench.fromPeer(message)), name).toBe(reason);
    const good = messageOf(session, lastOf(circuit)[1]);
    using stranger = bench.testBed.peer(strangerPath(path));
    expect(await bench.fromPeer(good, stranger)).toBe(`session ${localSessionId}: wrong-peer`);
    const outcome = decapsulate(good, session, circuit, newSequenceState());
    expect(await bench.fromPeer(good)).toBe(outcomeText(outcome, session));
    expect(bench.counted(localSessionId)).toMatchObject({ receivedFrames: 1, transmittedFrames: 0 });
  });

  test("RFC 9293 §3.7.1: SYNs are clamped both ways, by what an update says", async () => {
    await clampsMss(bench, variant);
  });

  test("RFC 1191 §4, RFC 4443 §3.2: packets too big are answered, by what an update says", async () => {
    await answersTooBig(bench, variant);
  });

  test("C-236 RFC 5641 §2: messages of a peer in standby are counted, and do not arrive", async () => {
    bench.peer.setChecksums(variant.checksum !== "zero");
    const standby = { ...session, receiveAllowed: false };
    await bench.plane.updateSession(standby, circuit);
    for (const [name, frame] of Object.entries(contractFrames)) {
      const message = messageOf(session, frame);
      const outcome = decapsulate(message, standby, circuit, newSequenceState());
      expect(await bench.fromPeer(message), name).toBe(outcomeText(outcome, session));
    }
    const [, frame] = lastOf(circuit);
    expect(await bench.fromPeer(messageOf(session, frame))).toBe(`session ${localSessionId}: standby`);
    await bench.plane.updateSession(session, circuit);
    const outcome = decapsulate(messageOf(session, frame), session, circuit, newSequenceState());
    expect(await bench.fromPeer(messageOf(session, frame))).toBe(outcomeText(outcome, session));
    expect(bench.counted(localSessionId)).toMatchObject({ receivedFrames: 1 });
  });

  if (session.receiveSequencing === "none" || session.receiveSublayer === "none") return;
  test("C-220 C-221 RFC 3931 §4.6.1, Appendix C: old numbers are treated as by the reference", async () => {
    bench.peer.setChecksums(variant.checksum !== "zero");
    const state = newSequenceState();
    for (const sequenceRule of rules) {
      const ruled = { ...circuit, sequenceRule };
      await bench.plane.updateSession(session, ruled);
      for (const number of numbers) {
        const message = messageOf(session, lastOf(circuit)[1], { number });
        const outcome = decapsulate(message, session, ruled, state);
        expect(await bench.fromPeer(message), `${number}, window ${sequenceRule.window}`).toBe(
          outcomeText(outcome, session),
        );
      }
    }
  });
}

/** What counts as late, and numbers that are judged otherwise by each. */
const rules: readonly SequenceRule[] = [
  defaultSequenceRule,
  { window: 4, resetAfter: 2 },
  { window: 0x80_0000, resetAfter: 5 },
];
const numbers = [5, 3, 10, 4, 5, 6, 7, 0x80_0007, 0x80_0008, 8, 8, 9, 2, 3, 4, 5, 0xff_ffff, 0, 1, 2, 0];

/** The reason for a discard, whether it is counted for a session or not. */
function reasonIn(text: string): string {
  return text.replace(/^.*: /, "");
}
