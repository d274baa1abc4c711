import { closeSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { expectExchange } from "../support/bulk.ts";
import { arrived, openHostSocket, sendFrame } from "../support/deferred-offloads.ts";
import { padded } from "../support/frames.ts";
import { planes } from "../support/lab.ts";
import { needBpf } from "../support/namespace.ts";
import {
  gsoFrames,
  type OffloadFrame,
  partialChecksumFrames,
  SOURCE_MAC,
} from "../support/partial-checksums.ts";
import { UdpSocket } from "../support/udp-socket.ts";
import { HOSTS, VethLcces, type VethShape } from "../support/veth-lcces.ts";

/**
 * Either plane at either end of a veth pair, with `gso` left at its default: what hosts send arrives.
 */

beforeAll(needBpf);
const PORT = 5000;
const SEGMENT_OCTETS = 1200;
const SIZES = [0, 1, 8, 9, 17, 18, 64, 512, 1472] as const;

const planePairs: readonly (readonly [string, VethShape])[] = planes.flatMap((a) =>
  planes.flatMap((b) =>
    (["udp", "ip"] as const).flatMap((encapsulation) =>
      ([4, 6] as const).map(
        (family) =>
          [
            `${a} to ${b}, ${encapsulation} over IPv${family}`,
            { family, encapsulation, a: { plane: a }, b: { plane: b } },
          ] as const,
      ),
    ),
  ),
);

/** The host itself, by its own end of the pseudowire. */
const fromTap = (["udp", "ip"] as const).map(
  (encapsulation) =>
    [
      `ebpf with a TAP circuit to userspace, ${encapsulation}`,
      { family: 4, encapsulation, a: { plane: "ebpf", circuit: "tap" }, b: { plane: "userspace" } },
    ] as const satisfies readonly [string, VethShape],
);

/**
 * SCTP's checksum is CRC32c, as user space knows; who sends by a packet socket cannot tell the kernel that it
 * is.
 */
const isCrc = ({ name }: OffloadFrame) => name.startsWith("SCTP");
/** Segments of TCP are merged again in user space; what becomes of them is shown by the exchange of TCP. */
const isMerged = ({ deferred }: OffloadFrame) => deferred?.gso?.kind.startsWith("tcp") === true;
const offloadFrames = [...partialChecksumFrames([]), ...gsoFrames([])].filter(
  (each) => !isCrc(each) && !isMerged(each),
);

/** Sends frames with deferred offloads at one host, and expects them finished at the other. */
async function expectOffloadFrames(lcces: VethLcces, { a }: VethShape, here: "a" | "b", there: "a" | "b") {
  const device = (end: "a" | "b") => (end === "a" && a.circuit === "tap" ? "pw0" : "eth0");
  const from = lcces.host(here).inside(() => openHostSocket(device(here)));
  const to = lcces.host(there).inside(() => new FrameSocket(device(there)));
  try {
    for (const { name, frame, deferred, expected } of offloadFrames) {
      sendFrame(from, frame, deferred);
      for (const each of expected) {
        const got = await arrived(to, SOURCE_MAC);
        expect(got === undefined ? "nothing" : toHex(got), `${name} from ${here}`).toBe(toHex(padded(each)));
      }
    }
  } finally {
    for (const fd of [from, to.fd]) closeSync(fd);
  }
}

test.each([...planePairs, ...fromTap])("%s", async (_, shape) => {
  await using lcces = await VethLcces.up(shape);
  for (const [here, there] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    using from = lcces.host(here).inside(() => new UdpSocket(HOSTS[here][4], PORT));
    using to = lcces.host(there).inside(() => new UdpSocket(HOSTS[there][4], PORT));
    for (const octets of SIZES) {
      from.send(new Uint8Array(octets), HOSTS[there][4], PORT);
      expect(
        (await to.receive(1)).map(({ length }) => length),
        `${octets} octets from ${here}`,
      ).toEqual([octets]);
    }
    from.segment(SEGMENT_OCTETS);
    from.send(new Uint8Array(10 * SEGMENT_OCTETS), HOSTS[there][4], PORT);
    expect(
      (await to.receive(10)).map(({ length }) => length),
      `segments from ${here}`,
    ).toEqual(Array.from({ length: 10 }, () => SEGMENT_OCTETS));
    await expectOffloadFrames(lcces, shape, here, there);
  }
  const at = (end: "a" | "b") => ["ip", "netns", "exec", lcces.host(end).name];
  await expectExchange(at("a"), at("b"), { address: HOSTS.b[4], there: 1_000_000, back: 1_000_000 });
});
