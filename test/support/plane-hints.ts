import { expect, test } from "vitest";
import { hex, toHex } from "../../src/bytes/hex.ts";
import { isHintOfPeer } from "../../src/forwarding/encapsulation.ts";
import { frameOf } from "./frames.ts";
import type { PlaneBench } from "./plane-bench.ts";
import { messageOf } from "./plane-messages.ts";
import type { OpenBench } from "./plane-operations.ts";
import { movedPath, type PeerSocket, type PlaneTestBed, strangerPath } from "./plane-test-bed.ts";
import { type SessionVariant, variantOver } from "./plane-variants.ts";

/** What a plane does with data messages from elsewhere than the peer that have the session's cookie. */
export function hints(testBed: () => PlaneTestBed, open: OpenBench): void {
  const frame = frameOf({ length: 90 });
  const cookie = hex`a0a1a2a3a4a5a6a7`;
  const sublayer = { receiveSublayer: "default", transmitSublayer: "default" } as const;
  const channel = { ...sublayer, vccvControlChannel: "l2-specific-sublayer" } as const;
  const session = { receiveCookie: cookie };
  const full = { checksum: "full", programs: false } as const;
  const kinds = [
    ["UDP over IPv4", variantOver("udp", 4, { session })],
    ["UDP over IPv4 with checksums", variantOver("udp", 4, { session, ...full })],
    ["UDP over IPv6", variantOver("udp", 6, { session: { ...session, ...sublayer } })],
    ["IP protocol 115 over IPv4", variantOver("ip", 4, { session: { ...session, ...channel } })],
    ["IP protocol 115 over IPv6", variantOver("ip", 6, { session })],
  ] as const satisfies readonly (readonly [string, SessionVariant])[];

  async function start(variant: SessionVariant): Promise<PlaneBench> {
    const bench = await open(variant);
    await bench.add(variant.session, variant.attachment);
    const { plane } = bench.plane.forwardedBy(variant.session.localSessionId);
    expect(plane).toBe(variant.programs ? bench.plane.name : "userspace");
    return bench;
  }

  /** Sends a message from elsewhere, which is counted once, and does not arrive. */
  async function fromElsewhere(bench: PlaneBench, message: Uint8Array, stranger: PeerSocket) {
    const { localSessionId } = bench.plane.counters().sessions[0] ?? {};
    expect(await bench.fromPeer(message, stranger)).toBe(`session ${localSessionId}: wrong-peer`);
  }

  test.each(kinds)("%s: are discarded as wrong-peer, and told", async (_, variant) => {
    await using bench = await start(variant);
    const { session: ours } = variant;
    const isUdp = ours.path.encapsulation === "udp";
    for (const path of [strangerPath(ours.path), ...(isUdp ? [movedPath(ours.path)] : [])]) {
      using stranger = testBed().peer(path);
      stranger.setChecksums(variant.checksum !== "zero");
      const message = messageOf(ours, frame);
      expect(isHintOfPeer(message, ours)).toBe(true);
      const before = bench.hints.length;
      // In the same second another sender is not told of.
      const told = async () => {
        await fromElsewhere(bench, message, stranger);
        return bench.hints.length;
      };
      await expect.poll(told, { timeout: 10_000 }).toBeGreaterThan(before);
      expect(bench.hints[before]).toEqual({
        id: ours.localSessionId,
        path,
        octets: message.length,
        messages: 1,
      });
    }
    expect(await bench.fromPeer(messageOf(ours, frame))).toBe(toHex(frame));
  });

  test.each(kinds)("%s: another cookie, or not all of it, is no hint", async (_, variant) => {
    await using bench = await start(variant);
    const { session: ours } = variant;
    using stranger = testBed().peer(strangerPath(ours.path));
    stranger.setChecksums(variant.checksum !== "zero");
    const good = messageOf(ours, frame);
    const header = good.length - frame.length;
    const wrong = [...cookie.keys()].map((index) =>
      messageOf(ours, frame, { cookie: cookie.map((octet, at) => (at === index ? octet ^ 1 : octet)) }),
    );
    for (const message of [...wrong, good.subarray(0, header - 1), good.subarray(0, header - 8)]) {
      expect(isHintOfPeer(message, ours)).toBe(false);
      await fromElsewhere(bench, message, stranger);
    }
    // The first that is told is the first that is one, and be it no more than a header.
    await fromElsewhere(bench, good.subarray(0, header), stranger);
    await expect.poll(() => bench.hints).toMatchObject([{ octets: header, messages: 1 }]);
  });

  test.each([
    ["none", hex``],
    ["of 4 octets", hex`b0b1b2b3`],
  ])("with a cookie %s nothing is a hint", async (_, receiveCookie) => {
    for (const encapsulation of ["udp", "ip"] as const) {
      const variant = variantOver(encapsulation, 4, { session: { receiveCookie } });
      await using bench = await start(variant);
      using stranger = testBed().peer(strangerPath(variant.session.path));
      await fromElsewhere(bench, messageOf(variant.session, frame), stranger);
      const guarded = { ...variant.session, localSessionId: 0x0a0a_0009, receiveCookie: cookie };
      await bench.plane.addSession(guarded, variant.attachment);
      stranger.send(messageOf(guarded, frame));
      await expect.poll(() => bench.hints).toMatchObject([{ id: guarded.localSessionId }]);
    }
  });

  test.each(kinds)("%s: a flood is counted to the last one, and told once a second", async (_, variant) => {
    await using bench = await start(variant);
    const { session: ours } = variant;
    using stranger = testBed().peer(strangerPath(ours.path));
    stranger.setChecksums(variant.checksum !== "zero");
    const message = messageOf(ours, frame);
    const beganMs = performance.now();
    let sent = 0;
    const counted = () => bench.counted(ours.localSessionId).discards["wrong-peer"] ?? 0;
    // Until a later one says that there are more of them.
    while (!bench.hints.some(({ messages }) => messages >= 3)) {
      for (let count = 0; count < 50; count += 1) stranger.send(message);
      sent += 50;
      await expect.poll(counted, { timeout: 10_000 }).toBe(sent);
    }
    const told = bench.hints.length;
    expect(told).toBeGreaterThan(1);
    expect(told).toBeLessThanOrEqual(1 + (performance.now() - beganMs) / 1000);
    expect(bench.hints[0]?.messages).toBe(1);
    expect(await bench.fromPeer(messageOf(ours, frame))).toBe(toHex(frame));
    expect(bench.counted(ours.localSessionId)).toMatchObject({ receivedFrames: 1 });
  });

  test.each(kinds)("%s: the former peer's are hints after the path changed", async (_, variant) => {
    await using bench = await start(variant);
    const { session: ours } = variant;
    const path = movedPath(ours.path);
    using moved = testBed().peer(path);
    for (const socket of [moved, bench.peer]) socket.setChecksums(variant.checksum !== "zero");
    await bench.plane.updateSession({ ...ours, path }, variant.attachment);
    await fromElsewhere(bench, messageOf(ours, frame), bench.peer);
    await expect.poll(() => bench.hints).toMatchObject([{ path: ours.path, messages: 1 }]);
    expect(await bench.fromPeer(messageOf(ours, frame), moved)).toBe(toHex(frame));
  });

  test.each(kinds)("%s: fragments of one are put together first", async (_, variant) => {
    await using bench = await start(variant);
    const { session: ours } = variant;
    using stranger = testBed().peer(strangerPath(ours.path));
    const message = messageOf(ours, frameOf({ length: 9600 }));
    await fromElsewhere(bench, message, stranger);
    await expect.poll(() => bench.hints).toMatchObject([{ octets: message.length, messages: 1 }]);
  });

  test.each(kinds)("%s: to another address of ours they are none", async (_, variant) => {
    await using bench = await start(variant);
    const { session: ours } = variant;
    const localAddress = ours.path.localAddress.replace(/1$/, "7");
    const prefix = localAddress.includes(":") ? "64" : "24";
    await testBed().ip(`addr add ${localAddress}/${prefix} dev left${prefix === "64" ? " nodad" : ""}`);
    try {
      await bench.openEndpoint({ ...ours.path, localAddress });
      {
        using stranger = testBed().peer({ ...strangerPath(ours.path), localAddress });
        await fromElsewhere(bench, messageOf(ours, frame), stranger);
      }
      using other = testBed().peer(strangerPath(ours.path));
      await fromElsewhere(bench, messageOf(ours, frame), other);
      await expect.poll(() => bench.hints).toMatchObject([{ path: strangerPath(ours.path), messages: 1 }]);
    } finally {
      await testBed().ip(`addr del ${localAddress}/${prefix} dev left`);
    }
  });
}
