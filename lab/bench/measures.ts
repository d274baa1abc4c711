import type { MeasureKey } from "./measure-table.ts";
import { quantileOf } from "./results.ts";
import { highestCleanRate } from "./search.ts";
import { busyTime, roundTrips, send, tcp } from "./traffic.ts";

/** Rate at which processor time is measured, the same for all candidates. */
const STEADY_RATE = 50_000;
const SEARCH_STEPS = 5;
/** Time of a search step, as a part of a measurement's. */
const STEP_PART = 0.25;

type Values = Partial<Record<MeasureKey, number>>;

/** Cost of sending frames before the sites are connected, which no candidate causes. */
export interface IdleCost {
  /** Busy time for each frame sent, in microseconds. */
  readonly busyUs: number;
}

/** Settings of measurements. */
export interface MeasureSettings {
  /** Of each measurement, about. */
  readonly seconds: number;
  /** Congestion control of TCP flows. */
  readonly congestion: string;
}

/** A group of measures that are taken together. */
interface MeasureGroup {
  readonly keys: readonly MeasureKey[];
  /** Measures the sites as they are connected now. */
  measure(settings: MeasureSettings, idle: IdleCost): Promise<Values>;
}

/** TABLE: how measures are taken. */
const groups: readonly MeasureGroup[] = [
  { keys: ["tcp1"], measure: async (settings) => ({ tcp1: await tcpRate(settings, 1) }) },
  { keys: ["tcp4"], measure: async (settings) => ({ tcp4: await tcpRate(settings, 4) }) },
  { keys: ["flood60"], measure: async ({ seconds }) => ({ flood60: await floodRate(seconds, 60) }) },
  { keys: ["clean60"], measure: async ({ seconds }) => ({ clean60: await cleanRate(seconds, 60) }) },
  { keys: ["flood1400"], measure: async ({ seconds }) => ({ flood1400: await floodRate(seconds, 1400) }) },
  { keys: ["clean1400"], measure: async ({ seconds }) => ({ clean1400: await cleanRate(seconds, 1400) }) },
  { keys: ["rtt50", "rtt99"], measure: measureRoundTrips },
  { keys: ["cpu"], measure: measureProcessorTime },
];

/** Takes the measures whose keys are wanted. */
export async function measureAll(
  wanted: ReadonlySet<MeasureKey>,
  settings: MeasureSettings,
  idle: IdleCost,
): Promise<Values> {
  const values: Values = {};
  for (const { keys, measure } of groups) {
    if (keys.some((key) => wanted.has(key))) Object.assign(values, await measure(settings, idle));
  }
  return values;
}

/** Gbit/s. */
async function tcpRate({ seconds, congestion }: MeasureSettings, flows: number): Promise<number> {
  return (await tcp(seconds, flows, congestion)) / 1e9;
}

/** Frames of a flood that arrive, in thousands a second. */
async function floodRate(seconds: number, octets: number): Promise<number> {
  return (await send(seconds, octets)).arrived / seconds / 1000;
}

/** Thousands a second. */
async function cleanRate(seconds: number, octets: number): Promise<number> {
  const step = seconds * STEP_PART;
  const flood = await send(step, octets);
  const rate = await highestCleanRate(flood, step, SEARCH_STEPS, (at) => send(step, octets, at));
  return rate / 1000;
}

async function measureRoundTrips(): Promise<Values> {
  const times = await roundTrips();
  return { rtt50: quantileOf(times, 0.5), rtt99: quantileOf(times, 0.99) };
}

/** Must be called before the sites are connected. */
export async function measureIdle(seconds: number): Promise<IdleCost> {
  const { busyUs, sent } = await busyTime(seconds, STEADY_RATE);
  return { busyUs: busyUs / sent };
}

async function measureProcessorTime({ seconds }: MeasureSettings, idle: IdleCost): Promise<Values> {
  const { busyUs, arrived } = await busyTime(seconds, STEADY_RATE);
  return { cpu: busyUs / arrived - idle.busyUs };
}
