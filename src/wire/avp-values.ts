import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { ProtocolError } from "./errors.ts";
import { generalError, RESULT_GENERAL_ERROR } from "./result-codes.ts";

/** Codec of an AVP's value. */
export interface ValueCodec<T> {
  /**
   * Throws ProtocolError, error code 2 (length) or 3 (out of range), for a value that is not of this form.
   */
  decode(value: Uint8Array): T;
  encode(value: T): Uint8Array;
}

function lengthError(what: string, length: number): ProtocolError {
  return new ProtocolError(`read ${what}: ${length} octets`, {
    resultCode: RESULT_GENERAL_ERROR,
    errorCode: generalError.length,
    section: "5.1",
  });
}

function rangeError(what: string): ProtocolError {
  return new ProtocolError(`read ${what}`, {
    resultCode: RESULT_GENERAL_ERROR,
    errorCode: generalError.outOfRange,
    section: "5.4",
  });
}

function fixedLength<T>(
  what: string,
  length: number,
  read: (reader: Reader) => T,
  write: (writer: Writer, value: T) => void,
): ValueCodec<T> {
  return {
    decode(value) {
      if (value.length !== length) throw lengthError(what, value.length);
      return read(new Reader(value));
    },
    encode(value) {
      const writer = new Writer(length);
      write(writer, value);
      return writer.finish();
    },
  };
}

export const u16: ValueCodec<number> = fixedLength(
  "a 16-bit value",
  2,
  (reader) => reader.u16("value"),
  (writer, value) => writer.u16(value),
);

export const u32: ValueCodec<number> = fixedLength(
  "a 32-bit value",
  4,
  (reader) => reader.u32("value"),
  (writer, value) => writer.u32(value),
);

export const u64: ValueCodec<bigint> = fixedLength(
  "a 64-bit value",
  8,
  (reader) => reader.u64("value"),
  (writer, value) => writer.u64(value),
);

/** Octets of any of the given lengths; of any length at all when none is given. Decoding gives a copy. */
export function octets(...lengths: readonly number[]): ValueCodec<Uint8Array> {
  return {
    decode(value) {
      if (lengths.length > 0 && !lengths.includes(value.length)) throw lengthError("octets", value.length);
      return value.slice();
    },
    encode: (value) => value,
  };
}

/** Octets, at least `minimum` of them. */
export function octetsFrom(minimum: number): ValueCodec<Uint8Array> {
  return {
    decode(value) {
      if (value.length < minimum) throw lengthError("octets", value.length);
      return value.slice();
    },
    encode: (value) => value,
  };
}

/**
 * Text of at least `minimum` octets; what is not UTF-8 (of which US-ASCII is part) becomes replacement
 * characters.
 */
export function text(minimum: number): ValueCodec<string> {
  return {
    decode(value) {
      if (value.length < minimum) throw lengthError("text", value.length);
      return new TextDecoder().decode(value);
    },
    encode: (value) => new TextEncoder().encode(value),
  };
}

/** One or more 16-bit values (RFC 3931 §5.4.3, Pseudowire Capabilities List). */
export const u16List: ValueCodec<readonly number[]> = {
  decode(value) {
    if (value.length === 0 || value.length % 2 !== 0)
      throw lengthError("a list of 16-bit values", value.length);
    const reader = new Reader(value);
    return Array.from({ length: value.length / 2 }, () => reader.u16("value"));
  },
  encode(values) {
    const writer = new Writer();
    for (const value of values) writer.u16(value);
    return writer.finish();
  },
};

/** Value of the Result Code AVP (RFC 3931 §5.4.2). */
export interface ResultCode {
  readonly resultCode: number;
  readonly errorCode?: number;
  readonly errorMessage?: string;
}

/** The AVP's length alone tells which parts are there: 2 octets, 4, or more (RFC 3931 §5.4.2). */
export const resultCode: ValueCodec<ResultCode> = {
  decode(value) {
    const reader = new Reader(value);
    if (value.length !== 2 && value.length < 4) throw lengthError("a result code", value.length);
    const code = reader.u16("resultCode");
    if (reader.remaining === 0) return { resultCode: code };
    const errorCode = reader.u16("errorCode");
    if (reader.remaining === 0) return { resultCode: code, errorCode };
    return { resultCode: code, errorCode, errorMessage: new TextDecoder().decode(reader.rest()) };
  },
  encode(value) {
    const writer = new Writer().u16(value.resultCode);
    if (value.errorCode !== undefined || value.errorMessage !== undefined) writer.u16(value.errorCode ?? 0);
    if (value.errorMessage !== undefined)
      writer.octets(clip(new TextEncoder().encode(value.errorMessage), 1000));
    return writer.finish();
  },
};

