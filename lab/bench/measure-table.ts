/**
 * TABLE: measures of each candidate; how they are taken is in measures.ts, what they mean in
 * docs/performance.md.
 */
export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
}

export const measures = [
  { key: "tcp1", title: "TCP, 1 flow, Gbit/s", digits: 2 },
  { key: "tcp4", title: "TCP, 4 flows, Gbit/s", digits: 2 },
  { key: "clean60", title: "60-octet frames at 1 % loss or less, thousand/s", digits: 0 },
  { key: "flood60", title: "60-octet frames of a flood, thousand/s", digits: 0 },
  { key: "clean1400", title: "1400-octet frames at 1 % loss or less, thousand/s", digits: 0 },
  { key: "flood1400", title: "1400-octet frames of a flood, thousand/s", digits: 0 },
  { key: "rtt50", title: "round trip, median, us", digits: 0 },
  { key: "rtt99", title: "round trip, 99 of 100, us", digits: 0 },
  { key: "cpu", title: "processor time a frame, us", digits: 2 },
] as const satisfies readonly Measure[];

export type MeasureKey = (typeof measures)[number]["key"];

export function measureOf(key: MeasureKey): Measure {
  return measures.find((measure) => measure.key === key) ?? { key, title: key, digits: 2 };
}
