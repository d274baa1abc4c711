import type { AvpRecord, PacketRecord } from "../../capture/record.ts";
import { avpNameOf } from "../../wire/avp-table.ts";
import { vendor } from "../../wire/constants.ts";
import { avpTitle } from "../../wire/value-text.ts";

/** A control message of a ladder. */
export interface LadderStep {
  /** Milliseconds since the first message of the network. */
  readonly atMs: number;
  /** Whether the left one of the two sent it. */
  readonly fromLeft: boolean;
  /** Such as SCCRQ; ZLB for a header alone. */
  readonly message: string;
  readonly ns: number;
  readonly nr: number;
  readonly isRetransmission: boolean;
  /** Of its Message Digest; undefined where it has none. */
  readonly digest: "right" | "wrong" | "unchecked" | undefined;
  /** Why a receiver refuses it, or cannot read it; undefined when it does not. */
  readonly problem: string | undefined;
  /** Names and values of its AVPs. */
  readonly avps: readonly string[];
}

/** The control messages between two addresses, in the order of a capture. */
export interface Ladder {
  readonly left: string;
  readonly right: string;
  readonly encapsulation: string;
  readonly steps: readonly LadderStep[];
}

/** Makes a ladder for each pair of addresses; `nameOf` is who has an address. */
export function laddersOf(
  records: readonly PacketRecord[],
  nameOf: (address: string) => string,
): readonly Ladder[] {
  const messages = records.filter((record) => record.kind === "control" || record.kind === "malformed");
  const startMs = messages[0] === undefined ? 0 : millisecondsAt(messages[0].time);
  const pairs = new Map<string, { left: string; right: string; records: (typeof messages)[number][] }>();
  for (const record of messages) {
    const { source, destination, encapsulation } = record;
    const key = `${[source, destination].sort().join(" ")} ${encapsulation}`;
    const pair = pairs.get(key) ?? { left: source, right: destination, records: [] };
    pairs.set(key, pair);
    pair.records.push(record);
  }
  return [...pairs.values()].map(({ left, right, records: own }) => ({
    left: nameOf(left),
    right: nameOf(right),
    encapsulation: own[0]?.encapsulation === "ip" ? "IP 115" : "UDP",
    steps: stepsOf(own, left, startMs),
  }));
}

type Message = Extract<PacketRecord, { kind: "control" | "malformed" }>;

function stepsOf(records: readonly Message[], left: string, startMs: number): readonly LadderStep[] {
  const seen = new Set<string>();
  return records.map((record) => {
    const { source, avps } = record;
    const header = record.kind === "control" ? record : record.header;
    const message = record.kind === "control" ? record.message : "unreadable";
    // Ns and AVPs stay in a retransmission; Nr, and with it the digest, may change.
    const own = avps.filter(({ digest }) => digest === null).map(({ value }) => value);
    const key = [source, header?.controlConnectionId, header?.ns, message, ...own].join(" ");
    const isRetransmission = message !== "ZLB" && seen.has(key);
    seen.add(key);
    return {
      atMs: millisecondsAt(record.time) - startMs,
      fromLeft: source === left,
      message,
      ns: header?.ns ?? 0,
      nr: header?.nr ?? 0,
      isRetransmission,
      digest: avps.find(({ digest }) => digest !== null)?.digest ?? undefined,
      problem: (record.kind === "control" ? record.refusal : record.reason) ?? undefined,
      avps: avps.map(avpText),
    };
  });
}

/** A time with microseconds, which Date.parse leaves out, in milliseconds. */
function millisecondsAt(time: string): number {
  return Date.parse(time) + Number(/\.\d{3}(\d{3})Z$/.exec(time)?.[1] ?? 0) / 1000;
}

function avpText({ name, vendorId, attributeType, hidden, text, problem, value }: AvpRecord): string {
  const known = vendorId === vendor.ietf ? avpNameOf(attributeType) : undefined;
  const title = known === undefined ? name : avpTitle(known);
  return `${title}${hidden ? " (hidden)" : ""}: ${text ?? problem ?? value}`;
}