/** At most `length` octets of UTF-8, never ending inside a character. */
function clip(utf8: Uint8Array, length: number): Uint8Array {
  if (utf8.length <= length) return utf8;
  let end = length;
  while (end > 0 && ((utf8[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return utf8.subarray(0, end);
}

/** Condition of an attachment circuit and of the pseudowire's end (RFC 3931 §5.4.5, RFC 5641 §2, §3). */
export interface CircuitStatus {
  readonly active: boolean;
  /** Deprecated and to be ignored (RFC 5641 §4). */
  readonly isNew: boolean;
  readonly receiveFault: boolean;
  readonly transmitFault: boolean;
  readonly psnReceiveFault: boolean;
  readonly psnTransmitFault: boolean;
  readonly standby: boolean;
}

/** Whether a circuit is up, in standby or not: A, which beside a fault says nothing (RFC 5641 §3). */
export function isCircuitUp(status: CircuitStatus): boolean {
  const { active, receiveFault, transmitFault, psnReceiveFault, psnTransmitFault } = status;
  return active && !(receiveFault || transmitFault || psnReceiveFault || psnTransmitFault);
}

/** TABLE: bits of the Circuit Status AVP (RFC 5641 §3). */
const circuitStatusBits = {
  active: 0x0001,
  isNew: 0x0002,
  receiveFault: 0x0004,
  transmitFault: 0x0008,
  psnReceiveFault: 0x0010,
  psnTransmitFault: 0x0020,
  standby: 0x0040,
} as const satisfies Record<keyof CircuitStatus, number>;

/** Undefined bits are sent 0 and ignored (RFC 3931 §5.4.5). */
export const circuitStatus: ValueCodec<CircuitStatus> = {
  decode(value) {
    const bits = u16.decode(value);
    const entries = Object.entries(circuitStatusBits).map(([name, bit]) => [name, (bits & bit) !== 0]);
    return Object.fromEntries(entries) as unknown as CircuitStatus;
  },
  encode(status) {
    let bits = 0;
    for (const [name, bit] of Object.entries(circuitStatusBits)) {
      if (status[name as keyof CircuitStatus]) bits |= bit;
    }
    return u16.encode(bits);
  },
};

/**
 * Circuit error counters (RFC 3931 §5.4.5); the first two exist only in the longer of the two layouts in use.
 */
export interface CircuitErrors {
  readonly crcErrors?: number;
  readonly framingErrors?: number;
  readonly hardwareOverruns: number;
  readonly bufferOverruns: number;
  readonly timeoutErrors: number;
  readonly alignmentErrors: number;
}

/**
 * A reserved word and four counters (AVP Length 24) or six (AVP Length 32): the RFC's figure and its text
 * differ.
 */
export const circuitErrors: ValueCodec<CircuitErrors> = {
  decode(value) {
    if (value.length !== 18 && value.length !== 26) throw lengthError("circuit errors", value.length);
    const reader = new Reader(value);
    reader.u16("reserved");
    const long =
      value.length === 26
        ? { crcErrors: reader.u32("crcErrors"), framingErrors: reader.u32("framingErrors") }
        : {};
    return {
      ...long,
      hardwareOverruns: reader.u32("hardwareOverruns"),
      bufferOverruns: reader.u32("bufferOverruns"),
      timeoutErrors: reader.u32("timeoutErrors"),
      alignmentErrors: reader.u32("alignmentErrors"),
    };
  },
  encode(errors) {
    const writer = new Writer().u16(0);
    if (errors.crcErrors !== undefined) writer.u32(errors.crcErrors).u32(errors.framingErrors ?? 0);
    writer.u32(errors.hardwareOverruns).u32(errors.bufferOverruns);
    return writer.u32(errors.timeoutErrors).u32(errors.alignmentErrors).finish();
  },
};

/** A value of consecutive fields of 8, 16 or 32 bits, by their names. */
export function namedFields<Name extends string>(
  layout: Readonly<Record<Name, 8 | 16 | 32>>,
): ValueCodec<Readonly<Record<Name, number>>> {
  const rows = Object.entries(layout) as [Name, 8 | 16 | 32][];
  const length = rows.reduce((total, [, bits]) => total + bits / 8, 0);
  return fixedLength(
    "a value of fixed fields",
    length,
    (reader) =>
      Object.fromEntries(
        rows.map(([name, bits]) => [
          name,
          bits === 8 ? reader.u8(name) : bits === 16 ? reader.u16(name) : reader.u32(name),
        ]),
      ) as Readonly<Record<Name, number>>,
    (writer, value) => {
      for (const [name, bits] of rows) {
        if (bits === 8) writer.u8(value[name]);
        else if (bits === 16) writer.u16(value[name]);
        else writer.u32(value[name]);
      }
    },
  );
}

/** A digest under its type: 0 is HMAC-MD5 with 16 octets, 1 HMAC-SHA-1 with 20 (RFC 3931 §5.4.1). */
export interface MessageDigest {
  readonly digestType: number;
  readonly digest: Uint8Array;
}

export const messageDigest: ValueCodec<MessageDigest> = {
  decode(value) {
    if (value.length === 0) throw lengthError("a message digest", value.length);
    const reader = new Reader(value);
    return { digestType: reader.u8("digestType"), digest: reader.rest().slice() };
  },
  encode: (value) => new Writer().u8(value.digestType).octets(value.digest).finish(),
};

/**
 * A 16-bit value of which only those from `least` to `most` are defined; any other is malformed (RFC 3931
 * §7.1).
 */
export function u16Between(least: number, most: number): ValueCodec<number> {
  return {
    decode(value) {
      const number = u16.decode(value);
      if (number < least || number > most)
        throw rangeError(`a 16-bit value: ${number} is not one from ${least} to ${most}`);
      return number;
    },
    encode: u16.encode,
  };
}
