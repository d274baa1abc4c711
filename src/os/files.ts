import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  write,
  writeFileSync,
  writeSync,
} from "node:fs";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { attempt, errnoOf, ignoreErrno } from "./errors.ts";

/**
 * Files of this machine: the one place that calls node:fs. A full disk, a missing file or a full table of
 * descriptors is a fault of the machine, and every function here throws SystemError for it, with its errno.
 */

/** How a file is opened. */
export type OpenMode = "read" | "append";
/** Reading waits for nobody: a pipe without a writer would stop the daemon. */
const openFlags = {
  read: constants.O_RDONLY | constants.O_NONBLOCK,
  append: "a+",
} as const satisfies Record<OpenMode, string | number>;
const OWNER_ALONE = 0o600;

/** The octets of a file. */
export function readOctets(path: string): Buffer {
  return attempt("read a file", path, () => readFileSync(path));
}

/** The text of a file; those of the kernel may be "latin1". */
export function readText(path: string | URL, encoding: "utf8" | "latin1" = "utf8"): string {
  return attempt("read a file", String(path), () => readFileSync(path, encoding));
}

/**
 * The beginning of a file, or of standard input where no path is given: so many octets at most. Rejects with
 * SystemError.
 */
export async function readStart(path: string | undefined, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  try {
    for await (const chunk of path === undefined ? process.stdin : createReadStream(path)) {
      chunks.push(chunk);
      octets += chunk.length;
      if (octets >= most) break;
    }
  } catch (error) {
    // The errno is that of the stream's own error.
    attempt("read a file", path ?? "standard input", () => raise(error));
  }
  return Buffer.concat(chunks).subarray(0, most);
}

/** Writes a text in place of what a file has. */
export function writeText(path: string, text: string): void {
  attempt("write a file", path, () => writeFileSync(path, text));
}

/** What the name of a file is followed by while its next content is written. */
const UNFINISHED = ".new";

/**
 * Gives a file a text, so that whoever reads it meets the former content or the whole new one, also after a
 * crash of this process; where there is no room, the former content stays. The file is its owner's alone.
 */
export function replaceText(path: string, text: string): void {
  attempt("write a file", path, () =>
    replaceBy(path, (unfinished) => writeFileSync(unfinished, text, { mode: OWNER_ALONE })),
  );
}

/**
 * Writes a new file that its owner alone may read. Nothing that is there already, a symbolic link included,
 * is written to: SystemError with EEXIST, unless it is to be replaced, by a file of its own.
 */
export function writeOwnerFile(path: string, text: string, isReplacing: boolean): void {
  const writeNew = (name: string) => writeFileSync(name, text, { mode: OWNER_ALONE, flag: "wx" });
  attempt("write a file", path, () => {
    if (!isReplacing) return writeNew(path);
    replaceBy(path, (unfinished) => {
      rmSync(unfinished, { force: true });
      writeNew(unfinished);
    });
  });
}

/** Puts a file that `write` makes in place of another one; what it did not finish goes. */
function replaceBy(path: string, write: (unfinished: string) => void): void {
  const unfinished = `${path}${UNFINISHED}`;
  try {
    write(unfinished);
    renameSync(unfinished, path);
  } catch (error) {
    removeUnfinished(unfinished);
    throw error;
  }
}

function removeUnfinished(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    ignoreErrno(error);
  }
}

/** The names in a directory. */
export function namesInDirectory(path: string): readonly string[] {
  return attempt("read a directory", path, () => readdirSync(path));
}

/** What a symbolic link, also one of /proc, leads to. */
export function linkTarget(path: string): string {
  return attempt("read a link", path, () => readlinkSync(path));
}

/** What a path leads to: its kind, owner and mode. */
export function statOf(path: string): Stats {
  return attempt("look at a file", path, () => statSync(path));
}

/** What is at a path, a symbolic link itself; undefined where nothing is. */
export function entryAt(path: string): Stats | undefined {
  return attempt("look at a file", path, () => lstatSync(path, { throwIfNoEntry: false }));
}

/** Whether something is at a path, as far as this user can see. */
export function isThere(path: string): boolean {
  return existsSync(path);
}

/** Checks that this user may read a file. */
export function checkReadable(path: string): void {
  attempt("read a file", path, () => accessSync(path, constants.R_OK));
}

