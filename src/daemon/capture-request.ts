import { checkFilter } from "../forwarding/packet-filter.ts";

/** What a client wants captured. */
export interface CaptureRequest {
  readonly pseudowire: string;
  /** Whether the frames of the pseudowire are wanted, and the packets between the two LCCEs. */
  readonly frames: boolean;
  readonly psn: boolean;
  /** Octets that are kept of each frame and packet. */
  readonly snapOctets: number;
  /** Frames and packets after which the capture ends; absent: none. */
  readonly count: number | undefined;
  readonly durationMs: number | undefined;
  /** A filter for frames, and the expression that it was made of. */
  readonly filter: Uint32Array | undefined;
  readonly filterText: string | undefined;
}

/**
 * The header of a capture with the id by which its client has it stop, and the trailer that says as JSON why
 * it ended (`CaptureEnd`).
 */
export const captureIdHeader = "wirespan-capture";
export const captureEndTrailer = "wirespan-capture-end";

/** As tcpdump has it: longer than any packet. */
export const MOST_SNAP_OCTETS = 262_144;
const LEAST_SNAP_OCTETS = 14;
const MOST_COUNT = Number.MAX_SAFE_INTEGER;
/** What a timer of Node takes, some 24 days. */
const MOST_MS = 2 ** 31 - 1;

/** Writes a request as a query. */
export function captureQuery(request: CaptureRequest): URLSearchParams {
  const { pseudowire, frames, psn, snapOctets, count, durationMs, filter, filterText } = request;
  return new URLSearchParams({
    pseudowire,
    frames: String(frames),
    psn: String(psn),
    snaplen: String(snapOctets),
    ...(count === undefined ? {} : { count: String(count) }),
    ...(durationMs === undefined ? {} : { duration_ms: String(durationMs) }),
    ...(filter === undefined ? {} : { filter: Buffer.from(filter.buffer).toString("base64url") }),
    ...(filterText === undefined ? {} : { filter_text: filterText }),
  });
}

/** The request of a query, or what is wrong with it. */
export function parseCapture(query: URLSearchParams): CaptureRequest | string {
  const pseudowire = query.get("pseudowire");
  if (pseudowire === null) return "name a pseudowire: ?pseudowire=NAME";
  const frames = booleanOf(query.get("frames"), true);
  const psn = booleanOf(query.get("psn"), false);
  if (frames === undefined || psn === undefined) return "frames and psn are true or false";
  if (!frames && !psn) return "with frames=false and psn=false there is nothing to capture";
  const snapOctets = numberOf(
    query.get("snaplen") ?? String(MOST_SNAP_OCTETS),
    LEAST_SNAP_OCTETS,
    MOST_SNAP_OCTETS,
  );
  if (snapOctets === undefined) return `snaplen is from ${LEAST_SNAP_OCTETS} to ${MOST_SNAP_OCTETS} octets`;
  const count = optionalNumber(query.get("count"), MOST_COUNT);
  if (count === null) return "count is 1 or more";
  const durationMs = optionalNumber(query.get("duration_ms"), MOST_MS);
  if (durationMs === null) return `duration_ms is from 1 to ${MOST_MS}`;
  const filter = filterOf(query.get("filter"));
  if (typeof filter === "string") return filter;
  const filterText = query.get("filter_text") ?? undefined;
  return { pseudowire, frames, psn, snapOctets, count, durationMs, filter, filterText };
}

function booleanOf(text: string | null, absent: boolean): boolean | undefined {
  if (text === null) return absent;
  return text === "true" ? true : text === "false" ? false : undefined;
}

function numberOf(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && value >= least && value <= most ? value : undefined;
}

/** Null for what is no such number. */
function optionalNumber(text: string | null, most: number): number | undefined | null {
  return text === null ? undefined : (numberOf(text, 1, most) ?? null);
}

/** A filter, or what is wrong with it. */
function filterOf(text: string | null): Uint32Array | string | undefined {
  if (text === null) return undefined;
  const octets = Buffer.from(text, "base64url");
  if (octets.length % 8 !== 0) return "the filter: it has no whole instructions";
  const program = new Uint32Array(Uint8Array.from(octets).buffer);
  const problem = checkFilter(program);
  return problem === undefined ? program : `the filter: ${problem}`;
}
