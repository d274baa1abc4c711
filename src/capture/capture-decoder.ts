import type { CapturedPacket } from "../os/capture-file.ts";
import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { decodingProblem } from "../wire/errors.ts";
import { rawAssignedConnectionId, rawMessageName, splitControlMessage } from "../wire/raw-message.ts";
import { readControlMessage } from "./control-message.ts";
import { readDataMessage, type StaticFormat } from "./data-message.ts";
import { type CapturedRoute, type Endpoint, type Layers, unwrapPacket } from "./layers.ts";
import { LearnedState } from "./learned-state.ts";
import { endpointText, type PacketRecord, recordBase, type Summary } from "./record.ts";

export interface DecoderOptions {
  /** UDP port of L2TP; 1701 when undefined. */
  readonly port?: number | undefined;
  readonly secrets?: readonly Uint8Array[];
  readonly staticFormat?: StaticFormat | undefined;
}

/** Ours: most entries to keep of one capture, against captures made to exhaust memory. */
const MOST_REMEMBERED = 65_536;

const T_BIT = 0x8000;
const VERSION_MASK = 0x000f;
const ZERO_WORD_OCTETS = 4;

type Counts = { -readonly [K in Exclude<keyof Summary, "kind" | "otherReasons" | "complete">]: Summary[K] };

/** Kind of a UDP payload by its first 16 bits; undefined when it is not L2TPv3. */
type UdpContent = "control" | "data" | undefined;

/**
 * Decodes the packets of one capture in order, using what was learned from earlier ones. Never throws because
 * of a packet.
 */
export class CaptureDecoder {
  readonly #port: number;
  readonly #secrets: readonly Uint8Array[];
  readonly #staticFormat: StaticFormat | undefined;
  readonly #learnedState = new LearnedState();
  /** Senders of SCCRQs: their connections may use other ports than 1701 (RFC 3931 §4.1.2). */
  readonly #endpoints = new Set<string>();
  /** Packets whose first fragment was L2TP. */
  readonly #fragmented = new Set<string>();
  readonly #otherReasons = new Map<string, number>();
  readonly #counts: Counts = {
    control: 0,
    refused: 0,
    data: 0,
    unknownSessions: 0,
    malformed: 0,
    wrongDigests: 0,
    other: 0,
  };

  constructor(options: DecoderOptions = {}) {
    this.#port = options.port ?? UDP_PORT_L2TP;
    this.#secrets = options.secrets ?? [];
    this.#staticFormat = options.staticFormat;
  }

  /** The record of one packet; undefined when it is not L2TPv3. */
  decode(packet: CapturedPacket): PacketRecord | undefined {
    const layers = unwrapPacket(packet.linkType, packet.octets, (source, destination) =>
      this.#isL2tp(source, destination),
    );
    const record = layers.kind === "other" ? undefined : this.#read(packet, layers);
    if (layers.kind === "other") this.#countOther(layers.reason);
    if (record !== undefined) this.#count(record);
    return record;
  }

  /** What was counted so far. */
  summary(complete: boolean): Summary {
    const otherReasons = Object.fromEntries(this.#otherReasons);
    return { kind: "summary", ...this.#counts, otherReasons, complete };
  }

  #isL2tp(source: Endpoint, destination: Endpoint): boolean {
    return [source, destination].some(
      (endpoint) => endpoint.port === this.#port || this.#endpoints.has(endpointText(endpoint)),
    );
  }

  #read(packet: CapturedPacket, layers: Exclude<Layers, { kind: "other" }>): PacketRecord | undefined {
    if (layers.kind === "later-fragment") return this.#readFragment(packet, layers);
    const { route, payload, missingOctets, firstFragmentOf } = layers;
    const content = route.encapsulation === "ip" ? ipContent(payload) : udpContent(payload);
    if (content === undefined) {
      this.#countOther(payload.length < 2 ? "cut short in front of L2TP" : "L2TP of another version");
      return undefined;
    }
    remember(this.#fragmented, firstFragmentOf);
    const base = recordBase(packet, route, notesOf(payload, missingOctets, firstFragmentOf));
    const isPartial = missingOctets > 0 || firstFragmentOf !== undefined;
    if (content === "data") {
      const context = { learnedState: this.#learnedState, staticFormat: this.#staticFormat };
      return readDataMessage(base, payload, isPartial, context);
    }
    const message = route.encapsulation === "ip" ? payload.subarray(ZERO_WORD_OCTETS) : payload;
    const context = { learnedState: this.#learnedState, secrets: this.#secrets };
    const record = readControlMessage(base, message, isPartial, context);
    if (record.kind === "control" && record.message === "SCCRQ") this.#rememberEndpoint(route);
    return record;
  }

  #readFragment(
    packet: CapturedPacket,
    { route, key, offset, octets }: Extract<Layers, { kind: "later-fragment" }>,
  ): PacketRecord | undefined {
    if (route.encapsulation === "udp" && !this.#fragmented.has(key)) {
      this.#countOther("later fragments of UDP");
      return undefined;
    }
    return { ...recordBase(packet, route, []), kind: "fragment", offset, payloadOctets: octets };
  }

  #rememberEndpoint({ encapsulation, source }: CapturedRoute): void {
    if (encapsulation === "udp") remember(this.#endpoints, endpointText(source));
  }

  #count(record: PacketRecord): void {
    if (record.kind === "truncated") return this.#countOther("L2TP cut short by the capture");
    if (record.kind === "fragment") return this.#countOther("later fragments of L2TP");
    this.#counts[record.kind] += 1;
    if (record.kind === "data") {
      if (record.format === "unknown") this.#counts.unknownSessions += 1;
      return;
    }
    this.#counts.wrongDigests += record.avps.filter(({ digest }) => digest === "wrong").length;
    if (record.kind === "control" && record.refusal !== null) this.#counts.refused += 1;
  }

  #countOther(reason: string): void {
    this.#counts.other += 1;
    this.#otherReasons.set(reason, (this.#otherReasons.get(reason) ?? 0) + 1);
  }
}

