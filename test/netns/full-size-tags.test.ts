import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { run } from "../../src/lab/command.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import { builtPlanes } from "../support/built-planes.ts";
import { frameOf } from "../support/frames.ts";
import { needBpf } from "../support/namespace.ts";
import { PlaneBench } from "../support/plane-bench.ts";
import { PlaneTestBed } from "../support/plane-test-bed.ts";
import { variantOver } from "../support/plane-variants.ts";
import { attachment } from "../support/sessions.ts";

/** Frames as long as a bridge would forward them to a circuit, whatever tags they have. */

const MTU = 1500;
const S_TAG = "88a800c8";
const C_TAG = "8100006f";

/** TABLE: tags, and the octets of the longest frame with them that an interface takes. */
const longest: readonly (readonly [string, readonly string[], number])[] = [
  ["no tag", [], MTU + 18],
  ["802.1Q", [C_TAG], MTU + 22],
  ["802.1ad", [S_TAG], MTU + 22],
  ["802.1Q in 802.1ad", [S_TAG, C_TAG], MTU + 22],
  ["802.1Q in 802.1Q", [C_TAG, C_TAG], MTU + 22],
  ["802.1ad in 802.1ad", [S_TAG, S_TAG], MTU + 22],
  ["three tags", [S_TAG, S_TAG, C_TAG], MTU + 22],
];

let testBed: PlaneTestBed;
beforeAll(async () => {
  needBpf();
  testBed = await PlaneTestBed.make();
});
afterAll(() => testBed?.[Symbol.asyncDispose]());

async function setMtu(mtu: number): Promise<void> {
  await testBed.ip(`link set circuit mtu ${mtu}`);
  await run(["ip", "-n", `wirespan-outside-${process.pid}`, "link", "set", "site", "mtu", `${mtu}`]);
}

const variants = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).map((family) => [encapsulation, family] as const),
);

describe.each(Object.entries(builtPlanes))("plane %s", (_, openPlane) => {
  test.each(variants)(
    "over %s and IPv%d, what a bridge would forward arrives octet for octet, the rest is counted",
    async (encapsulation, family) => {
      const { session, device } = variantOver(encapsulation, family);
      const circuit = { ...attachment({ mtu: 9000 }), device: device.name };
      await setMtu(MTU);
      await using bench = await PlaneBench.open(testBed, openPlane, { path: session.path, device });
      bench.peer.setChecksums(encapsulation === "ip" || family === 6);
      await bench.add(session, circuit);
      const arrives = (tags: readonly string[], length: number, type: string) => {
        const frame = frameOf({ tags, type, length });
        const header = { sessionId: session.localSessionId, cookie: session.receiveCookie };
        const message = encodeDataMessage(encapsulation, header, frame);
        return bench
          .fromPeer(message)
          .then((told) => (told === toHex(frame) ? "arrived" : told.slice(0, 80)));
      };
      const refused = `session ${session.localSessionId}: circuit-error`;
      for (const type of ["88b5", "0800"])
        for (const [name, tags, octets] of longest) {
          const why = `${name}, ${type}`;
          for (const length of [MTU + 14, MTU + 18, octets])
            expect(await arrives(tags, length, type), `${why}: ${length} octets`).toBe("arrived");
          expect(await arrives(tags, octets + 1, type), `${why}: ${octets + 1} octets`).toBe(refused);
        }
      await setMtu(1400);
      expect(await arrives([S_TAG], MTU + 18, "88b5"), "802.1ad with a smaller MTU").toBe(refused);
      expect(await arrives([S_TAG, C_TAG], 1422, "88b5"), "two tags with a smaller MTU").toBe("arrived");
    },
  );
});
