/**
 * Input that ends inside a field. The sender or the path is at fault, so this is never treated as a crash.
 */
export class TruncatedError extends Error {
  override readonly name = "TruncatedError";
  readonly field: string;
  /** Offset in octets, from the start of what was being read, at which the field begins. */
  readonly offset: number;

  constructor(field: string, offset: number, wanted: number, present: number) {
    super(`read ${field}: wanted ${wanted} octets at offset ${offset}, ${present} present`);
    this.field = field;
    this.offset = offset;
  }
}

/**
 * A fault of the kernel, the machine or the operator's file, and not of our code: base of SystemError,
 * UnsupportedError and VerifierError. It may be logged, retried or answered by a fallback. Whoever catches
 * errors for that catches these alone: any other is a bug of ours, which must reach the command line.
 */
export class OperationalError extends Error {
  override readonly name: string = "OperationalError";
}

/** A bug in this program: an assertion that failed. Never caught below the command line. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Whether an error is a bug of ours by its class. For packages whose own errors have neither a class nor an
 * errno; all others are told by those.
 */
export function isBug(error: unknown): boolean {
  const classes = [TypeError, RangeError, ReferenceError, InvariantError];
  return classes.some((each) => error instanceof each);
}

/** For the end of a switch that has a case for every kind: a kind without one does not compile. */
export function noCaseFor(value: never): never {
  throw new InvariantError(`no case for ${JSON.stringify(value)}`);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message of an operational error, for `catch`; throws anything else on, for that is a bug of ours. */
export function operationalMessage(error: unknown): string {
  if (!(error instanceof OperationalError)) throw error;
  return error.message;
}

/** For `catch`: leaves operational errors alone, and throws bugs of ours on. */
export function ignoreOperational(error: unknown): void {
  if (!(error instanceof OperationalError)) throw error;
}
