import { z } from "zod";

/** What is on a link in one direction, and how that is written in a topology and on the command line. */

/** Conditions of one direction of a link; what is absent is as on a perfect link. */
export interface LinkConditions {
  /** Time that each frame takes, in ms. */
  readonly delayMs?: number | undefined;
  /** The delay of each frame is chosen evenly from delay - jitter to delay + jitter, in ms. */
  readonly jitterMs?: number | undefined;
  readonly lossPercent?: number | undefined;
  readonly duplicatePercent?: number | undefined;
  /** Share of frames that are sent without the delay, and so overtake those before them. */
  readonly reorderPercent?: number | undefined;
  readonly rateBitsPerSecond?: number | undefined;
  /** Frames that may wait for the rate; those that come beyond are dropped. */
  readonly queuePackets?: number | undefined;
}

/** Length of the queue before a rate when nothing is said, in packets: that of netem and most interfaces. */
export const DEFAULT_QUEUE_PACKETS = 1000;

/** How a value is written: text or number in, the number of the field out, and back. */
interface Notation {
  readonly schema: z.ZodType<number, unknown>;
  readonly toText: (value: number) => string;
}

const MOST_DELAY_MS = 60_000;
const MOST_RATE = 100e9;
/** Below it a full-size packet takes more than a second, and tbf has no burst for it. */
const LEAST_RATE = 8000;
const MOST_QUEUE = 1_000_000;

/** TABLE: units of times and rates, in ms and bit/s. */
const units = {
  time: { us: 0.001, ms: 1, s: 1000 },
  rate: { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 },
} as const;

/** A number without needless digits. */
function digits(value: number): string {
  return `${Number(value.toPrecision(12))}`;
}

/** A number with a unit of the table; `wanted` tells what to write instead of anything else. */
function withUnit(
  table: Readonly<Record<string, number>>,
  most: number,
  wanted: string,
  hint: (number: number) => string,
): Notation {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?) ?(${Object.keys(table).join("|")})$`, "i");
  const error = ({ input }: { readonly input?: unknown }): string =>
    typeof input === "number" ? `${input} has no unit: write ${hint(input)}` : wanted;
  const toNumber = (text: string): number => {
    const [, number = "", unit = ""] = pattern.exec(text) ?? [];
    return Number(digits(Number(number) * (table[unit.toLowerCase()] ?? Number.NaN)));
  };
  const toText = (value: number): string => {
    const found = Object.entries(table)
      .toReversed()
      .find(([, factor]) => value >= factor);
    const [unit, factor] = found ?? Object.entries(table).find(([, factor]) => factor === 1) ?? ["", 1];
    return `${digits(value / factor)}${unit}`;
  };
  const schema = z
    .string({ error })
    .regex(pattern, {
      error: ({ input }) => (/^[\d.]+$/.test(`${input}`) ? error({ input: Number(input) }) : wanted),
      abort: true,
    })
    .transform(toNumber)
    .refine((value) => value <= most, { error: `at most ${toText(most)}` });
  return { schema, toText };
}

const percentWanted =
  "wanted a share of the frames with its percent sign, from 0% to 100%, such as 1% or 0.5%";
const percentPattern = /^\d+(?:\.\d+)? ?%$/;
const percentError = ({ input }: { readonly input?: unknown }): string =>
  typeof input === "number" ? `${input} has no percent sign: write ${input}%` : percentWanted;

/** TABLE: notations of values. */
const notations = {
  time: withUnit(
    units.time,
    MOST_DELAY_MS,
    "wanted a time with its unit (us, ms or s), such as 50ms or 1.5s",
    (number) => `${number}ms or ${number}s`,
  ),
  rate: withUnit(
    units.rate,
    MOST_RATE,
    "wanted bits per second with their unit (bit, kbit, mbit or gbit), such as 64kbit or 10mbit",
    (number) => `${number}mbit, ${number}kbit or ${number}bit`,
  ),
  percent: {
    schema: z
      .string({ error: percentError })
      .regex(percentPattern, {
        error: ({ input }) =>
          /^[\d.]+$/.test(`${input}`) ? percentError({ input: Number(input) }) : percentWanted,
        abort: true,
      })
      .transform((text) => Number.parseFloat(text))
      .refine((value) => value <= 100, { error: percentWanted }),
    toText: (value: number) => `${digits(value)}%`,
  },
  packets: {
    schema: z
      .union([z.int(), z.string().regex(/^\d+$/).transform(Number)], {
        error: "wanted a number of packets, such as 50",
      })
      .refine((value) => value >= 1 && value <= MOST_QUEUE, { error: `from 1 to ${MOST_QUEUE} packets` }),
    toText: digits,
  },
} satisfies Readonly<Record<string, Notation>>;

/** A key of what may be on a link. */
export interface LinkKey {
  /** Its name in a topology, and as an option of `wirespan lab link`. */
  readonly key: string;
  readonly field: keyof LinkConditions;
  readonly example: string;
  readonly help: string;
  /** From what is written to the value of the field. */
  readonly schema: z.ZodType<number, unknown>;
  /** From the value of the field to what is written. */
  readonly toText: (value: number) => string;
}

function row(
  key: string,
  field: keyof LinkConditions,
  notation: keyof typeof notations,
  example: string,
  help: string,
): LinkKey {
  return { key, field, example, help, ...notations[notation] };
}

/** TABLE: what may be on a link, in each direction. */
export const linkKeys: readonly LinkKey[] = [
  row("delay", "delayMs", "time", "50ms", "time that each frame takes"),
  row(
    ...(["jitter", "jitterMs", "time", "5ms"] as const),
    "the delay of each frame is chosen evenly from delay - jitter to delay + jitter; " +
      "frames closer together than that may overtake each other",
  ),
  row("loss", "lossPercent", "percent", "1%", "share of the frames that are lost, each by chance"),
  row("duplicate", "duplicatePercent", "percent", "0.5%", "share of the frames that arrive twice"),
  row(
    ...(["reorder", "reorderPercent", "percent", "2%"] as const),
    "share of the frames that skip the delay, and so overtake those before them; needs `delay`",
  ),
  row(
    ...(["rate", "rateBitsPerSecond", "rate", "10mbit"] as const),
    "bits of frames per second, counted from the destination address to the end of the payload",
  ),
  row(
    ...(["queue", "queuePackets", "packets", "50"] as const),
    `frames that may wait for the rate, those beyond are dropped; needs \`rate\`; ` +
      `default ${DEFAULT_QUEUE_PACKETS}`,
  ),
];

