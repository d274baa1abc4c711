import type { Encapsulation } from "../wire/session-parameters.ts";
import type { FrameSummary } from "./frame.ts";
import type { CapturedRoute, Endpoint } from "./layers.ts";

/**
 * Output of `wirespan decode` for one packet. `--json` prints it unchanged: keys are stable, octets are
 * hexadecimal.
 */
export type PacketRecord = ControlRecord | DataRecord | MalformedRecord | TruncatedRecord | FragmentRecord;

/** Fields of all records. */
export interface RecordBase {
  /** Of the packet in its file, from 1. */
  readonly number: number;
  /** UTC, with microseconds. */
  readonly time: string;
  readonly encapsulation: Encapsulation;
  readonly source: string;
  /** Null directly over IP. */
  readonly sourcePort: number | null;
  readonly destination: string;
  readonly destinationPort: number | null;
  /** Notes on the packet around L2TP: cut short, or the first of several fragments. */
  readonly notes: readonly string[];
}

export interface ControlHeaderRecord {
  readonly version: number;
  readonly length: number;
  readonly controlConnectionId: number;
  readonly ns: number;
  readonly nr: number;
}

export interface ControlRecord extends RecordBase, ControlHeaderRecord {
  readonly kind: "control";
  /** Such as "SCCRQ"; "ZLB" for a header alone. */
  readonly message: string;
  /** Null for a ZLB. */
  readonly messageType: number | null;
  readonly avps: readonly AvpRecord[];
  /** Why a receiver refuses it; null when it does not. */
  readonly refusal: string | null;
}

/** Of a Message Digest: "unchecked" without a secret, or without the nonces that it was made with. */
export type DigestVerdict = "right" | "wrong" | "unchecked";

export interface AvpRecord {
  readonly vendorId: number;
  readonly attributeType: number;
  /** Name in the AVP table, or a description of an AVP that has no row. */
  readonly name: string;
  readonly mandatory: boolean;
  readonly hidden: boolean;
  /** As it stands in the message. */
  readonly value: string;
  /** The value of a hidden AVP; null when not hidden or not revealed. */
  readonly revealed: string | null;
  /** The value as text; null when it cannot be read. */
  readonly text: string | null;
  /** Why it cannot be read; null when it can. */
  readonly problem: string | null;
  /** Null for all but Message Digests. */
  readonly digest: DigestVerdict | null;
  /** More about the verdict; null where there is no more. */
  readonly digestNote: string | null;
}

export interface DataRecord extends RecordBase {
  readonly kind: "data";
  readonly sessionId: number;
  /** Whether cookie and sublayer are known from the session's set-up, from the options, or not at all. */
  readonly format: "learnt" | "given" | "unknown";
  /** Null when the format is unknown. */
  readonly cookie: string | null;
  /** Whether it is the cookie that the receiver assigned; null when that is not known. */
  readonly cookieMatches: boolean | null;
  readonly sublayer: SublayerRecord | null;
  readonly frame: FrameSummary | null;
  /** Description of the payload. */
  readonly content: string;
  /** Octets of the payload that are there. */
  readonly payloadOctets: number;
}

export interface SublayerRecord {
  readonly sequenceNumber: number | null;
  readonly fragment: "first" | "middle" | "last" | null;
  /** Channel type of a VCCV message; null for anything else. */
  readonly vccvChannel: number | null;
}

/** A message that a receiver discards, with the decoder's reason and what could be read of it. */
export interface MalformedRecord extends RecordBase {
  readonly kind: "malformed";
  /** Kind of message. */
  readonly of: "control" | "data";
  readonly reason: string;
  readonly header: ControlHeaderRecord | null;
  readonly avps: readonly AvpRecord[];
}

/** A message of which the capture holds too little to read it. */
export interface TruncatedRecord extends RecordBase {
  readonly kind: "truncated";
  /** Kind of message. */
  readonly of: "control" | "data";
  readonly reason: string;
}

/** A later fragment of an IP packet: nothing in it can be read by itself. */
export interface FragmentRecord extends RecordBase {
  readonly kind: "fragment";
  /** Of its payload in the whole packet. */
  readonly offset: number;
  readonly payloadOctets: number;
}

/** Totals of a capture. */
export interface Summary {
  readonly kind: "summary";
  readonly control: number;
  /** Control messages, counted above too, that a receiver refuses. */
  readonly refused: number;
  readonly data: number;
  /** Data messages, counted above too, of sessions whose set-up is not in the capture. */
  readonly unknownSessions: number;
  readonly malformed: number;
  readonly wrongDigests: number;
  readonly other: number;
  readonly otherReasons: Readonly<Record<string, number>>;
  /** False when the file ends inside a packet or is damaged. */
  readonly complete: boolean;
}

/** An endpoint as people write it. */
export function endpointText({ address, port }: Endpoint): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The part of a record that the packet around L2TP gives. */
export function recordBase(
  packet: { readonly number: number; readonly timeUs: number },
  route: CapturedRoute,
  notes: readonly string[],
): RecordBase {
  return {
    number: packet.number,
    time: timeText(packet.timeUs),
    encapsulation: route.encapsulation,
    source: route.source.address,
    sourcePort: route.source.port ?? null,
    destination: route.destination.address,
    destinationPort: route.destination.port ?? null,
    notes,
  };
}

function timeText(timeUs: number): string {
  const seconds = new Date(Math.floor(timeUs / 1e6) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(timeUs % 1e6).padStart(6, "0")}Z`;
}
