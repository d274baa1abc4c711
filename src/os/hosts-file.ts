import { errnoOf } from "./errors.ts";
import { readText, statOf } from "./files.ts";

/** A change within so many ms of the one before may leave the times of a file as they were. */
const TICK_MS = 1000;

/**
 * The names of this machine's hosts(5). It is read again only after it changed: it may list a hundred
 * thousand names that are to be blocked, and each name of a peer is looked for every few seconds.
 */
export class HostsFile {
  readonly #path: string;
  readonly #wallMs: () => number;
  #version: string | undefined;
  /** In lower case, with a line's end at both ends. */
  #text = "\n";
  #reads = 0;

  /** `wallMs`: the clock by which files have their times. */
  constructor(path = "/etc/hosts", wallMs: () => number = Date.now) {
    this.#path = path;
    this.#wallMs = wallMs;
  }

  /** How often the file was read. */
  get reads(): number {
    return this.#reads;
  }

  /** The addresses of a name, as the file has them; none where it cannot be read. */
  addresses(name: string): readonly string[] {
    const wanted = name.replace(/\.$/, "").toLowerCase();
    const text = this.#current();
    const found: string[] = [];
    for (let at = text.indexOf(wanted); at >= 0; ) {
      const end = text.indexOf("\n", at);
      const line = text.slice(text.lastIndexOf("\n", at) + 1, end);
      const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
      if (address !== undefined && names.includes(wanted)) found.push(address);
      at = text.indexOf(wanted, end);
    }
    return found;
  }

  #current(): string {
    try {
      const { dev, ino, size, mtimeMs, ctimeMs } = statOf(this.#path);
      const version = `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      if (version === this.#version) return this.#text;
      this.#text = `\n${readText(this.#path)}\n`.toLowerCase();
      this.#reads += 1;
      // One that is still young may be written once more without a sign of it.
      this.#version = this.#wallMs() - ctimeMs > TICK_MS ? version : undefined;
    } catch (error) {
      errnoOf(error);
      this.#version = undefined;
      this.#text = "\n";
    }
    return this.#text;
  }
}