/** Conditions without those that change nothing. */
export function withoutZeros(conditions: LinkConditions): LinkConditions {
  const entries = Object.entries(conditions).filter(([, value]) => value !== undefined && value > 0);
  return Object.fromEntries(entries) as LinkConditions;
}

/** Conditions after a change: a value of 0 takes a condition away, what the change leaves out stays. */
export function changedConditions(before: LinkConditions, change: LinkConditions): LinkConditions {
  const said = Object.entries(change).filter(([, value]) => value !== undefined);
  return withoutZeros({ ...before, ...Object.fromEntries(said) });
}

export function isPerfect(conditions: LinkConditions): boolean {
  return Object.keys(withoutZeros(conditions)).length === 0;
}

/** What contradicts itself in conditions, each with the key that it is said of. */
export function conditionProblems(
  conditions: LinkConditions,
): readonly { readonly key: string; readonly message: string }[] {
  const { delayMs = 0, jitterMs = 0, reorderPercent = 0, queuePackets, rateBitsPerSecond } = conditions;
  const problems: { key: string; message: string }[] = [];
  if (jitterMs > delayMs) {
    const [jitter, delay] = [notations.time.toText(jitterMs), notations.time.toText(delayMs)];
    problems.push({
      key: "jitter",
      message: `a jitter of ${jitter} is more than the delay of ${delay}: make the delay at least as long`,
    });
  }
  if (reorderPercent > 0 && delayMs === 0)
    problems.push({
      key: "reorder",
      message: "frames can overtake only those that are delayed: add a delay, such as delay: 10ms",
    });
  if (rateBitsPerSecond !== undefined && rateBitsPerSecond > 0 && rateBitsPerSecond < LEAST_RATE)
    problems.push({ key: "rate", message: "wanted 8kbit or more, or 0bit for none" });
  if (queuePackets !== undefined && queuePackets > 0 && !rateBitsPerSecond)
    problems.push({
      key: "queue",
      message: "frames wait only for a rate: add one, such as rate: 10mbit",
    });
  return problems;
}

/** The keys as a shape of zod, for a mapping that has others beside them. */
export const linkConditionsShape: Readonly<Record<string, z.ZodOptional<LinkKey["schema"]>>> =
  Object.fromEntries(linkKeys.map(({ key, schema }) => [key, schema.optional()]));

/** Conditions of parsed values, by key; other keys are left alone. */
export function conditionsOf(values: Readonly<Record<string, unknown>>): LinkConditions {
  const entries = linkKeys.map(({ key, field }) => [field, values[key]] as const);
  return withoutZeros(Object.fromEntries(entries.filter(([, value]) => value !== undefined)));
}

/** The conditions of one direction, from a mapping of keys to what is written. */
export const linkConditionsSchema = z
  .strictObject(linkConditionsShape)
  .transform((values): LinkConditions => conditionsOf(values))
  .superRefine((conditions, context) => {
    for (const { key, message } of conditionProblems(conditions))
      context.addIssue({ code: "custom", message, path: [key] });
  });

/** Conditions as a mapping of keys to text, as `linkConditionsSchema` reads it. */
export function conditionTexts(conditions: LinkConditions): Readonly<Record<string, string>> {
  const said = withoutZeros(conditions);
  return Object.fromEntries(
    linkKeys.flatMap(({ key, field, toText }) => {
      const value = said[field];
      return value === undefined ? [] : [[key, toText(value)]];
    }),
  );
}

/** Conditions on one line, such as "delay 50ms, loss 1%"; "no conditions" where there are none. */
export function conditionsText(conditions: LinkConditions): string {
  const texts = Object.entries(conditionTexts(conditions)).map(([key, text]) => `${key} ${text}`);
  return texts.length === 0 ? "no conditions" : texts.join(", ");
}
