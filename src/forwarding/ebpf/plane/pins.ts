import { type PinDirectory, pinPath, removeDirectory, removePin } from "../../../os/bpf-file-system.ts";
import { ignoreErrno, SystemError } from "../../../os/errors.ts";
import { statOf } from "../../../os/files.ts";

/** What can be pinned: a map or a link. Throws SystemError. */
export interface Pinnable {
  pin(path: string): void;
}

type Made = PinDirectory & { readonly path: string };

/**
 * The pins of a plane in its directory. Where somebody removes the directory while the plane runs, it is made
 * again at the next pin, with all the pins that were in it.
 */
export class Pins {
  readonly #make: () => PinDirectory;
  readonly #pinned = new Map<string, Pinnable>();
  #directory: Made;
  /** Identifies the directory in the file system: another one may have its path now. */
  #identity: string | undefined;

  /** `make` makes the directory again, with its lock. */
  constructor(directory: Made, make: () => PinDirectory) {
    this.#directory = directory;
    this.#make = make;
    this.#identity = identityOf(directory.path);
  }

  get path(): string {
    return this.#directory.path;
  }

  /** Pins something in place of what has the name. Throws SystemError, and then it is not pinned. */
  pin(name: string, object: Pinnable): void {
    this.#restore();
    this.#pinAt(this.path, name, object);
    this.#pinned.set(name, object);
  }

  /** Takes over what is pinned already. */
  adopt(name: string, object: Pinnable): void {
    this.#pinned.set(name, object);
  }

  /** Removes a pin; one that is gone already is no error. Throws SystemError. */
  remove(name: string): void {
    this.#pinned.delete(name);
    removePin(pinPath(this.path, name));
  }

  /** Removes the directory with all pins, and releases it. Throws SystemError. */
  removeAll(): void {
    removeDirectory(this.path);
    this.#directory.lock?.[Symbol.dispose]();
  }

  /** Makes the directory again if it is not the one that we made. */
  #restore(): void {
    if (identityOf(this.path) === this.#identity) return;
    const made = this.#make();
    if (made.path === undefined) {
      const target = this.path;
      throw new SystemError("make the directory of pins again", {
        errno: "ENOENT",
        target,
        hint: made.reason,
      });
    }
    try {
      for (const [name, object] of this.#pinned) this.#pinAt(made.path, name, object);
    } catch (error) {
      made.lock[Symbol.dispose]();
      throw error;
    }
    this.#directory.lock?.[Symbol.dispose]();
    this.#directory = made;
    this.#identity = identityOf(made.path);
  }

  #pinAt(directory: string, name: string, object: Pinnable): void {
    const path = pinPath(directory, name);
    removePin(path);
    object.pin(path);
  }
}

/** Undefined for a directory that is not there. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statOf(path);
    return `${dev} ${ino}`;
  } catch (error) {
    ignoreErrno(error);
    return undefined;
  }
}
