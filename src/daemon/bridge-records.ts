import { OperationalError } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import type { HostInterface } from "../os/host-network.ts";
import { isJsonObject, RecordFile } from "./record-file.ts";

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

interface Content {
  readonly bridges: Readonly<Record<string, BridgeRecord>>;
  readonly ports: Readonly<Record<string, PortRecord>>;
}

/** Whether a value read from the file has the form that we write. */
function isContent(value: unknown): value is Content {
  const isRecord = (one: unknown) =>
    isJsonObject(one) &&
    Number.isInteger(one["index"]) &&
    isJsonObject(one["former"]) &&
    Object.values(one["former"]).every(Number.isInteger);
  if (!isJsonObject(value)) return false;
  return [value["bridges"], value["ports"]].every(
    (one) => isJsonObject(one) && Object.values(one).every(isRecord),
  );
}

/**
 * Interfaces as they are once the daemon of this configuration runs: those that it, or a killed one before
 * it, put into a bridge where they do not belong any more are ports of none.
 */
export function afterRelease(
  { lcce, bridges }: Pick<Config, "lcce" | "bridges">,
  interfaces: readonly HostInterface[],
): readonly HostInterface[] {
  const { ports } = BridgeRecords.open(lcce.controlSocket, () => undefined);
  return interfaces.map((one) => {
    const record = ports.get(one.name);
    if (record?.isJoined !== true || record.index !== one.index) return one;
    const master = interfaces.find(({ index }) => index === one.master);
    const wanted = bridges.find(({ name }) => name === record.bridge);
    const isWanted = wanted?.interfaces.some(({ device }) => device === one.name) === true;
    return isWanted || master?.name !== record.bridge ? one : { ...one, master: undefined };
  });
}

/** The records, by the names of bridges and interfaces. Whoever changes one calls `save`. */
export class BridgeRecords {
  readonly bridges = new Map<string, BridgeRecord>();
  readonly ports = new Map<string, PortRecord>();
  readonly #file: RecordFile<Content>;

  private constructor(file: RecordFile<Content>) {
    this.#file = file;
  }

  /** Reads what an earlier daemon left; a file that is none of ours counts as empty, and `told` gets why. */
  static open(controlSocket: string, told: (problem: string) => void): BridgeRecords {
    const file = new RecordFile<Content>(controlSocket, "bridges");
    const records = new BridgeRecords(file);
    try {
      const { bridges = {}, ports = {} } = file.read(isContent, "what it changed on bridges") ?? {};
      for (const [name, record] of Object.entries(bridges)) records.bridges.set(name, record);
      for (const [name, record] of Object.entries(ports)) records.ports.set(name, record);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      told(error.message);
    }
    return records;
  }

  /** Writes what changed. Throws SystemError. */
  save(): void {
    const content = { bridges: Object.fromEntries(this.bridges), ports: Object.fromEntries(this.ports) };
    this.#file.save(this.bridges.size + this.ports.size === 0 ? undefined : content);
  }
}
