import { TruncatedError } from "../bytes/errors.ts";

/**
 * A peer that breaks RFC 3931. Carries the Result Code and Error Code a StopCCN or CDN would (RFC 3931
 * §5.4.2), should the message be answered at all: a malformed header is only discarded (RFC 3931 §7.1).
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly resultCode: number;
  readonly errorCode: number;
  /** Section of RFC 3931 that was broken, such as "3.2.1". */
  readonly section: string;

  constructor(message: string, detail: { resultCode: number; errorCode: number; section: string }) {
    super(message);
    this.resultCode = detail.resultCode;
    this.errorCode = detail.errorCode;
    this.section = detail.section;
  }
}

/** Whether an error tells that received octets cannot be decoded; any other error is a bug of ours. */
export function isDecodingError(error: unknown): error is TruncatedError | ProtocolError {
  return error instanceof TruncatedError || error instanceof ProtocolError;
}

/** For `catch`: why received octets cannot be decoded; throws any other error on. */
export function decodingProblem(error: unknown): string {
  if (!isDecodingError(error)) throw error;
  return error.message;
}
