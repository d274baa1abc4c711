import { Reader } from "../bytes/reader.ts";
import { AVP_HEADER_OCTETS, decodeAvps, type RawAvp } from "../wire/avp.ts";
import { type AvpName, avpNameOf, avpTable, ciscoAvps } from "../wire/avp-table.ts";
import { vendor } from "../wire/constants.ts";
import { CONTROL_HEADER_OCTETS } from "../wire/control-header.ts";
import { decodingProblem, ProtocolError } from "../wire/errors.ts";
import { revealValue } from "../wire/hidden-avp.ts";

/** One AVP and its decoded value, as far as it can be decoded. */
export interface ReadAvp {
  readonly raw: RawAvp;
  /** Its row, or that of the IETF's AVP for which one of Cisco's stands; undefined where there is none. */
  readonly name: AvpName | undefined;
  /** The value in clear; undefined when it is hidden and cannot be revealed. */
  readonly clear: Uint8Array | undefined;
  /** The value by its row's codec; undefined without row, and when it is not of its form. */
  readonly decoded: unknown;
  /** Why the value cannot be read. */
  readonly problem: string | undefined;
  /** Whether the value is hidden and only the right secret is missing. */
  readonly needsSecret: boolean;
}

export interface ReadMessage {
  readonly avps: readonly ReadAvp[];
  /** Values by name: the IETF's first, then those of Cisco that stand for one that is absent. */
  readonly values: ReadonlyMap<AvpName, unknown>;
  /** Names of AVPs that stay hidden. */
  readonly stillHidden: ReadonlySet<AvpName>;
  /** The decoder's error where the AVPs become unreadable; `avps` are those in front. */
  readonly damage: string | undefined;
}

const LENGTH_MASK = 0x03ff;

/**
 * Reads all AVPs of a message that runs from its T bit to the end of `octets`, as far as they can be told
 * apart.
 */
export function readAvps(octets: Uint8Array, secrets: readonly Uint8Array[]): ReadMessage {
  const { raw, damage } = split(octets);
  const avps: ReadAvp[] = [];
  let randomVector: Uint8Array | undefined;
  for (const avp of raw) {
    const read = readAvp(avp, secrets, randomVector);
    avps.push(read);
    if (read.name === "randomVector" && !avp.hidden) randomVector = avp.value;
  }
  const values = new Map<AvpName, unknown>();
  const stillHidden = new Set<AvpName>();
  // Cisco's equivalent of an AVP counts only where the AVP itself is absent.
  for (const isEquivalent of [false, true]) {
    for (const { raw: avp, name, decoded, needsSecret } of avps) {
      if (name === undefined || (avp.vendorId !== vendor.ietf) !== isEquivalent) continue;
      if (needsSecret) stillHidden.add(name);
      if (decoded !== undefined && !values.has(name)) values.set(name, decoded);
    }
  }
  return { avps, values, stillHidden: stillHidden, damage };
}

function split(octets: Uint8Array): { raw: readonly RawAvp[]; damage: string | undefined } {
  try {
    return { raw: decodeAvps(octets), damage: undefined };
  } catch (error) {
    const damage = decodingProblem(error);
    return { raw: splitAgain(octets.subarray(0, endOfWholeAvps(octets))), damage };
  }
}

function splitAgain(octets: Uint8Array): readonly RawAvp[] {
  try {
    return decodeAvps(octets);
  } catch (error) {
    decodingProblem(error);
    return [];
  }
}

/** Offset at which the last complete AVP ends. */
function endOfWholeAvps(octets: Uint8Array): number {
  let end = Math.min(CONTROL_HEADER_OCTETS, octets.length);
  while (end + AVP_HEADER_OCTETS <= octets.length) {
    const length = new Reader(octets.subarray(end)).u16("avpFlags") & LENGTH_MASK;
    if (length < AVP_HEADER_OCTETS || end + length > octets.length) break;
    end += length;
  }
  return end;
}

function avpNameOfRaw(avp: RawAvp): AvpName | undefined {
  if (avp.vendorId === vendor.ietf) return avpNameOf(avp.attributeType);
  return avp.vendorId === vendor.cisco ? ciscoAvps.get(avp.attributeType)?.equivalent : undefined;
}

function readAvp(raw: RawAvp, secrets: readonly Uint8Array[], randomVector: Uint8Array | undefined): ReadAvp {
  const name = avpNameOfRaw(raw);
  const open = raw.hidden ? reveal(raw, name, secrets, randomVector) : { clear: raw.value };
  if (open.clear === undefined) {
    return {
      raw,
      name,
      clear: undefined,
      decoded: undefined,
      problem: open.problem,
      needsSecret: open.needsSecret,
    };
  }
  const { decoded, problem } = decode(name, open.clear);
  return { raw, name, clear: open.clear, decoded, problem, needsSecret: false };
}

function decode(name: AvpName | undefined, value: Uint8Array): { decoded?: unknown; problem?: string } {
  if (name === undefined) return {};
  try {
    return { decoded: avpTable[name].value.decode(value) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { problem: error.message };
  }
}

type Revealed =
  | { readonly clear: Uint8Array }
  | { readonly clear?: undefined; readonly problem: string; readonly needsSecret: boolean };

function reveal(
  raw: RawAvp,
  name: AvpName | undefined,
  secrets: readonly Uint8Array[],
  randomVector: Uint8Array | undefined,
): Revealed {
  if (name !== undefined && !avpTable[name].hideable) {
    return { problem: "must not be hidden", needsSecret: false };
  }
  if (randomVector === undefined) {
    return { problem: "hidden, and no Random Vector stands before it", needsSecret: false };
  }
  for (const secret of secrets) {
    try {
      const clear = revealValue(raw.value, raw.attributeType, secret, randomVector);
      if (decode(name, clear).problem === undefined) return { clear };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
  const problem = secrets.length === 0 ? "hidden; the secret reveals it" : "hidden, and under another secret";
  return { problem, needsSecret: true };
}
