import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { hex, toHex } from "../../src/bytes/hex.ts";
import { decodeDataMessage } from "../../src/wire/data-header.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { frameOf } from "./frames.ts";
import type { PlaneBench } from "./plane-bench.ts";
import { messageOf } from "./plane-messages.ts";
import type { OpenBench } from "./plane-operations.ts";
import { movedPath, type PeerSocket, type PlaneTestBed } from "./plane-test-bed.ts";
import { variantOver } from "./plane-variants.ts";

const numbered = {
  receiveSublayer: "default",
  transmitSublayer: "default",
  receiveSequencing: "all",
  transmitSequencing: "all",
  receiveCookie: hex`0102030405060708`,
  transmitCookie: hex`1112131415161718`,
} as const;

/** Frames, and messages of each peer, that are sent before the change begins and after it is complete. */
const ON_EACH_SIDE = 30;

/** A session whose peer's address changes while frames and messages flow. */
export function pathChanges(testBed: () => PlaneTestBed, open: OpenBench): void {
  const frame = frameOf({ length: 90 });
  const kinds = (["udp", "ip"] as const).flatMap((encapsulation) =>
    ([4, 6] as const).map((family) => [encapsulation, family] as const),
  );

  /** The sequence numbers of all messages that wait at a socket. */
  function numbersAt(socket: PeerSocket, path: PsnPath): readonly (number | undefined)[] {
    const numbers: (number | undefined)[] = [];
    const agreed = { cookieOctets: 8, sublayer: true };
    for (let octets = socket.receive(); octets !== undefined; octets = socket.receive())
      numbers.push(decodeDataMessage(path.encapsulation, agreed, octets).header.sublayer?.sequenceNumber);
    return numbers;
  }

  /** Waits until all that was sent is counted; returns the session's counters. */
  async function settled(bench: PlaneBench, id: number, frames: number, messages: number) {
    const counted = () => {
      const { transmittedFrames, receivedFrames, discards } = bench.counted(id);
      const given = Object.values(discards).reduce((sum, count) => sum + count, 0);
      return [transmittedFrames, receivedFrames + given];
    };
    await expect.poll(counted, { timeout: 10_000 }).toEqual([frames, messages]);
    return bench.counted(id);
  }

  test.each(kinds)(
    "%s over IPv%s: in a stream of frames one is the last to the former address, then all go to the new",
    async (encapsulation, family) => {
      const variant = variantOver(encapsulation, family, { session: numbered });
      const { session, attachment: circuit } = variant;
      const { localSessionId: id, path } = session;
      const newPath = movedPath(path);
      const mixed =
        encapsulation === "udp"
          ? [
              { ...path, remotePort: newPath.remotePort },
              { ...path, remoteAddress: newPath.remoteAddress },
            ]
          : [];
      await using bench = await open(variant);
      await bench.add(session, circuit);
      using newPeer = testBed().peer(newPath);
      const others = mixed.map((each) => testBed().peer(each));
      try {
        let [frames, messages] = [0, 0];
        const arrived: (readonly (number | undefined)[])[] = [[], []];
        const collect = () => {
          for (const [index, socket] of [bench.peer, newPeer].entries())
            arrived[index] = [...(arrived[index] ?? []), ...numbersAt(socket, path)];
          while (bench.site.receive() !== undefined);
        };
        const exchange = async () => {
          bench.site.send(frame);
          frames += 1;
          for (const peer of [bench.peer, newPeer]) {
            peer.send(messageOf(session, frame, { number: messages }));
            messages += 1;
          }
          collect();
          await setImmediate();
        };
        for (let count = 0; count < ON_EACH_SIDE; count += 1) await exchange();
        // What the plane has not read yet would go to the new address.
        const first = async () => {
          collect();
          return arrived[0]?.length;
        };
        await expect.poll(first, { timeout: 10_000 }).toBe(ON_EACH_SIDE);
        let isDone = false;
        const changed = bench.plane.updateSession({ ...session, path: newPath }, circuit).then(() => {
          isDone = true;
        });
        while (!isDone) await exchange();
        await changed;
        const before = await settled(bench, id, frames, messages);
        for (let count = 0; count < ON_EACH_SIDE; count += 1) await exchange();
        const after = await settled(bench, id, frames, messages);
        // Of what came after the change, the new peer's was delivered and the former one's was not.
        expect(after.receivedFrames - before.receivedFrames).toBe(ON_EACH_SIDE);
        expect((after.discards["wrong-peer"] ?? 0) - (before.discards["wrong-peer"] ?? 0)).toBe(ON_EACH_SIDE);
        await expect
          .poll(() => {
            collect();
            return (arrived[0]?.length ?? 0) + (arrived[1]?.length ?? 0);
          })
          .toBe(frames);
        // No number is missing, none comes twice, and the former peer has the first of them.
        expect(arrived.flat()).toEqual(Array.from({ length: frames }, (_, index) => index));
        expect(arrived[0]?.length).toBeGreaterThanOrEqual(ON_EACH_SIDE);
        expect(arrived[1]?.length).toBeGreaterThanOrEqual(ON_EACH_SIDE);
        for (const [index, socket] of others.entries())
          expect(numbersAt(socket, mixed[index] ?? path), "at an address or port of each").toEqual([]);
        expect(await bench.fromPeer(messageOf(session, frame, { number: messages }), newPeer)).toBe(
          toHex(frame),
        );
      } finally {
        for (const each of others) each[Symbol.dispose]();
      }
    },
  );
}
