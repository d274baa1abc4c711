import { expect, test } from "vitest";
import type { ControlRecord, MalformedRecord } from "../../../src/capture/record.ts";
import { laddersOf } from "../../../src/lab/report/ladder.ts";

function control(message: string, time: string, ns: number, own: Partial<ControlRecord> = {}): ControlRecord {
  return {
    ...{ kind: "control", number: 1, time: `2026-01-02T03:04:${time}Z`, encapsulation: "udp" },
    ...{ source: "192.0.2.1", sourcePort: 1701, destination: "192.0.2.2", destinationPort: 1701 },
    ...{ notes: [], version: 3, length: 12, controlConnectionId: 7, ns, nr: 0, message },
    ...{ messageType: 1, avps: [], refusal: null },
    ...own,
  };
}

const back = { source: "192.0.2.2", destination: "192.0.2.1" };
const nameOf = (address: string): string => (address === "192.0.2.1" ? "hq" : address);

test("messages of two addresses are a ladder, with times from the first one of the network", () => {
  const [ladder, ...others] = laddersOf(
    [
      control("SCCRQ", "05.000250", 0),
      control("SCCRQ", "06.000250", 0),
      control("SCCRP", "06.001500", 0, { ...back, nr: 1 }),
      control("ZLB", "06.002000", 1),
      control("ZLB", "06.003000", 1),
    ],
    nameOf,
  );
  expect(others).toEqual([]);
  expect(ladder).toMatchObject({ left: "hq", right: "192.0.2.2", encapsulation: "UDP" });
  expect(
    ladder?.steps.map(({ message, fromLeft, isRetransmission }) => [message, fromLeft, isRetransmission]),
  ).toEqual([
    ["SCCRQ", true, false],
    ["SCCRQ", true, true],
    ["SCCRP", false, false],
    ["ZLB", true, false],
    ["ZLB", true, false],
  ]);
  expect(ladder?.steps[0]?.atMs).toBe(0);
  expect(ladder?.steps[2]?.atMs).toBeCloseTo(1001.25, 3);
});

test("each pair of addresses, and each encapsulation, has a ladder of its own", () => {
  const other = { source: "192.0.2.3", destination: "192.0.2.1" };
  const records = [
    control("SCCRQ", "05.000000", 0),
    control("SCCRQ", "05.100000", 0, other),
    control("SCCRQ", "05.200000", 0, { encapsulation: "ip" }),
    control("SCCRP", "05.300000", 0, back),
  ];
  expect(
    laddersOf(records, nameOf).map(({ left, encapsulation, steps }) => [left, encapsulation, steps.length]),
  ).toEqual([
    ["hq", "UDP", 2],
    ["192.0.2.3", "UDP", 1],
    ["hq", "IP 115", 1],
  ]);
  expect(laddersOf([], nameOf)).toEqual([]);
});

test("what a receiver would refuse or cannot read, the digest, and AVPs", () => {
  const avp = {
    ...{ vendorId: 0, attributeType: 7, name: "Host Name", mandatory: true, hidden: true, value: "6871" },
    ...{ revealed: null, text: "hq", problem: null, digest: null, digestNote: null },
  };
  const digest = {
    ...avp,
    attributeType: 59,
    hidden: false,
    digest: "wrong" as const,
    text: null,
    problem: "short",
  };
  const {
    kind: _,
    avps: _avps,
    message: _message,
    messageType: _type,
    refusal: _refusal,
    ...base
  } = control("", "05.1", 0);
  const malformed: MalformedRecord = {
    ...base,
    kind: "malformed",
    of: "control",
    reason: "cut",
    header: null,
    avps: [],
  };
  const refused = control("SCCRQ", "05.000000", 0, { avps: [avp, digest], refusal: "no" });
  const steps = laddersOf([refused, malformed], nameOf)[0]?.steps ?? [];
  expect(steps[0]).toMatchObject({ problem: "no", digest: "wrong" });
  expect(steps[0]?.avps).toEqual(["Host Name (hidden): hq", "Message Digest: short"]);
  expect(steps[1]).toMatchObject({ message: "unreadable", problem: "cut", digest: undefined });
});
