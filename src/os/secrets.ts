import { join } from "node:path";
import { errnoOf, SystemError } from "./errors.ts";
import { OpenFile } from "./files.ts";

/**
 * The source of a secret: a file, a credential of the systemd unit (systemd.exec(5)), or an environment
 * variable.
 */
export type SecretLocation =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "credential"; readonly name: string }
  | { readonly kind: "environment"; readonly variable: string };

/** Longest secret that is accepted. */
const MOST_OCTETS = 4096;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Blank, tab, newline and carriage return. */
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, NEWLINE, CARRIAGE_RETURN]);
const READABLE_BY_OTHERS = 0o004;

/** What a secret is for, in words for errors. */
export interface SecretPurpose {
  readonly operation: string;
  /** Its key in the file. */
  readonly key: string;
  /** What to put where it is missing. */
  readonly put: string;
}

/** TABLE: purposes of secrets. */
export const secretPurposes = {
  shared: {
    operation: "read a secret",
    key: "secret",
    put: "put the shared secret there, the same as at the other end",
  },
  token: {
    operation: "read the token of http",
    key: "token",
    put: "put a token there, such as openssl rand -hex 32 makes",
  },
} as const satisfies Readonly<Record<string, SecretPurpose>>;

/** Hints for files that cannot be read, by the name of an errno. */
function hintsFor({ key, put }: SecretPurpose): Readonly<Record<string, string>> {
  return {
    ENOENT: `${put}, and chmod 600 it`,
    EACCES:
      "the daemon's user may not read it: make it the owner, or name the file in LoadCredential= of the " +
      `unit and use ${key}: { credential: NAME }`,
    ESPIPE: `it is a pipe, which can be read once only: name a file, or use ${key}: { credential: NAME }`,
    EISDIR: `name the file in this directory that holds the ${key}`,
  };
}

/**
 * Reads a secret. `notes` are warnings for the log; no message contains the secret. Throws SystemError.
 */
export function readSecret(
  source: SecretLocation,
  purpose: SecretPurpose = secretPurposes.shared,
): {
  readonly octets: Uint8Array;
  readonly notes: readonly string[];
} {
  const { operation, put } = purpose;
  const target = secretTarget(source);
  const { octets, notes } = read(source, target, purpose);
  const trimmed = octets.at(-1) === NEWLINE ? octets.subarray(0, -1) : octets;
  if (trimmed.length === 0) {
    throw new SystemError(operation, { errno: "EINVAL", target, hint: `it is empty; ${put}` });
  }
  if (trimmed.length > MOST_OCTETS) {
    throw new SystemError(operation, { errno: "EFBIG", target, hint: `at most ${MOST_OCTETS} octets` });
  }
  return { octets: trimmed, notes: [...notes, ...edgeNotes(trimmed, target)] };
}

/** Warnings about white space at the ends of a secret, which is hard to see and part of it. */
function edgeNotes(octets: Uint8Array, target: string): readonly string[] {
  const [first = 0, last = 0] = [octets.at(0), octets.at(-1)];
  if (last === CARRIAGE_RETURN)
    return [
      `the secret of ${target} ends with a carriage return (a line end of Windows, CRLF), ` +
        "which is part of it: take it away unless the other end has it",
    ];
  if (!BLANKS.has(first) && !BLANKS.has(last)) return [];
  const where = BLANKS.has(last) ? "ends" : "begins";
  return [
    `the secret of ${target} ${where} with a blank or an empty line, which is part of it: ` +
      "take it away unless the other end has it",
  ];
}

/** What holds a secret, in words. */
export function secretTarget(source: SecretLocation): string {
  if (source.kind === "file") return source.path;
  return source.kind === "credential"
    ? `credential ${source.name}`
    : `environment variable ${source.variable}`;
}

function read(
  source: SecretLocation,
  target: string,
  purpose: SecretPurpose,
): { octets: Uint8Array; notes: readonly string[] } {
  const { operation, key } = purpose;
  switch (source.kind) {
    case "file":
      return fromFile(source.path, purpose);
    case "credential": {
      const directory = process.env["CREDENTIALS_DIRECTORY"];
      if (directory === undefined) {
        const unit = `run it by its systemd unit, with LoadCredential=${source.name}:PATH`;
        const hint = `${unit}; by hand, use ${key}: { file: PATH }`;
        throw new SystemError(operation, { errno: "ENOENT", target, hint });
      }
      // Only systemd and the service can read that directory: the file's mode says nothing.
      return { ...fromFile(join(directory, source.name), purpose), notes: [] };
    }
    case "environment":
      return { octets: fromEnvironment(source.variable, target, operation), notes: [] };
  }
}

/** Reads a file into one array of our own, so that no other copy of the secret stays in memory. */
function fromFile(path: string, purpose: SecretPurpose): { octets: Uint8Array; notes: readonly string[] } {
  try {
    using file = new OpenFile(path, "read");
    const { mode } = file.stat;
    if (file.stat.isFIFO()) throw new SystemError(purpose.operation, { errno: "ESPIPE", target: path });
    // Room for a newline, and for one more octet that shows that the file is too long.
    const buffer = new Uint8Array(MOST_OCTETS + 2);
    let length = 0;
    for (let more = -1; more !== 0 && length < buffer.length; length += more)
      more = file.read(buffer.subarray(length));
    const octets = buffer.subarray(0, length);
    const isOpen = (mode & READABLE_BY_OTHERS) !== 0;
    const note = `${purpose.key} file ${path} is readable by everyone: chmod 600 it`;
    return { octets, notes: isOpen ? [note] : [] };
  } catch (error) {
    const errno = errnoOf(error);
    const hint = hintsFor(purpose)[errno];
    throw new SystemError(purpose.operation, {
      errno,
      target: path,
      cause: error,
      hint,
    });
  }
}

function fromEnvironment(variable: string, target: string, operation: string): Uint8Array {
  const value = process.env[variable];
  if (value === undefined) {
    throw new SystemError(operation, { errno: "ENOENT", target, hint: "set it before the start" });
  }
  return new TextEncoder().encode(value);
}
