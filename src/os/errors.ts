import { isBug, OperationalError } from "../bytes/errors.ts";

/** TABLE: what to do about errnos that mean the same whatever was tried; they replace any other hint. */
const remedies: Readonly<Record<string, string>> = {
  EMFILE:
    "the process has as many open files as it may, one or two for each circuit: " +
    "raise the limit (ulimit -n; systemd: LimitNOFILE)",
  ENFILE: "the machine has as many open files as it may: raise fs.file-max",
};

/** TABLE: what to do about a file, where nothing better is known. */
const fileHints: Readonly<Record<string, string>> = {
  ENOSPC: "the file system is full",
  EDQUOT: "the quota of this user is used up",
  EROFS: "the file system is mounted read-only",
  ENOTDIR: "a part of the path is a file and no directory",
  ELOOP: "symbolic links lead in a circle",
  EIO: "the disk has an error; see: dmesg",
};

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
    const remedy = remedies[detail.errno] ?? detail.hint;
    const hint = remedy === undefined ? "" : `; ${remedy}`;
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

/**
 * Codes of errors that are of the class of a bug, but come of a path that an operator wrote: one with a NUL.
 */
const ofValues = ["ERR_INVALID_ARG_VALUE"];

/**
 * The name of the errno of a SystemError, or of an error of Node's own; throws any other error on, for that
 * is a bug of ours. So is an argument that Node does not take (ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE),
 * although its error has a code.
 */
export function errnoOf(error: unknown): string {
  if (error instanceof SystemError) return error.errno;
  const { code, info } = error as NodeJS.ErrnoException & { readonly info?: { readonly code?: string } };
  // Of node:os all have the code "ERR_SYSTEM_ERROR", and the errno in what is beside it.
  const errno = info?.code ?? code;
  if (errno === undefined || (isBug(error) && !ofValues.includes(errno))) throw error;
  return errno;
}

/**
 * Calls a function of Node's that may be refused, and throws SystemError then. `hints` say what to do, by the
 * name of an errno.
 */
export function attempt<T>(
  operation: string,
  target: string,
  call: () => T,
  hints: Readonly<Record<string, string>> = fileHints,
): T {
  try {
    return call();
  } catch (error) {
    const errno = errnoOf(error);
    throw new SystemError(operation, { errno, target, hint: hints[errno], cause: error });
  }
}

/** For `catch`: leaves SystemError and errors of Node's own alone, and throws bugs of ours on. */
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
