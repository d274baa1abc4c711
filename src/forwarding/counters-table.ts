/** Which way across the pseudowire: from the peer to the attachment circuit, or the other way. */
export type CounterDirection = "received" | "transmitted";

type CounterRow<Direction extends CounterDirection> = {
  /** The name in the status report and everywhere else. */
  readonly name: `${Direction}${string}`;
  readonly direction: Direction;
  readonly unit: "frames" | "octets" | "fragments";
  /** What stands behind the number in the table of `wirespan status`. */
  readonly label: string;
  readonly help: string;
  /** Whether the table of `wirespan status` has it only where it is not 0. */
  readonly isRare?: true;
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
    name: "receivedClamped",
    direction: "received",
    unit: "frames",
    label: "clamped",
    help: "SYNs of TCP among them whose MSS was lowered (`mss_clamp`)",
  },
  {
    name: "receivedReassembled",
    direction: "received",
    unit: "frames",
    label: "reassembled",
    isRare: true,
    help: "frames of the peer that were put together of pseudowire fragments (`fragmentation: pseudowire`)",
  },
  {
    name: "receivedFragments",
    direction: "received",
    unit: "fragments",
    label: "fragments",
    isRare: true,
    help: "the fragments that these frames were put together of",
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
  {
    name: "transmittedClamped",
    direction: "transmitted",
    unit: "frames",
    label: "clamped",
    help: "SYNs of TCP from the attachment circuit whose MSS was lowered (`mss_clamp`)",
  },
  {
    name: "transmittedFragmented",
    direction: "transmitted",
    unit: "frames",
    label: "fragmented",
    isRare: true,
    help: "frames among them that were sent in pseudowire fragments (`fragmentation: pseudowire`)",
  },
  {
    name: "transmittedFragments",
    direction: "transmitted",
    unit: "fragments",
    label: "fragments",
    isRare: true,
    help: "pseudowire fragments that were sent, also of frames of which another one could not be sent",
  },
  {
    name: "transmittedUnanswered",
    direction: "transmitted",
    unit: "frames",
    label: "unanswered",
    isRare: true,
    help:
      "frames that were too big and had no answer (`packet_too_big`), by the rate of answers; " +
      "also counted where they are sent or discarded",
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

/** The sum of discards, whatever their reasons. */
export function sumOfDiscards(discards: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const count of Object.values(discards)) sum += count;
  return sum;
}
