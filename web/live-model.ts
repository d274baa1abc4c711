/** What the stream /v1/live says, and the rates between its readings. */

/** The names that positions in readings stand for. */
export interface Names {
  readonly id: number;
  readonly tunnels: readonly string[];
  readonly pseudowires: readonly (readonly [string, number])[];
  readonly columns: readonly string[];
  /** With more pseudowires than this, those in view must be asked for. */
  readonly most: number;
}

/** One reading; rows begin with the position of their pseudowire. */
export interface Reading {
  readonly version: number;
  readonly uptimeMs: number;
  readonly names: number;
  readonly tunnels: readonly number[];
  readonly sums: readonly number[];
  readonly discards: Readonly<Record<string, number>>;
  readonly rows: readonly (readonly number[])[];
}

/** Per second, of a pseudowire or of all. */
export interface Rates {
  readonly receivedBits: number;
  readonly transmittedBits: number;
  readonly receivedFrames: number;
  readonly transmittedFrames: number;
  readonly discards: number;
}

/** A pseudowire as last read. */
export interface LiveRow {
  readonly isUp: boolean;
  readonly isCircuitUp: boolean;
  readonly counters: Readonly<Record<string, number>>;
  /** Undefined until there are two readings, and where its session began anew. */
  readonly rates: Rates | undefined;
}

/** Readings that are kept of each pseudowire. */
export const KEPT = 120;
const MOST_GAP_MS = 5000;

/** What was read of one thing: its counters, when that was, and its rates since. */
interface Track {
  uptimeMs: number;
  counters: Readonly<Record<string, number>>;
  row: LiveRow;
  readonly received: number[];
  readonly transmitted: number[];
}

/** Keeps names and the last two minutes of rates. */
export class LiveModel {
  names: Names | undefined;
  reading: Reading | undefined;
  /** When the kept rates of all were read, in s since 1970. */
  readonly times: number[] = [];
  /** How fast discards of each reason grow, per second; those that do not are absent. */
  discardRates: ReadonlyMap<string, number> = new Map();
  #tracks = new Map<string, Track>();
  #all: Track | undefined;

  takeNames(names: Names): void {
    this.names = names;
    const known = new Set(names.pseudowires.map(([name]) => name));
    for (const name of this.#tracks.keys()) if (!known.has(name)) this.#tracks.delete(name);
  }

  /** A reading of other names than those that are known is left out. */
  takeReading(reading: Reading, nowMs: number): void {
    const { names } = this;
    if (names === undefined || reading.names !== names.id) return;
    const before = this.reading;
    // Another daemon counts from 0.
    if (before !== undefined && reading.uptimeMs < before.uptimeMs) this.#forget();
    this.times.push(nowMs / 1000);
    if (this.times.length > KEPT) this.times.shift();
    this.discardRates = growth(before, reading);
    this.#all = track(this.#all, reading.uptimeMs, named(names.columns, reading.sums));
    for (const [position = -1, ...values] of reading.rows) {
      const [name] = names.pseudowires[position] ?? [];
      if (name === undefined) continue;
      const counters = named(names.columns, values);
      this.#tracks.set(name, track(this.#tracks.get(name), reading.uptimeMs, counters));
    }
    this.reading = reading;
  }

  /** The last row of a pseudowire; undefined while none was read. */
  row(name: string): LiveRow | undefined {
    return this.#tracks.get(name)?.row;
  }

  /** Whether a tunnel is up; undefined while nothing was read. */
  isTunnelUp(name: string): boolean | undefined {
    const position = this.names?.tunnels.indexOf(name) ?? -1;
    const value = this.reading?.tunnels[position];
    return value === undefined ? undefined : value === 1;
  }

  /** Of all pseudowires together. */
  get total(): LiveRow | undefined {
    return this.#all?.row;
  }

  /** The last rates in bits per second of a pseudowire, or of all; the last one at the end. */
  history(name: string | undefined): {
    readonly received: readonly number[];
    readonly transmitted: readonly number[];
  } {
    const found = name === undefined ? this.#all : this.#tracks.get(name);
    return found ?? { received: [], transmitted: [] };
  }

  #forget(): void {
    this.#tracks.clear();
    this.#all = undefined;
    this.times.length = 0;
  }
}

function named(columns: readonly string[], values: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? 0]));
}

function track(
  before: Track | undefined,
  uptimeMs: number,
  counters: Readonly<Record<string, number>>,
): Track {
  const rates = before === undefined ? undefined : ratesOf(before, uptimeMs, counters);
  // One that was not in view meanwhile has no rates of that time.
  const isGap = before === undefined || uptimeMs - before.uptimeMs > MOST_GAP_MS;
  const received = isGap ? [] : before.received;
  const transmitted = isGap ? [] : before.transmitted;
  if (before !== undefined) {
    received.push(rates?.receivedBits ?? 0);
    transmitted.push(rates?.transmittedBits ?? 0);
  }
  for (const values of [received, transmitted]) if (values.length > KEPT) values.shift();
  const row = { isUp: counters["isUp"] === 1, isCircuitUp: counters["isCircuitUp"] === 1, counters, rates };
  return { uptimeMs, counters, row, received, transmitted };
}

function ratesOf(before: Track, uptimeMs: number, now: Readonly<Record<string, number>>): Rates | undefined {
  const seconds = (uptimeMs - before.uptimeMs) / 1000;
  const more = (column: string) => (now[column] ?? 0) - (before.counters[column] ?? 0);
  const counted = ["receivedFrames", "receivedOctets", "transmittedFrames", "transmittedOctets", "discards"];
  // A session that began anew counts from 0.
  if (seconds <= 0 || counted.some((column) => more(column) < 0)) return undefined;
  return {
    receivedBits: (more("receivedOctets") * 8) / seconds,
    transmittedBits: (more("transmittedOctets") * 8) / seconds,
    receivedFrames: more("receivedFrames") / seconds,
    transmittedFrames: more("transmittedFrames") / seconds,
    discards: more("discards") / seconds,
  };
}

function growth(before: Reading | undefined, now: Reading): ReadonlyMap<string, number> {
  const seconds = (now.uptimeMs - (before?.uptimeMs ?? now.uptimeMs)) / 1000;
  if (before === undefined || seconds <= 0) return new Map();
  return new Map(
    Object.entries(now.discards).flatMap(([reason, count]) => {
      const more = count - (before.discards[reason] ?? 0);
      return more > 0 ? [[reason, more / seconds] as const] : [];
    }),
  );
}
