import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { overheadOctets } from "../../src/daemon/frame-size.ts";
import { tooBigAnswerTo } from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import type { PlaneBench } from "./plane-bench.ts";
import type { SessionVariant } from "./plane-variants.ts";
import { type BigShape, bigFrame, bigIpv4, bigIpv6 } from "./too-big-frames.ts";

/** The answers of planes to packets that are too big, on real devices, as the reference has them. */

const LIMIT_MS = 10_000;

/** The tag that all frames of a circuit have. */
function ownTags({ vlan }: AttachmentCircuit): readonly string[] {
  if (vlan === undefined) return [];
  return [vlan.protocol.toString(16) + (0xe000 + vlan.id).toString(16).padStart(4, "0")];
}

/** Packets of each IP version behind each number of tags; `number` tells their sender from all others. */
function shapes(circuit: AttachmentCircuit, number: number): readonly BigShape[] {
  const own = ownTags(circuit);
  const tagLists = [[], ["8100006f"], ["88a800c8", "81000007"]].filter(
    (tags) => tags.length + own.length <= 2,
  );
  return [bigIpv4, bigIpv6].flatMap((shape, version) =>
    tagLists.map((tags, index) => {
      const host = (16 * (number + 1) + 8 * version + index).toString(16).padStart(2, "0");
      return { ...shape, tags: [...own, ...tags], source: shape.source.slice(0, -2) + host };
    }),
  );
}

/** Sends a frame at the site; resolves to what came back there. */
async function answered(bench: PlaneBench, frame: Uint8Array): Promise<string> {
  bench.site.send(frame);
  const endMs = performance.now() + LIMIT_MS;
  while (performance.now() < endMs) {
    const heard = bench.site.receive();
    if (heard !== undefined) return toHex(heard);
    await setImmediate();
  }
  return "nothing";
}

/** Sends packets of hosts with this number, which are all answered; resolves to how many. */
async function allAnswered(bench: PlaneBench, circuit: AttachmentCircuit, number: number): Promise<number> {
  const all = shapes(circuit, number);
  for (const shape of all) {
    const frame = bigFrame(shape);
    const expected = tooBigAnswerTo(frame, circuit);
    if (expected === undefined) throw new Error("a frame that is not too big");
    expect(await answered(bench, frame), `${number}: ${shape.tags}`).toBe(toHex(expected));
  }
  return all.length;
}

/** By what the path takes, by another path MTU, by the pseudowire's own MTU; then again at once, and off. */
export async function answersTooBig(
  bench: PlaneBench,
  { session, attachment, checksum }: SessionVariant,
): Promise<void> {
  bench.peer.setChecksums(checksum !== "zero");
  const { localSessionId } = session;
  const overhead = overheadOctets(session);
  let answers = 0;
  for (const [number, wholeFrameOctets] of [1400, 700].entries()) {
    const path = { wholeFrameOctets, pathMtuOctets: wholeFrameOctets + overhead };
    const circuit = { ...attachment, ...path, packetTooBig: "answer" } as const;
    await bench.plane.updateSession(session, circuit);
    answers += await allAnswered(bench, circuit, number);
  }
  await expect.poll(() => bench.counted(localSessionId).discards).toEqual({ "too-big-answered": answers });
  await bench.plane.removeSession(localSessionId);
  bench.forget(localSessionId);
  const circuit = { ...attachment, mtu: 1000, packetTooBig: "answer" } as const;
  await bench.add(session, circuit);
  answers = await allAnswered(bench, circuit, 2);
  await expect.poll(() => bench.counted(localSessionId).discards).toEqual({ "too-big-answered": answers });
  // One answer a second for a pair of addresses: what has none is treated as ever.
  const oversize = `session ${localSessionId}: oversize`;
  for (const shape of shapes(circuit, 2)) expect(await bench.fromSite(bigFrame(shape))).toBe(oversize);
  expect(bench.counted(localSessionId)).toMatchObject({ transmittedUnanswered: answers });
  await bench.plane.updateSession(session, { ...circuit, packetTooBig: "off" });
  for (const shape of shapes(circuit, 3)) expect(await bench.fromSite(bigFrame(shape))).toBe(oversize);
  expect(bench.counted(localSessionId)).toMatchObject({
    transmittedUnanswered: answers,
    discards: { "too-big-answered": answers, oversize: 2 * answers },
  });
}
