import { OperationalError } from "../bytes/errors.ts";

/** A refusal of the kernel: the operation, the name of the errno, and what the operation was applied to. */
export class SystemError extends OperationalError {
  override readonly name: string = "SystemError";
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

/**
 * A refusal of a netlink request, with the kernel's own message where it sent one (extended acknowledgement).
 */
export class NetlinkError extends SystemError {
  override readonly name = "NetlinkError";
  /** Such as "Exclusivity flag on, cannot modify". */
  readonly kernelMessage: string | undefined;
  /** Offset in the request of the attribute that the kernel refused. */
  readonly offset: number | undefined;

  constructor(
    operation: string,
    detail: {
      errno: string;
      target: string;
      hint?: string | undefined;
      kernelMessage?: string | undefined;
      offset?: number | undefined;
    },
  ) {
    const { kernelMessage, hint, offset } = detail;
    const said = kernelMessage === undefined ? [] : [`the kernel says: ${kernelMessage}`];
    const hints = [...said, ...(hint === undefined ? [] : [hint])];
    super(operation, { ...detail, hint: hints.length === 0 ? undefined : hints.join("; ") });
    this.kernelMessage = kernelMessage;
    this.offset = offset;
  }
}

/** The name of the errno of an error of Node's own; throws any other error on, for that is a bug of ours. */
export function errnoOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return code;
}

/** For `catch`: leaves errors of Node's own alone, and throws bugs of ours on. */
export function ignoreErrno(error: unknown): void {
  errnoOf(error);
}

/** A feature that this kernel or machine lacks, and what it would need. */
export class UnsupportedError extends OperationalError {
  override readonly name = "UnsupportedError";

  constructor(feature: string, needs: string) {
    super(`${feature}: not supported here; needs ${needs}`);
  }
}
