import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { hex, toHex } from "../../src/bytes/hex.ts";
import { addressOctets } from "../../src/bytes/ip-address.ts";
import { CHANNEL_BURST } from "../../src/forwarding/channel.ts";
import { encapsulateChannel } from "../../src/forwarding/encapsulation.ts";
import type { PsnEndpoint } from "../../src/forwarding/transport.ts";
import { encodeEchoPacket } from "../../src/wire/echo-packet.ts";
import { ipChannelTypes } from "../../src/wire/vccv.ts";
import { frameOf } from "./frames.ts";
import type { PlaneBench } from "./plane-bench.ts";
import { messageOf } from "./plane-messages.ts";
import type { OpenBench } from "./plane-operations.ts";
import { variantOver } from "./plane-variants.ts";

/** What a plane does with the control channel of a session (RFC 5085). */
export function channels(open: OpenBench): void {
  const session = {
    receiveSublayer: "default",
    transmitSublayer: "default",
    receiveSequencing: "all",
    transmitSequencing: "all",
    receiveCookie: hex`0102030405060708`,
    transmitCookie: hex`11121314`,
    vccvControlChannel: "l2-specific-sublayer",
  } as const;
  const checksum: PsnEndpoint["checksum"] = "full";
  const kinds = [
    ["udp", variantOver("udp", 4, { session })],
    ["udp with checksums", variantOver("udp", 4, { session, checksum, programs: false })],
    ["ip", variantOver("ip", 6, { session })],
  ] as const;
  const payload = hex`45000020 00010000 0101`;
  const frame = frameOf({ length: 90 });

  /** The next datagram that the peer has got. */
  async function received(bench: PlaneBench): Promise<string> {
    let octets = bench.peer.receive();
    for (const endMs = performance.now() + 10_000; octets === undefined && performance.now() < endMs; ) {
      await setImmediate();
      octets = bench.peer.receive();
    }
    return octets === undefined ? "nothing" : toHex(octets);
  }

  test.each(kinds)("%s: channel messages go both ways, also while frames may not", async (_, variant) => {
    await using bench = await open(variant);
    const { session: ours, attachment: circuit } = variant;
    const { localSessionId: id } = ours;
    await bench.add(ours, circuit);
    expect(bench.plane.forwardedBy(id).plane).toBe(variant.programs ? bench.plane.name : "userspace");
    const closed = { ...ours, transmitAllowed: false, receiveAllowed: false };
    for (const [round, state] of [ours, closed, ours].entries()) {
      await bench.plane.updateSession(state, circuit);
      bench.plane.sendChannel(id, 0x21, payload);
      const sent = encapsulateChannel({ channelType: 0x21, payload }, ours) ?? hex``;
      expect(await received(bench)).toBe(toHex(sent));
      bench.peer.send(messageOf(ours, payload, { channelType: 0x57 }));
      await expect.poll(() => bench.channel).toHaveLength(round + 1);
    }
    expect(new Set(bench.channel)).toEqual(new Set([`${id} 57: ${toHex(payload)}`]));
    expect(await bench.fromPeer(messageOf(ours, frame))).toBe(toHex(frame));
    expect(bench.counted(id)).toMatchObject({ receivedFrames: 1, transmittedFrames: 0, discards: {} });
  });

  test.each(kinds)("%s: nothing crosses that is not the session's own", async (_, variant) => {
    await using bench = await open(variant);
    const { session: ours, attachment: circuit } = variant;
    const { vccvControlChannel: _channel, ...without } = ours;
    const { localSessionId: id } = ours;
    await bench.add(ours, circuit);
    const wrong = messageOf(ours, payload, { channelType: 0x21, cookie: hex`0102030405060709` });
    expect(await bench.fromPeer(wrong)).toBe(`session ${id}: wrong-cookie`);
    const version1 = messageOf(ours, payload, { channelType: 0x21 });
    version1[version1.length - payload.length - 4] = 0x81;
    expect(await bench.fromPeer(version1)).toBe(`session ${id}: vccv`);
    await bench.plane.removeSession(id);
    bench.forget(id);
    await bench.add(without, circuit);
    expect(await bench.fromPeer(messageOf(ours, payload, { channelType: 0x21 }))).toBe(`session ${id}: vccv`);
    bench.plane.sendChannel(id, 0x21, payload);
    bench.plane.sendChannel(99, 0x21, payload);
    // The next datagram is the frame's: nothing was sent before it.
    expect(await bench.fromSite(frame)).toContain(toHex(frame));
    expect(bench.channel).toEqual([]);
  });

  test.each(kinds)("%s: a channel message that nobody takes is counted, and no other", async (_, variant) => {
    await using bench = await open(variant, { takesChannel: false });
    const { session: ours, attachment: circuit } = variant;
    await bench.add(ours, circuit);
    const message = messageOf(ours, payload, { channelType: 0x21 });
    expect(await bench.fromPeer(message)).toBe(`session ${ours.localSessionId}: unknown-channel-type`);
    expect(await bench.fromPeer(messageOf(ours, frame))).toBe(toHex(frame));
  });

  test.each(kinds)(
    "%s: ICMP echo is answered where it was agreed on, and what is bad is counted",
    async (_, variant) => {
      await using bench = await open(variant, { takesChannel: false });
      const { session: ours, attachment: circuit } = variant;
      const { localSessionId: id, path } = ours;
      await bench.add({ ...ours, vccvEcho: true }, circuit);
      const version = path.localAddress.includes(":") ? 6 : 4;
      const channelType = ipChannelTypes[version];
      const echo = { kind: "request", identifier: 7, sequence: 9, data: hex`010203` } as const;
      const [here, there] = [addressOctets(path.localAddress), addressOctets(path.remoteAddress)];
      const request = encodeEchoPacket(version, { source: there, destination: here, echo });
      const reply = { source: here, destination: there, echo: { ...echo, kind: "reply" } } as const;
      const answer = { channelType, payload: encodeEchoPacket(version, reply) };
      bench.peer.send(messageOf(ours, request, { channelType }));
      expect(await received(bench)).toBe(toHex(encapsulateChannel(answer, ours) ?? hex``));
      bench.peer.send(messageOf(ours, answer.payload, { channelType }));
      await expect
        .poll(() => bench.channel)
        .toEqual([`${id} ${channelType.toString(16)}: ${toHex(answer.payload)}`]);
      const bad = messageOf(ours, payload, { channelType });
      expect(await bench.fromPeer(bad)).toBe(`session ${id}: bad-channel-message`);
      const other = messageOf(ours, request, { channelType: 0x07 });
      expect(await bench.fromPeer(other)).toBe(`session ${id}: unknown-channel-type`);
    },
  );

  test.each(kinds)("%s: more than a burst of channel messages is counted", async (_, variant) => {
    await using bench = await open(variant);
    const { session: ours, attachment: circuit } = variant;
    const { localSessionId: id } = ours;
    await bench.add(ours, circuit);
    const sent = 3 * CHANNEL_BURST;
    for (let count = 0; count < sent; count += 1)
      bench.peer.send(messageOf(ours, payload, { channelType: 0x07 }));
    const overflow = () => bench.counted(id).discards["channel-overflow"] ?? 0;
    await expect.poll(() => bench.channel.length + overflow()).toBe(sent);
    expect(bench.channel.length).toBeGreaterThanOrEqual(CHANNEL_BURST);
    expect(overflow()).toBeGreaterThan(0);
    expect(bench.discards().get(`session ${id}: channel-overflow`)).toBe(overflow());
  });
}
