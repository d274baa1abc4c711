import { expect } from "vitest";
import { concat, fromHex } from "../../src/bytes/hex.ts";
import { nextSequence } from "../../src/bytes/serial.ts";
import {
  decapsulate,
  encapsulate,
  newSequenceState,
  type SequenceState,
} from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import { decodeDataMessage } from "../../src/wire/data-header.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { packetOf, tcpFlags } from "./packets.ts";
import type { PlaneBench } from "./plane-bench.ts";
import { lastOf, messageOf, outcomeText } from "./plane-messages.ts";
import type { SessionVariant } from "./plane-variants.ts";
import { mssOption, SYN, synShape } from "./syn-frames.ts";

/** The MSS clamp of planes, on real devices and sockets, as the reference has it. */

const oddOptions = concat(fromHex("01"), mssOption(1460), fromHex("030307"));
const tagLists = [[], ["8100a06f"], ["88a8e0c8"], ["88a800c8", "8100006f"], ["8100006f", "81000007"]];

/** SYNs and others: each IP version behind each list of tags, with the MSS at even and at odd offsets. */
const frames = ([4, 6] as const).flatMap((version) =>
  tagLists.flatMap((tags) => {
    const syn = synShape({ version, tags });
    const shapes = {
      SYN: syn,
      "SYN/ACK, an odd offset": { ...syn, flags: SYN | tcpFlags.ack, tcpOptions: oddOptions },
      "an MSS that is small enough": { ...syn, tcpOptions: mssOption(1200) },
      "behind extension headers": { ...syn, extensionOctets: 8, extensionTypes: [0, 43, 60] },
      "no SYN": { ...syn, flags: tcpFlags.ack },
    };
    return Object.entries(shapes).map(
      ([name, shape]) => [`IPv${version}, tags ${tags.join()}: ${name}`, packetOf(shape).frame] as const,
    );
  }),
);

/** Which frames the clamp changes on their way, as the reference has it. */
interface Clamped {
  readonly transmitted: number;
  readonly received: number;
}

/** Sends the frames both ways; resolves to how many of them were to be changed, and were. */
async function sendAll(
  bench: PlaneBench,
  session: SessionParameters,
  circuit: AttachmentCircuit,
  state: SequenceState,
): Promise<Clamped> {
  const off: AttachmentCircuit = { ...circuit, mssClamp: "off" };
  let [transmitted, received] = [0, 0];
  for (const [name, frame] of frames) {
    const plain = encapsulate(frame, session, off, { ...state });
    if (plain !== "no-pseudowire") {
      const expected = outcomeText(encapsulate(frame, session, circuit, state), session);
      expect(await bench.fromSite(frame), name).toBe(expected);
      if (expected !== outcomeText(plain, session)) transmitted += 1;
    }
    const message = messageOf(session, frame);
    const arrived = (at: AttachmentCircuit) =>
      outcomeText(decapsulate(message, session, at, newSequenceState()), session);
    expect(await bench.fromPeer(message), name).toBe(arrived(circuit));
    if (arrived(circuit) !== arrived(off)) received += 1;
  }
  return { transmitted, received };
}

/** The state of a session that may have sent frames before: a frame tells its number, if it gets one. */
async function stateOf(
  bench: PlaneBench,
  session: SessionParameters,
  circuit: AttachmentCircuit,
): Promise<SequenceState> {
  const message = fromHex(await bench.fromSite(lastOf(circuit)[1]));
  const agreed = {
    cookieOctets: session.transmitCookie.length,
    sublayer: session.transmitSublayer !== "none",
  };
  const { header } = decodeDataMessage(session.path.encapsulation, agreed, message);
  const number = header.sublayer?.sequenceNumber;
  return { ...newSequenceState(), ...(number === undefined ? {} : { next: nextSequence(number) }) };
}

/** TABLE: clamps that one session gets one after the other; only the last one changes nothing. */
const clamps: readonly Partial<AttachmentCircuit>[] = [
  { mssClamp: "auto", wholeFrameOctets: 1456 },
  { mssClamp: "auto", wholeFrameOctets: 1300 },
  { mssClamp: 1000 },
  { mssClamp: "off" },
];

/** Both ways: by what the path takes, by another path MTU, by a number, and not at all. */
export async function clampsMss(
  bench: PlaneBench,
  { session, attachment, checksum }: SessionVariant,
): Promise<void> {
  bench.peer.setChecksums(checksum !== "zero");
  const state = await stateOf(bench, session, attachment);
  let [transmittedClamped, receivedClamped] = [0, 0];
  for (const clamp of clamps) {
    const circuit = { ...attachment, ...clamp };
    await bench.plane.updateSession(session, circuit);
    const { transmitted, received } = await sendAll(bench, session, circuit, state);
    const isOff = clamp.mssClamp === "off";
    expect([transmitted > 0, received > 0], JSON.stringify(clamp)).toEqual([!isOff, !isOff]);
    transmittedClamped += transmitted;
    receivedClamped += received;
    await expect
      .poll(() => bench.counted(session.localSessionId))
      .toMatchObject({ transmittedClamped, receivedClamped });
  }
}
