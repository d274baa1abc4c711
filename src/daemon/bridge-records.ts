import { SystemError } from "../os/errors.ts";
import { isThere, readText, removeFile, writeText } from "../os/files.ts";

/**
 * What we changed on bridges and interfaces that are not ours, and how it was before: kept in a file beside
 * the control socket, so that a daemon that follows a crash puts it back too.
 */

/** Attributes before ours, by their names. */
type Former = Record<string, number>;

/** An interface that was made a port of a bridge, or was one that we changed. */
export interface PortRecord {
  /** Of the interface; another one of its name is not the same. */
  readonly index: number;
  readonly bridge: string;
  /** Whether we made it a port. */
  readonly isJoined: boolean;
  former: Former;
  vlans?: { readonly pvid: number; readonly tagged: readonly number[] };
}

/** A bridge that is not ours. */
export interface BridgeRecord {
  readonly index: number;
  former: Former;
  mtu?: number;
}

interface RecordFile {
  readonly bridges: Readonly<Record<string, BridgeRecord>>;
  readonly ports: Readonly<Record<string, PortRecord>>;
}

/** Whether a value read from the file has the form that we write. */
function isRecordFile(value: unknown): value is RecordFile {
  const isMapping = (one: unknown): one is Readonly<Record<string, unknown>> =>
    typeof one === "object" && one !== null && !Array.isArray(one);
  const isRecord = (one: unknown) =>
    isMapping(one) &&
    Number.isInteger(one["index"]) &&
    isMapping(one["former"]) &&
    Object.values(one["former"]).every(Number.isInteger);
  if (!isMapping(value)) return false;
  return [value["bridges"], value["ports"]].every(
    (one) => isMapping(one) && Object.values(one).every(isRecord),
  );
}

/** The records, by the names of bridges and interfaces. Whoever changes one calls `save`. */
export class BridgeRecords {
  readonly bridges = new Map<string, BridgeRecord>();
  readonly ports = new Map<string, PortRecord>();
  readonly #path: string;
  #saved = "";

  private constructor(path: string) {
    this.#path = path;
  }

  /** Reads what an earlier daemon left; a file that is none of ours counts as empty, and `told` gets why. */
  static open(controlSocket: string, told: (problem: string) => void): BridgeRecords {
    const records = new BridgeRecords(`${controlSocket}.bridges`);
    try {
      if (!isThere(records.#path)) return records;
      records.#saved = readText(records.#path);
      const content: unknown = JSON.parse(records.#saved);
      if (!isRecordFile(content)) throw new SyntaxError("it is not what a daemon writes");
      const { bridges, ports } = content;
      for (const [name, record] of Object.entries(bridges)) records.bridges.set(name, record);
      for (const [name, record] of Object.entries(ports)) records.ports.set(name, record);
    } catch (error) {
      if (!(error instanceof SystemError || error instanceof SyntaxError)) throw error;
      told(
        `cannot read ${records.#path}, where a former daemon kept what it changed on bridges: ` +
          `${error.message}; what it changed stays`,
      );
    }
    return records;
  }

  /** Writes what changed; without records there is no file. Throws SystemError. */
  save(): void {
    const content = { bridges: Object.fromEntries(this.bridges), ports: Object.fromEntries(this.ports) };
    const isEmpty = this.bridges.size + this.ports.size === 0;
    const text = isEmpty ? "" : JSON.stringify(content);
    if (text === this.#saved) return;
    if (isEmpty) removeFile(this.#path);
    else writeText(this.#path, text);
    this.#saved = text;
  }
}
