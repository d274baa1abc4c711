import { createHash } from "node:crypto";
import { join } from "node:path";
import type { BpfMap, BpfMapDescription, KernelBpf } from "../../../environment.ts";
import { removePin } from "../../../os/bpf-file-system.ts";
import { SystemError } from "../../../os/errors.ts";
import { isThere } from "../../../os/files.ts";
import { counterTable } from "../../counters-table.ts";
import { discardReasons } from "../../discard-reasons.ts";
import { circuitValue, mapSizes, peerValue, routeValue, sequenceValue } from "../programs/map-layout.ts";
import { everyEncapsulation, type ProgramMaps, variantOf } from "../programs/options.ts";

/** Entries of a session in the circuit map: for its device and for the exit of its exception path. */
const CIRCUIT_KEYS = 2;

/** TABLE: the maps, by the names of their pins. */
function descriptions(capacity: number) {
  return {
    circuits: {
      ...mapSizes.circuits,
      kind: "hash",
      name: "ws_circuits",
      maxEntries: CIRCUIT_KEYS * capacity,
      onDemand: true,
    },
    peers: { ...mapSizes.peers, kind: "hash", name: "ws_peers", maxEntries: capacity, onDemand: true },
    counters: { ...mapSizes.counters, kind: "perCpuArray", name: "ws_counters", maxEntries: capacity },
    sequences: {
      ...mapSizes.sequences,
      kind: "array",
      name: "ws_sequences",
      maxEntries: capacity,
      mappable: true,
    },
    routes: { ...mapSizes.routes, kind: "array", name: "ws_routes", maxEntries: capacity },
  } as const satisfies Record<string, BpfMapDescription>;
}

type MapName = keyof ReturnType<typeof descriptions>;
const names: readonly MapName[] = ["circuits", "peers", "counters", "sequences", "routes"];

/** Why pinned maps cannot be adopted; nothing where none are there. */
export interface Unfit {
  readonly whyNot?: string;
}

/** What a map must have to be one of ours, as text. */
function shapeOf(description: BpfMapDescription): string {
  const { kind, keyOctets, valueOctets, maxEntries, mappable } = description;
  const entries = `${maxEntries} entries${mappable === true ? ", mappable" : ""}`;
  return `a ${kind} with keys of ${keyOctets} and values of ${valueOctets} octets, ${entries}`;
}

/** The maps that all programs of a plane share. */
export class PlaneMaps implements Disposable {
  readonly circuits: BpfMap;
  readonly peers: BpfMap;
  readonly counters: BpfMap;
  readonly sequences: BpfMap;
  readonly routes: BpfMap;
  /** The number of sessions that fit. */
  readonly capacity: number;
  /** Whether a former daemon created them, and this one adopted them. */
  readonly wereAdopted: boolean;

  private constructor(maps: Readonly<Record<MapName, BpfMap>>, wereAdopted: boolean) {
    this.circuits = maps.circuits;
    this.peers = maps.peers;
    this.counters = maps.counters;
    this.sequences = maps.sequences;
    this.routes = maps.routes;
    this.capacity = maps.peers.description.maxEntries;
    this.wereAdopted = wereAdopted;
  }

  /**
   * Creates the maps, and pins them in the directory if there is one, in place of maps pinned there. Throws
   * SystemError.
   */
  static create(bpf: KernelBpf, capacity: number, directory: string | undefined): PlaneMaps {
    const made: Partial<Record<MapName, BpfMap>> = {};
    const wanted = descriptions(capacity);
    try {
      for (const name of names) {
        const map = bpf.createMap(wanted[name]);
        made[name] = map;
        if (directory === undefined) continue;
        const path = join(directory, name);
        removePin(path);
        map.pin(path);
      }
      return new PlaneMaps(made as Record<MapName, BpfMap>, false);
    } catch (error) {
      for (const map of Object.values(made)) map.close();
      throw error;
    }
  }

  /**
   * Opens the maps pinned in the directory, if all are there, of our shapes, and large enough; else resolves
   * to why not. Throws SystemError.
   */
  static open(bpf: KernelBpf, capacity: number, directory: string): PlaneMaps | Unfit {
    const made: Partial<Record<MapName, BpfMap>> = {};
    const close = (whyNot: string) => {
      for (const map of Object.values(made)) map.close();
      return { whyNot };
    };
    const missing = names.filter((name) => !isThere(join(directory, name)));
    if (missing.length === names.length) return {};
    if (missing.length > 0) return { whyNot: `no map is pinned as ${missing.join(", ")}` };
    try {
      for (const name of names) made[name] = bpf.openMap(join(directory, name));
    } catch (error) {
      const { whyNot } = close(error instanceof Error ? error.message : "");
      // What is pinned there is no map.
      if (error instanceof SystemError && ["EINVAL", "EACCES"].includes(error.errno)) return { whyNot };
      throw error;
    }
    const maps = new PlaneMaps(made as Record<MapName, BpfMap>, true);
    if (maps.capacity < capacity) return close(`there is room for ${maps.capacity} sessions only`);
    const wanted = descriptions(maps.capacity);
    const unfit = names.find((name) => shapeOf(maps[name].description) !== shapeOf(wanted[name]));
    if (unfit === undefined) return maps;
    return close(`${unfit} is ${shapeOf(maps[unfit].description)} in place of ${shapeOf(wanted[unfit])}`);
  }

  /**
   * Adopts the maps pinned in the directory where they fit, else creates them, with the reason. Throws
   * SystemError.
   */
  static adoptOrCreate(
    bpf: KernelBpf,
    capacity: number,
    directory: string | undefined,
  ): { readonly maps: PlaneMaps } & Unfit {
    const adopted = directory === undefined ? {} : PlaneMaps.open(bpf, capacity, directory);
    if (adopted instanceof PlaneMaps) return { maps: adopted };
    return { maps: PlaneMaps.create(bpf, capacity, directory), ...adopted };
  }

  get fds(): ProgramMaps {
    return mapDescriptorsOf(this);
  }

  /** The maps by the names of their pins. */
  *[Symbol.iterator](): Iterator<readonly [name: string, map: BpfMap]> {
    for (const name of names) yield [name, this[name]];
  }

  [Symbol.dispose](): void {
    for (const name of names) this[name].close();
  }
}

/** The file descriptors by which programs refer to maps. */
export function mapDescriptorsOf(maps: Readonly<Record<MapName, BpfMap>>): ProgramMaps {
  const { circuits, peers, counters, sequences, routes } = maps;
  return {
    circuits: circuits.fd,
    peers: peers.fd,
    counters: counters.fd,
    sequences: sequences.fd,
    routes: routes.fd,
  };
}

interface Named {
  readonly name: string;
}

/**
 * A digest of the maps' layouts. Names of fields are no part of it, so that a field may be renamed; those of
 * counters are, in their order, because a counter's place is the index of its row.
 */
export function layoutDigest(counters: readonly Named[], reasons: readonly Named[]): string {
  const layouts = [circuitValue, peerValue, routeValue, sequenceValue].map((layout) => Object.values(layout));
  const rows = [counters, reasons].map((table) => table.map(({ name }) => name));
  return createHash("sha256")
    .update(JSON.stringify([...layouts, mapSizes, rows, everyEncapsulation().map(variantOf)]))
    .digest("hex")
    .slice(0, 8);
}

/** The digest of this version's layouts: pinned maps with another one are not adopted. */
export const layoutVersion = layoutDigest(counterTable, discardReasons);
