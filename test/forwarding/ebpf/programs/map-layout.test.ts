import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex, toHex } from "../../../../src/bytes/hex.ts";
import { zeroCounters } from "../../../../src/forwarding/counters-table.ts";
import {
  circuitEntry,
  circuitKey,
  circuitValue,
  counterOffset,
  discardOffset,
  mapSizes,
  NO_INDEX,
  peerEntry,
  peerKey,
  peerValue,
  puntEntry,
  sequenceValue,
} from "../../../../src/forwarding/ebpf/programs/map-layout.ts";
import {
  everyEncapsulation,
  headerOffsets,
  PUNT_VARIANT,
  variantOf,
} from "../../../../src/forwarding/ebpf/programs/options.ts";
import { policyBits } from "../../../../src/forwarding/ebpf/programs/policy.ts";
import { countersFrom } from "../../../../src/forwarding/ebpf/programs/session-counters.ts";
import {
  decodeStruct,
  encodeStruct,
  type StructLayout,
  sizeOf,
  type ValuesOf,
} from "../../../../src/forwarding/ebpf/programs/struct-layout.ts";
import { attachmentOf, placementOf, sessionOf } from "../../../support/ebpf-session.ts";
import { assertProperty } from "../../../support/seeds.ts";

const SEED = 4719;
const layouts = { circuitKey, circuitValue, peerKey, peerValue, sequenceValue };

function anyValues(layout: StructLayout): fc.Arbitrary<Readonly<Record<string, Uint8Array | number>>> {
  return fc.record(
    Object.fromEntries(
      Object.entries(layout).map(([name, { octets, kind }]) => [
        name,
        kind === "octets"
          ? fc.uint8Array({ minLength: octets, maxLength: octets })
          : fc.nat(octets === 2 ? 0xffff : 0x7fff_ffff).map((value) => (octets > 2 ? 2 * value : value)),
      ]),
    ),
  );
}

describe.each(Object.entries<StructLayout>(layouts))("%s", (_, layout) => {
  test("its fields follow each other, each where a machine can load it", () => {
    let end = 0;
    for (const [name, { offset, octets, kind }] of Object.entries(layout)) {
      expect(offset, name).toBe(end);
      if (kind !== "octets") expect(offset % octets, name).toBe(0);
      end = offset + octets;
    }
    expect(end).toBe(sizeOf(layout));
  });

  test("what was encoded decodes to itself", () => {
    assertProperty(
      fc.property(anyValues(layout), (values) => {
        const octets = encodeStruct(layout, values as ValuesOf<StructLayout>);
        expect(octets.length).toBe(sizeOf(layout));
        expect(decodeStruct(layout, octets)).toEqual(values);
      }),
      { seed: SEED },
    );
  });
});

test("orders are those of their kinds, and what does not fit is refused", () => {
  const layout = {
    machine: { offset: 0, octets: 4, kind: "machine" },
    network: { offset: 4, octets: 2, kind: "network" },
    octets: { offset: 6, octets: 2, kind: "octets" },
  } as const satisfies StructLayout;
  const values = { machine: 0x0102_0304, network: 0x0506, octets: hex`07` };
  expect(toHex(encodeStruct(layout, values))).toBe("0403020105060700");
  expect(() => encodeStruct(layout, { ...values, network: 0x1_0000 })).toThrow(
    "network: 65536 does not fit 2",
  );
  expect(() => encodeStruct(layout, { ...values, machine: -1 })).toThrow("machine: -1 does not fit 4 octets");
  expect(() => encodeStruct(layout, { ...values, octets: hex`070809` })).toThrow(
    "octets: 3 octets do not fit 2",
  );
  expect(() => decodeStruct(layout, hex`00`)).toThrow("a struct of 8 octets, not 1");
});

const udp8 = {
  family: 4,
  encapsulation: "udp",
  cookieOctets: 8,
  sublayer: false,
  sequencing: "none",
} as const;

test("an entry of the circuit side has the whole template, and nothing of any one frame", () => {
  const options = { ...udp8, vlan: "vlan" } as const;
  const [key, value] = circuitEntry(
    sessionOf(options),
    attachmentOf(options, { linkLocal: "no-pause", packetTooBig: "answer" }),
    placementOf(options, {
      circuitInterface: 7,
      networkInterface: 9,
      fragmentation: "outer",
      exceptionInterface: 5,
      segment: true,
      segmenter: { segment: 6, coalesce: 8 },
    }),
  );
  expect(decodeStruct(circuitKey, key)).toEqual({ interfaceIndex: 7, vlan: 0x8100_006f });
  const { template, nextHop, ...rest } = decodeStruct(circuitValue, value);
  expect(toHex(template)).toBe(
    "45000000000000004011000 0c0000201c0000202 06a506a500000000 000300000b0b0002 b0b1b2b3b4b5b6b7".replace(
      / /g,
      "",
    ) + "00".repeat(28),
  );
  expect(toHex(nextHop)).toBe(`c0000202${"00".repeat(12)}`);
  expect(rest).toEqual({
    nextHopFamily: 2,
    interfaceIndex: 9,
    headerSum: 0x45 + 0x1140 + 0xc0 + 0x0102 + 0xc0 + 0x0202,
    variant: variantOf(options),
    policy:
      policyBits.transmitAllowed +
      policyBits.blockPause +
      policyBits.fragmentOuter +
      policyBits.segment +
      policyBits.segmenter +
      policyBits.answersTooBig,
    frameOctets: 1514,
    packetOctets: 9000,
    sessionIndex: 3,
    tagProtocol: 0x8100,
    vlanId: 222,
    exceptionPath: 5,
    exceptionEntry: 0,
    clampMtu: 0,
    clampFrameOctets: 0,
    segmenter: 6,
  });
});

