import { beforeAll, expect, test } from "vitest";
import { needBpf } from "../support/namespace.ts";
import { UdpSocket } from "../support/udp-socket.ts";
import { HOSTS, VethLcces, type VethShape } from "../support/veth-lcces.ts";

/**
 * A host that is the circuit itself is told once when a packet of its was sent, as on any Ethernet link
 * (SO_TIMESTAMPING); PTP lives on it.
 */

beforeAll(needBpf);
const PORT = 5000;
const DATAGRAMS = 10;

/** TABLE: what the host's packets go through. */
const shapes: readonly (readonly [string, VethShape])[] = (["interface", "tap"] as const).flatMap((circuit) =>
  (["udp", "ip"] as const).flatMap((encapsulation) =>
    (["offload", "segment"] as const).map((gso) => {
      const lcce = { plane: "ebpf", keys: `gso: ${gso}` } as const;
      return [
        `${circuit}, ${encapsulation}, ${gso}`,
        { family: 4, encapsulation, a: { ...lcce, circuit }, b: lcce },
      ] as const;
    }),
  ),
);

test.each(shapes)("one time stamp for each datagram: %s", async (_, shape) => {
  await using lcces = await VethLcces.up(shape);
  for (const version of [4, 6] as const) {
    using from = lcces.host("a").inside(() => new UdpSocket(HOSTS.a[version], PORT));
    using to = lcces.host("b").inside(() => new UdpSocket(HOSTS.b[version], PORT));
    // Addresses are asked for first.
    from.send(new Uint8Array(100), HOSTS.b[version], PORT);
    expect((await to.receive(1)).length).toBe(1);
    from.askForStamps();
    for (let sent = 1; sent <= DATAGRAMS; sent += 1) {
      from.send(new Uint8Array(100 + sent), HOSTS.b[version], PORT);
      expect((await to.receive(1)).map(({ length }) => length)).toEqual([100 + sent]);
      expect(from.stamps(), `of datagram ${sent} over IPv${version}`).toBe(1);
    }
  }
});
