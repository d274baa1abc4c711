import { beforeAll, expect, test } from "vitest";
import { expectExchange } from "../support/bulk.ts";
import { planes } from "../support/lab.ts";
import { needBpf } from "../support/namespace.ts";
import { UdpSocket } from "../support/udp-socket.ts";
import { HOSTS, VethLcces, type VethShape } from "../support/veth-lcces.ts";

/** Either plane at either end of a virtual cable, with nothing said of super-frames: what hosts hand over arrives. */

beforeAll(needBpf);
const PORT = 5000;
const SEGMENT_OCTETS = 1200;
const SIZES = [0, 1, 8, 9, 17, 18, 64, 512, 1472] as const;

const shapes: readonly (readonly [string, VethShape])[] = planes.flatMap((a) =>
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

test.each(shapes)("%s", async (_, shape) => {
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
  }
  const at = (end: "a" | "b") => ["ip", "netns", "exec", lcces.host(end).name];
  await expectExchange(at("a"), at("b"), { address: HOSTS.b[4], there: 1_000_000, back: 1_000_000 });
});
