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

/** Takes one measure, and perhaps others with it, of the sites as they are connected now. */
type Take<Key extends MeasureKey> = (
  settings: MeasureSettings,
  idle: IdleCost,
) => Promise<Values & Record<Key, number>>;

/** TABLE: how each measure is taken, in this order; those that are taken together have one function. */
const takes: { readonly [Key in MeasureKey]: Take<Key> } = {
  tcp1: async (settings) => ({ tcp1: await tcpRate(settings, 1) }),
  tcp4: async (settings) => ({ tcp4: await tcpRate(settings, 4) }),
  flood60: async ({ seconds }) => ({ flood60: await floodRate(seconds, 60) }),
  clean60: async ({ seconds }) => ({ clean60: await cleanRate(seconds, 60) }),
  flood1400: async ({ seconds }) => ({ flood1400: await floodRate(seconds, 1400) }),
  clean1400: async ({ seconds }) => ({ clean1400: await cleanRate(seconds, 1400) }),
  rtt50: measureRoundTrips,
  rtt99: measureRoundTrips,
  cpu: measureProcessorTime,
};

/** Takes the measures whose keys are wanted. */
export async function measureAll(
  wanted: ReadonlySet<MeasureKey>,
  settings: MeasureSettings,
  idle: IdleCost,
): Promise<Values> {
  const keys = (Object.keys(takes) as MeasureKey[]).filter((key) => wanted.has(key));
  const values: Values = {};
  for (const take of new Set(keys.map((key) => takes[key])))
    Object.assign(values, await take(settings, idle));
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

async function measureRoundTrips(): Promise<Record<"rtt50" | "rtt99", number>> {
  const times = await roundTrips();
  return { rtt50: quantileOf(times, 0.5), rtt99: quantileOf(times, 0.99) };
}

/** Must be called before the sites are connected. */
export async function measureIdle(seconds: number): Promise<IdleCost> {
  const { busyUs, sent } = await busyTime(seconds, STEADY_RATE);
  return { busyUs: busyUs / sent };
}

async function measureProcessorTime(
  { seconds }: MeasureSettings,
  idle: IdleCost,
): Promise<Record<"cpu", number>> {
  const { busyUs, arrived } = await busyTime(seconds, STEADY_RATE);
  return { cpu: busyUs / arrived - idle.busyUs };
}