function remember(entries: Set<string>, entry: string | undefined): void {
  if (entry === undefined) return;
  if (entries.size >= MOST_REMEMBERED) entries.clear();
  entries.add(entry);
}

/** A session id of 0 marks control messages (RFC 3931 §4.1.1.2). */
function ipContent(payload: Uint8Array): "control" | "data" {
  const isControl =
    payload.length >= ZERO_WORD_OCTETS && payload.subarray(0, 4).every((octet) => octet === 0);
  return isControl ? "control" : "data";
}

/** The T bit marks control messages; L2TPv2 and L2F share the port (RFC 3931 §4.1.2.1, §4.7). */
function udpContent(payload: Uint8Array): UdpContent {
  if (payload.length < 2) return undefined;
  const flags = (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
  const version = flags & VERSION_MASK;
  const isControl = (flags & T_BIT) !== 0;
  if (version === 3) return isControl ? "control" : "data";
  return version === 2 && isControl && isFallbackRequest(payload) ? "control" : undefined;
}

/** Whether a message of L2TPv2 is an SCCRQ that offers L2TPv3 as well (RFC 3931 §4.7.3). */
function isFallbackRequest(payload: Uint8Array): boolean {
  try {
    const message = splitControlMessage(payload);
    return rawMessageName(message) === "SCCRQ" && rawAssignedConnectionId(message) !== undefined;
  } catch (error) {
    decodingProblem(error);
    return false;
  }
}

function notesOf(payload: Uint8Array, missingOctets: number, firstFragmentOf: string | undefined): string[] {
  const present = payload.length;
  return [
    ...(firstFragmentOf === undefined ? [] : ["first fragment; the others are not put together"]),
    ...(missingOctets === 0 ? [] : [`cut short: ${present} of ${present + missingOctets} octets`]),
  ];
}
