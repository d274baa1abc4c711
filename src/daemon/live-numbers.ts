/** What changes from second to second, as numbers: of each tunnel and pseudowire, by their positions. */

/** TABLE: the numbers of each pseudowire, in the order in which they are sent. */
export const liveColumns = [
  "isUp",
  "isCircuitUp",
  "receivedFrames",
  "receivedOctets",
  "transmittedFrames",
  "transmittedOctets",
  "discards",
] as const;

/** The names that positions stand for; another `id` means other positions. */
export interface LiveNames {
  readonly id: number;
  readonly tunnels: readonly string[];
  /** The name of each pseudowire, and the position of its tunnel. */
  readonly pseudowires: readonly (readonly [string, number])[];
}

/** The daemon at one moment. */
export interface LiveReading {
  /** Another one than before where a status report would say something else than numbers. */
  readonly version: number;
  readonly uptimeMs: number;
  readonly names: LiveNames;
  /** 1 for each tunnel that is up, otherwise 0. */
  readonly tunnels: Uint8Array;
  /** `liveColumns` of each pseudowire, one after the other. */
  readonly values: Float64Array;
  /** The sum of each column over all pseudowires. */
  readonly sums: readonly number[];
  /** Of all sessions and of what belongs to none, by reason. */
  readonly discards: Readonly<Record<string, number>>;
}

/** Reads for all that listen. */
export interface LiveSource {
  /** Calls `listener` with each reading from now on: soon, and then once a second. */
  listen(listener: (reading: LiveReading) => void): Disposable;
}
