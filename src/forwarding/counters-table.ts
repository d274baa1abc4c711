/** Which way across the pseudowire: from the peer to the attachment circuit, or the other way. */
export type CounterDirection = "received" | "transmitted";

type CounterRow<Direction extends CounterDirection> = {
  /** The name in the status report and everywhere else. */
  readonly name: `${Direction}${string}`;
  readonly direction: Direction;
  readonly unit: "frames" | "octets";
  /** What stands behind the number in the table of `wirespan status`. */
  readonly label: string;
  readonly help: string;
};

/**
 * TABLE: every counter of a session beside its discards. A row's index is the counter's place in the memory
 * of both planes. To add a counter, add a row, at any place, and count it in each plane; report, sums and
 * documents follow. `layoutVersion` (ebpf/plane/plane-maps.ts) is a digest of the rows in their order, so
 * that a daemon never adopts pinned maps in which the counters have other places.
 */
export const counterTable = [
  {
    name: "receivedFrames",
    direction: "received",
    unit: "frames",
    label: "frames",
    help: "frames from the peer that were sent to the attachment circuit",
  },
  {
    name: "receivedOctets",
    direction: "received",
    unit: "octets",
    label: "octets",
    help: "octets of these frames, with their tags and without FCS",
  },
  {
    name: "transmittedFrames",
    direction: "transmitted",
    unit: "frames",
    label: "frames",
    help: "frames from the attachment circuit that were sent to the peer; of a GSO packet, its segments",
  },
  {
    name: "transmittedOctets",
    direction: "transmitted",
    unit: "octets",
    label: "octets",
    help: "octets of these frames, with their tags and without FCS, L2TP or IP headers",
  },
] as const satisfies readonly (CounterRow<"received"> | CounterRow<"transmitted">)[];

export type CounterName = (typeof counterTable)[number]["name"];

/** A number for each counter. */
export type CounterValues = Readonly<Record<CounterName, number>>;

/** Index of each counter in `counterTable`, and so in the memory of both planes. */
export const counterIndex = Object.fromEntries(
  counterTable.map((row, index) => [row.name, index]),
) as Readonly<Record<CounterName, number>>;

/** Counters of a session that nothing has passed yet. */
export const zeroCounters = Object.fromEntries(counterTable.map(({ name }) => [name, 0])) as CounterValues;

/** All counters, each as `read` gives it. */
export function countersBy(read: (name: CounterName) => number): CounterValues {
  const values: Record<CounterName, number> = { ...zeroCounters };
  for (const { name } of counterTable) values[name] = read(name);
  return values;
}