test("an entry of the peer side tells what a data message must be", () => {
  const options = { ...udp8, family: 6, vlan: "port" } as const;
  const [key, value] = peerEntry(
    sessionOf(options, { receiveAllowed: false }),
    attachmentOf(options, { sequenceRule: { window: 0x0102, resetAfter: 7 } }),
    placementOf(options, {
      deliver: "in",
      segmenter: { segment: 8, coalesce: 9 },
      networkExceptionPath: { entry: 10, exit: 11 },
    }),
  );
  expect(toHex(key)).toBe("0a0a0001");
  expect(toHex(value)).toBe(
    "20010db8000000000000000000000001" +
      "20010db8000000000000000000000002" +
      `06a506a5${variantOf(options).toString(16).padStart(2, "0")}000000` +
      "b0b1b2b3b4b5b6b7" +
      "01000000 03000000 0000000001000000 09000000 0a000000 0b000000 02010000 07000000 01000000".replace(
        / /g,
        "",
      ) +
      "0".repeat(2 * (8 + 4 + 4)),
  );
});

test("entries tell the clamp of both directions, whose programs are variants of their own", () => {
  const options = { ...udp8, vlan: "port" } as const;
  const clamped = attachmentOf(options, { mssClamp: "auto", wholeFrameOctets: 1456 });
  const entries = [circuitEntry, peerEntry].map(
    (entry) => entry(sessionOf(options), clamped, placementOf(options))[1],
  );
  const variant = variantOf({ ...options, clampsMss: true });
  const clamp = { variant, clampMtu: 1500, clampFrameOctets: 1456 };
  expect(decodeStruct(circuitValue, entries[0]!)).toMatchObject(clamp);
  expect(decodeStruct(peerValue, entries[1]!)).toMatchObject(clamp);
  expect(variant).not.toBe(variantOf(options));
});

test("addresses of another family, and cookies that there are not, are refused", () => {
  const options = { ...udp8, vlan: "port" } as const;
  const at = attachmentOf(options);
  const mixed = placementOf(options, { remoteAddress: new Uint8Array(16) });
  expect(() => circuitEntry(sessionOf(options), at, mixed)).toThrow("outer addresses of IPv4 have 4 octets");
  const odd = sessionOf(options, { receiveCookie: new Uint8Array(3) });
  expect(() => peerEntry(odd, at, placementOf(options))).toThrow("a cookie of 3 octets");
});

test("an entry of a circuit that no program carries tells the exception path alone", () => {
  const [key, value] = puntEntry(attachmentOf({ ...udp8, vlan: "vlan" }), 7, 5);
  expect(decodeStruct(circuitKey, key)).toEqual({ interfaceIndex: 7, vlan: 0x8100_006f });
  const { variant, exceptionPath, sessionIndex } = decodeStruct(circuitValue, value);
  expect({ variant, exceptionPath, sessionIndex }).toEqual({
    variant: PUNT_VARIANT,
    exceptionPath: 5,
    sessionIndex: NO_INDEX,
  });
  const [, withIndex] = puntEntry(attachmentOf({ ...udp8, vlan: "port" }), 7, 5, { sessionIndex: 3 });
  expect(decodeStruct(circuitValue, withIndex).sessionIndex).toBe(3);
  expect(everyEncapsulation().map(variantOf)).not.toContain(PUNT_VARIANT);
});

test("every combination has a variant and a template of its own size", () => {
  const all = everyEncapsulation();
  // How many processors a machine has does not make a variant.
  const ofSession = all.filter(({ processors }) => processors === undefined);
  for (const some of [all, ofSession]) expect(new Set(some.map(variantOf)).size).toBe(ofSession.length);
  for (const options of all) {
    const [, value] = circuitEntry(sessionOf(options), attachmentOf(options), placementOf(options));
    expect(value.length).toBe(mapSizes.circuits.valueOctets);
    expect(headerOffsets(options).frame).toBeLessThanOrEqual(circuitValue.template.octets);
  }
});

test("counters are summed over CPUs, and only reasons that occurred are told", () => {
  const cpu = (frames: bigint, runts: bigint) => {
    const octets = new Uint8Array(mapSizes.counters.valueOctets);
    const view = new DataView(octets.buffer);
    view.setBigUint64(counterOffset("receivedFrames"), frames, true);
    view.setBigUint64(counterOffset("transmittedOctets"), 60n * frames, true);
    view.setBigUint64(discardOffset("runt"), runts, true);
    return octets;
  };
  expect(countersFrom(5, [cpu(1n, 0n), cpu(2n, 7n)])).toEqual({
    ...zeroCounters,
    localSessionId: 5,
    receivedFrames: 3,
    transmittedOctets: 180,
    discards: { runt: 7 },
  });
  expect(countersFrom(5, [cpu(0n, 0n)]).discards).toEqual({});
});
