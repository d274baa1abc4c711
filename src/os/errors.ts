import { OperationalError } from "../bytes/errors.ts";

/** What the kernel refused: the operation in our words, the errno name, and what it was done to. */
export class SystemError extends OperationalError {
  override readonly name = "SystemError";
  readonly operation: string;
  /** Such as "EPERM". */
  readonly errno: string;
  readonly target: string;

  constructor(
    operation: string,
    detail: { errno: string; target: string; hint?: string | undefined; cause?: unknown },
  ) {
    const hint = detail.hint === undefined ? "" : `; ${detail.hint}`;
    super(
      `${operation}: ${detail.errno} (${detail.target})${hint}`,
      detail.cause === undefined ? undefined : { cause: detail.cause },
    );
    this.operation = operation;
    this.errno = detail.errno;
    this.target = detail.target;
  }
}

/** A feature that this kernel or machine lacks, and what it would need. */
export class UnsupportedError extends OperationalError {
  override readonly name = "UnsupportedError";

  constructor(feature: string, needs: string) {
    super(`${feature}: not supported here; needs ${needs}`);
  }
}
