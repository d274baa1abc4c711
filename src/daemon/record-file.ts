import { OperationalError } from "../bytes/errors.ts";
import { SystemError } from "../os/errors.ts";
import { isThere, readText, removeFile, replaceText } from "../os/files.ts";

/**
 * What a daemon changed on things that are not its own, in a file beside the control socket, so that the one
 * that follows a crash can put it back. Without content there is no file.
 */
export class RecordFile<Content extends object> {
  readonly #path: string;
  #saved = "";

  /** `suffix` is what the name of the control socket is followed by. */
  constructor(controlSocket: string, suffix: string) {
    this.#path = `${controlSocket}.${suffix}`;
  }

  /**
   * What an earlier daemon left; undefined for nothing. Throws an OperationalError that says so for a file
   * that cannot be read or is none of ours, where `what` was kept.
   */
  read(isOurs: (value: unknown) => value is Content, what: string): Content | undefined {
    try {
      if (!isThere(this.#path)) return undefined;
      this.#saved = readText(this.#path);
      const content: unknown = JSON.parse(this.#saved);
      if (!isOurs(content)) throw new SyntaxError("it is not what a daemon writes");
      return content;
    } catch (error) {
      if (!(error instanceof SystemError || error instanceof SyntaxError)) throw error;
      const text = `cannot read ${this.#path}, where a former daemon kept ${what}: ${error.message}`;
      throw new OperationalError(`${text}; that stays as it is`);
    }
  }

  /** Writes what is other than the file has. Throws SystemError. */
  save(content: Content | undefined): void {
    const text = content === undefined ? "" : JSON.stringify(content);
    if (text === this.#saved) return;
    if (content === undefined) removeFile(this.#path);
    else replaceText(this.#path, text);
    this.#saved = text;
  }
}

/** Whether a value of such a file is an object with keys. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