/** The type of the file system that a path is in, a number (linux/magic.h). */
export function fileSystemType(path: string): number {
  return attempt("look at a file system", path, () => statfsSync(path).type);
}

/** Octets that this user may still write into the file system that a path is in. */
export function freeOctets(path: string): number {
  return attempt("look at a file system", path, () => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  });
}

/** Gives a file a mode. */
export function setMode(path: string, mode: number): void {
  attempt("set the mode of a file", path, () => chmodSync(path, mode));
}

/** Makes one directory. */
export function makeOneDirectory(path: string): void {
  attempt("make a directory", path, () => mkdirSync(path));
}

/** Makes a directory with its parents; one that is there already is no error. */
export function makeDirectories(path: string, mode: number): void {
  attempt("make a directory", path, () => mkdirSync(path, { recursive: true, mode }));
}

/** Removes a file; one that is not there is no error. */
export function removeFile(path: string): void {
  attempt("remove a file", path, () => rmSync(path, { force: true }));
}

/** Removes a directory and all that is in it; one that is not there is no error. */
export function removeTree(path: string): void {
  attempt("remove a directory", path, () => rmSync(path, { recursive: true, force: true }));
}

/** Removes a directory in which nothing is. */
export function removeEmptyDirectory(path: string): void {
  attempt("remove a directory", path, () => rmdirSync(path));
}

/** An open file or directory, closed when it is disposed of; again is no error. */
export class OpenFile implements Disposable {
  readonly fd: number;
  readonly #path: string;
  #isOpen = true;

  /**
   * Opens it; for "append" it is made if it is not there, for its owner alone. Errors say `operation`.
   */
  constructor(path: string, mode: OpenMode, operation = "open a file") {
    this.fd = attempt(operation, path, () => openSync(path, openFlags[mode], OWNER_ALONE));
    this.#path = path;
  }

  /** Its kind, owner and mode. */
  get stat(): Stats {
    return attempt("look at a file", this.#path, () => fstatSync(this.fd));
  }

  /** Reads on, or from an offset; returns how many octets were read, 0 at the end of the file. */
  read(octets: Uint8Array, from: number | null = null): number {
    return attempt("read a file", this.#path, () => readSync(this.fd, octets, 0, octets.length, from));
  }

  /** Writes a text in place of what it has. */
  replace(text: string): void {
    attempt("write a file", this.#path, () => {
      ftruncateSync(this.fd, 0);
      writeSync(this.fd, text);
    });
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.fd);
  }
}

const STANDARD_OUTPUT = 1;
/** After so long an output that was full is tried again. */
const FULL_MS = 10;

/**
 * Octets on their way out of this process, without a thread that waits for their reader: to standard output,
 * or to a file that is made for its owner alone, or emptied.
 */
export class OctetOutput implements Disposable {
  readonly #fd: number;
  readonly #target: string;

  /** Standard output without a path. Throws SystemError. */
  constructor(path: string | undefined) {
    this.#target = path ?? "standard output";
    this.#fd =
      path === undefined
        ? STANDARD_OUTPUT
        : attempt("write a file", path, () => openSync(path, "w", OWNER_ALONE));
  }

  /** Resolves once all of them are out. Rejects with SystemError; EPIPE: its reader has gone. */
  async write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      const { written, error } = await this.#writeSome(octets.subarray(at));
      at += written;
      if (error === null) continue;
      if (errnoOf(error) === "EAGAIN") await delay(FULL_MS);
      else attempt("write", this.#target, () => raise(error));
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== STANDARD_OUTPUT) closeSync(this.#fd);
  }

  #writeSome(octets: Uint8Array): Promise<{ readonly written: number; readonly error: Error | null }> {
    return new Promise((done) => write(this.#fd, octets, (error, written = 0) => done({ written, error })));
  }
}

function raise(error: unknown): never {
  throw error;
}

/** A path from the root on; a relative one is in the working directory, which may have been removed. */
export function absolutePath(path: string): string {
  const hint =
    "the working directory was removed: give a path from / on, or start in a directory that is there";
  return attempt("find the working directory", path, () => resolve(path), { ENOENT: hint });
}

/** Leaves a working directory that was removed for the root: a worker thread cannot start in one. */
export function leaveRemovedDirectory(): void {
  try {
    process.cwd();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    process.chdir("/");
  }
}
