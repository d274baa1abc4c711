import { expect, test } from "vitest";
import { concat, fromHex, hex, toHex } from "../../src/bytes/hex.ts";
import { decapsulate, encapsulate, newSequenceState } from "../../src/forwarding/encapsulation.ts";
import { frameOf } from "./frames.ts";
import type { BenchOptions, PlaneBench } from "./plane-bench.ts";
import { lastOf, messageOf, outcomeText } from "./plane-messages.ts";
import { movedPath, type PlaneTestBed } from "./plane-test-bed.ts";
import { type SessionVariant, variantOver } from "./plane-variants.ts";
import { attachment, vlanAttachment } from "./sessions.ts";

/** Opens the plane with the endpoint and the circuit of a variant, but no session yet. */
export type OpenBench = (
  variant: SessionVariant,
  options?: Pick<BenchOptions, "takesChannel">,
) => Promise<PlaneBench>;

/** What a plane does as it is told: sessions and circuits that come, change and go. */
export function operations(testBed: () => PlaneTestBed, open: OpenBench): void {
  const kinds = [variantOver("udp", 4, { session: numbered }), variantOver("ip", 6, { session: numbered })];
  const paths = [
    ["udp", 4],
    ["udp", 6],
    ["ip", 4],
    ["ip", 6],
  ] as const;
  const frame = frameOf({ length: 90 });
  const each = kinds.map((variant) => [variant.session.path.encapsulation, variant] as const);

  /** The frame goes both ways, as the reference has it go. */
  async function passes(
    bench: PlaneBench,
    variant: SessionVariant,
    state = newSequenceState(),
  ): Promise<void> {
    const { session, attachment: circuit } = variant;
    expect(await bench.fromSite(frame)).toBe(
      outcomeText(encapsulate(frame, session, circuit, state), session),
    );
    expect(await bench.fromPeer(messageOf(session, frame))).toBe(toHex(frame));
  }

  test.each(each)(
    "%s: a removed session is gone; added again, it counts from 0 and continues its numbers",
    async (_, variant) => {
      await using bench = await open(variant);
      const state = newSequenceState();
      const { session, attachment: circuit } = variant;
      for (const _round of [1, 2]) {
        await bench.add(session, circuit);
        expect(bench.counted(session.localSessionId)).toMatchObject({
          transmittedFrames: 0,
          receivedFrames: 0,
        });
        await passes(bench, variant, state);
        await bench.plane.removeSession(session.localSessionId);
        bench.forget(session.localSessionId);
        expect(bench.plane.counters().sessions).toEqual([]);
        bench.site.send(frame); // must not be heard by the next round's peer
        expect(await bench.fromPeer(messageOf(session, frame))).toBe("plane: unknown-session");
      }
    },
  );

  test.each(each)(
    "%s: an update changes what may be sent and delivered; numbers and counters go on",
    async (_, variant) => {
      await using bench = await open(variant);
      const { session, attachment: circuit } = variant;
      const state = newSequenceState();
      await bench.add(session, circuit);
      await passes(bench, variant, state);
      await bench.plane.updateSession({ ...session, transmitAllowed: false }, circuit);
      expect(await bench.fromSite(frame)).toBe(`session ${session.localSessionId}: not-established`);
      expect(await bench.fromPeer(messageOf(session, frame))).toBe(toHex(frame));
      await bench.plane.updateSession(session, circuit);
      await passes(bench, variant, state);
      await bench.plane.updateSession({ ...session, receiveAllowed: false }, circuit);
      expect(await bench.fromPeer(messageOf(session, frame))).toBe(
        `session ${session.localSessionId}: standby`,
      );
      await bench.plane.updateSession(session, circuit);
      await passes(bench, variant, state);
      await expect
        .poll(() => bench.counted(session.localSessionId))
        .toMatchObject({
          transmittedFrames: 3,
          receivedFrames: 4,
          discards: { "not-established": 1, standby: 1 },
        });
    },
  );

  test.each(paths)(
    "%s over IPv%s: the peer's address changes, and the session goes on with its numbers and counters",
    async (encapsulation, family) => {
      const variant = variantOver(encapsulation, family, { session: numbered });
      const { session, attachment: circuit } = variant;
      await using bench = await open(variant);
      const state = newSequenceState();
      await bench.add(session, circuit);
      const { plane } = bench.plane.forwardedBy(session.localSessionId);
      await passes(bench, variant, state);
      const numberedMessage = (number: number) => messageOf(session, frame, { number });
      expect(await bench.fromPeer(numberedMessage(5))).toBe(toHex(frame));
      const moved = { ...session, path: movedPath(session.path) };
      using newPeer = testBed().peer(moved.path);
      await bench.plane.updateSession(moved, circuit);
      expect(bench.plane.forwardedBy(session.localSessionId).plane).toBe(plane);
      const sent = await bench.fromSite(frame, newPeer);
      expect(sent).toBe(outcomeText(encapsulate(frame, moved, circuit, state), moved));
      const ofSession = (reason: string) => `session ${session.localSessionId}: ${reason}`;
      expect(await bench.fromPeer(numberedMessage(5), newPeer)).toBe(ofSession("out-of-sequence"));
      expect(await bench.fromPeer(numberedMessage(6), newPeer)).toBe(toHex(frame));
      expect(await bench.fromPeer(numberedMessage(7))).toBe(ofSession("wrong-peer"));
      await bench.plane.updateSession(session, circuit);
      await passes(bench, variant, state);
      await expect
        .poll(() => bench.counted(session.localSessionId))
        .toMatchObject({
          transmittedFrames: 3,
          receivedFrames: 4,
          discards: { "out-of-sequence": 1, "wrong-peer": 1 },
        });
    },
  );

  test.each(each)(
    "%s: frames of a circuit are those of the session that it is bound to, also when the other one goes",
    async (_, variant) => {
      await using bench = await open(variant);
      const { session, attachment: circuit } = variant;
      const next = { ...session, localSessionId: 0x0a0a_0009, remoteSessionId: 0x0b0b_0009 };
      const own = newSequenceState();
      await bench.add(session, circuit);
      await passes(bench, variant, own);
      await bench.plane.addSession(next, circuit);
      expect(await bench.fromPeer(messageOf(next, frame))).toBe(toHex(frame));
      await passes(bench, variant, own);
      await bench.plane.bindCircuit(circuit, next.localSessionId);
      const state = newSequenceState();
      await passes(bench, { ...variant, session: next }, state);
      expect(await bench.fromPeer(messageOf(session, frame))).toBe(toHex(frame));
      await bench.plane.removeSession(session.localSessionId);
      await passes(bench, { ...variant, session: next }, state);
      expect(await bench.fromPeer(messageOf(session, frame))).toBe("plane: unknown-session");
    },
  );

  test.each(each)(
    "%s: VLANs of one device are sessions of their own, with counters of their own",
    async (_, variant) => {
      await using bench = await open(variant);
      const vlans = [10, 20].map((vlan, index) => ({
        ...variant,
        session: { ...variant.session, localSessionId: 0x100 + index, remoteSessionId: 0x200 + index },
        attachment: vlanAttachment(vlan, vlan + 1, 0x8100, { device: "circuit" }),
      }));
      for (const each of vlans) await bench.add(each.session, each.attachment);
      for (const [index, each] of vlans.entries()) {
        const tagged = lastOf(each.attachment)[1];
        const state = newSequenceState();
        for (let count = 0; count <= index; count += 1)
          expect(await bench.fromSite(tagged)).toBe(
            outcomeText(encapsulate(tagged, each.session, each.attachment, state), each.session),
          );
        const message = messageOf(each.session, frameOf({ tags: ["8100e333"], length: 80 }));
        const outcome = decapsulate(message, each.session, each.attachment, newSequenceState());
        expect(await bench.fromPeer(message)).toBe(outcomeText(outcome, each.session));
      }
      for (const [index, { session }] of vlans.entries())
        await expect
          .poll(() => bench.counted(session.localSessionId))
          .toMatchObject({ transmittedFrames: index + 1, receivedFrames: 1, discards: {} });
    },
  );

  test.each(each)("%s: control messages cross it untouched", async (_, variant) => {
    await using bench = await open(variant);
    const { path } = variant.session;
    const message = fromHex("c80300140000000100000000800800000000ffee");
    bench.transport.send(path, message);
    const sent = path.encapsulation === "ip" ? concat(new Uint8Array(4), message) : message;
    await expect.poll(() => toHex(bench.peer.receive() ?? new Uint8Array(0))).toBe(toHex(sent));
    bench.peer.send(sent);
    await expect.poll(() => bench.control).toEqual([[path, toHex(message)]]);
    expect([...bench.discards()]).toEqual([]);
  });

  test.each(each)(
    "%s: a circuit that fell and rose, and one that was made anew, carry again",
    async (_, variant) => {
      const { session, attachment: circuit, device } = variant;
      await using bench = await open(variant);
      await bench.add(session, circuit);
      await testBed().ip("link set circuit down");
      bench.peer.send(messageOf(session, frame));
      await testBed().ip("link set circuit up");
      const state = newSequenceState();
      await passes(bench, variant, state);
      await bench.plane.removeSession(session.localSessionId);
      await testBed().ip("link delete circuit");
      await bench.plane.closeCircuit("circuit");
      await expect(bench.plane.openCircuit(device)).rejects.toThrow(/circuit/);
      await testBed().addCircuit();
      await bench.plane.openCircuit(device);
      bench.forget(session.localSessionId);
      await bench.add(session, circuit);
      await bench.reopenSite();
      await passes(bench, variant, state);
    },
  );

  test.each(each)(
    "%s: what the path does not take is counted, as long as it does not",
    async (_, variant) => {
      const { session, attachment: circuit } = variant;
      await using bench = await open(variant);
      await bench.add(session, circuit);
      const long = frameOf({ length: 1500 });
      await testBed().ip("link set left mtu 1400");
      const state = newSequenceState();
      const reason = `session ${session.localSessionId}: path-mtu`;
      await expect
        .poll(async () => {
          const became = await bench.fromSite(long);
          if (became !== reason) encapsulate(long, session, circuit, state);
          return became;
        })
        .toBe(reason);
      await testBed().ip("link set left mtu 9216");
      await expect.poll(() => bench.fromSite(long)).not.toBe(reason);
    },
  );

  test.each(each)("%s: what it cannot do it refuses, and goes on as it was", async (_, variant) => {
    await using bench = await open(variant);
    const { session, attachment: circuit } = variant;
    await bench.add(session, circuit);
    const elsewhere = {
      ...session,
      localSessionId: 7,
      path: { ...session.path, localAddress: "192.0.2.99" },
    };
    await expect(bench.plane.addSession(elsewhere, circuit)).rejects.toThrow("session 7");
    const nowhere = { ...session, localSessionId: 8 };
    await expect(bench.plane.addSession(nowhere, attachment({ device: "none" }))).rejects.toThrow("none");
    const missing = { kind: "interface", name: "none", mtu: 1500 } as const;
    await expect(bench.plane.openCircuit(missing)).rejects.toThrow("none");
    await bench.plane.removeSession(9);
    await bench.plane.closeCircuit("none");
    await passes(bench, variant);
    expect(bench.plane.counters().sessions.map(({ localSessionId }) => localSessionId)).toEqual([
      session.localSessionId,
    ]);
  });

  test("when it is closed nothing of it is left", async () => {
    const variant = variantOver("udp", 4, { kind: "tap" });
    await (await open(variant))[Symbol.asyncDispose]();
    const before = await testBed().leftovers();
    for (const each of [variant, variantOver("ip", 6)]) {
      const bench = await open(each);
      await bench.add(each.session, each.attachment);
      await passes(bench, each);
      expect(await testBed().leftovers()).not.toEqual(before);
      await bench[Symbol.asyncDispose]();
      await expect.poll(() => testBed().leftovers()).toEqual(before);
    }
  });
}

const numbered = {
  receiveSublayer: "default",
  transmitSublayer: "default",
  receiveSequencing: "all",
  transmitSequencing: "all",
  receiveCookie: hex`0102030405060708`,
  transmitCookie: hex`1112131415161718`,
} as const;
