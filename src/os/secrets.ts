import { readFileSync, statSync } from "node:fs";
import { SystemError } from "./errors.ts";

/** Where a secret is: a file or an environment variable. */
export type SecretPlace =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "environment"; readonly variable: string };

/** Longest secret that makes sense. */
const MOST_OCTETS = 4096;
const NEWLINE = 0x0a;
const READABLE_BY_OTHERS = 0o004;

/** Reads a shared secret. `notes` are warnings for the log; the secret itself is in no message. Throws SystemError. */
export function readSecret(place: SecretPlace): {
  readonly octets: Uint8Array;
  readonly notes: readonly string[];
} {
  const target = place.kind === "file" ? place.path : `environment variable ${place.variable}`;
  const { octets, notes } = place.kind === "file" ? fromFile(place.path) : fromEnvironment(place.variable);
  const trimmed = octets.at(-1) === NEWLINE ? octets.subarray(0, -1) : octets;
  if (trimmed.length === 0) {
    throw new SystemError("read a secret", {
      errno: "EINVAL",
      target,
      hint: "it is empty; put the shared secret there",
    });
  }
  if (trimmed.length > MOST_OCTETS) {
    throw new SystemError("read a secret", { errno: "EFBIG", target, hint: `at most ${MOST_OCTETS} octets` });
  }
  return { octets: trimmed, notes };
}

function fromFile(path: string): { octets: Uint8Array; notes: readonly string[] } {
  try {
    const stat = statSync(path);
    const octets =
      stat.size > MOST_OCTETS * 2 ? new Uint8Array(stat.size) : new Uint8Array(readFileSync(path));
    const isOpen = (stat.mode & READABLE_BY_OTHERS) !== 0;
    return { octets, notes: isOpen ? [`secret file ${path} is readable by everyone: chmod 600 it`] : [] };
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? "EIO";
    throw new SystemError("read a secret", { errno, target: path, cause: error });
  }
}

function fromEnvironment(variable: string): { octets: Uint8Array; notes: readonly string[] } {
  const value = process.env[variable];
  if (value === undefined) {
    const target = `environment variable ${variable}`;
    throw new SystemError("read a secret", { errno: "ENOENT", target, hint: "set it before the start" });
  }
  return { octets: new TextEncoder().encode(value), notes: [] };
}
