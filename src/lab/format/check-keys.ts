import { z } from "zod";
import { key, mappingOf, type TopologyKeys } from "./keys.ts";
import { captureFilter, commandWord, formed, lineText, nodeName, nodePair, seconds } from "./values.ts";

const rate = formed(/^\d+(\.\d+)?[kmg]?bit$/, "wanted a rate in bits a second, such as 8mbit", "rate");
const octets = formed(/^\d+(kB|MB|GB)?$/, "wanted a number of octets, such as 10MB", "number of octets");

/** TABLE: what an output or a value must be; all that are given must hold. */
export const expectationKeys = {
  equals: key(z.union([z.string(), z.number(), z.boolean()]).optional(), "The very value.", "equals: up"),
  contains: key(z.string().optional(), "Text within it.", "contains: It works"),
  matches: key(
    z.string().optional(),
    "Regular expression that it matches somewhere; `^` and `$` are begin and end of any line.",
    "matches: 'seq=\\d+'",
  ),
  at_least: key(z.number().optional(), "Smallest number.", "at_least: 1"),
  at_most: key(z.number().optional(), "Largest number.", "at_most: 10"),
  status: key(z.int().min(0).max(255).optional(), "Exit status of a command; default 0.", "status: 1"),
} as const;

const expectation = z
  .union([z.string(), z.number(), z.boolean(), mappingOf(expectationKeys)], {
    error: "wanted a value, or { equals, contains, matches, at_least, at_most, status }",
  })
  .meta({ form: "the value itself, or a mapping" });

const common = {
  title: key(lineText.optional(), "What the check shows, in the words of a report.", "title: VLAN 10 is up"),
  within: key(
    seconds.optional(),
    "It is tried again until it passes, for this long; `0s`: once. Default: `run` once, `bulk` and " +
      "`failover` 30 s, all others 10 s.",
    "within: 5s",
  ),
  points: key(
    z.int().min(0).optional(),
    "In an exercise: how many points it gives, default 1; 0 for a step that passes by itself.",
    "points: 0",
  ),
} as const;

const wanted =
  (what: string) =>
  ({ input }: { readonly input?: unknown }): string =>
    input === undefined ? "missing" : `wanted ${what}`;

/** TABLE: the kinds of checks; a check has exactly one of these keys. */
export const checkKinds = {
  ping: {
    ping: key(
      nodePair,
      "Pings from one host to the other, small ones and full-size ones.",
      "- ping: [a10, b10]",
    ),
  },
  apart: {
    apart: key(
      nodePair,
      "No ping and no frame from one host to the other, while each of them does reach another node.",
      "- apart: [a10, b20]",
    ),
  },
  multicast: {
    multicast: key(nodePair, "A multicast stream from one host to the other.", "- multicast: [a10, b10]"),
  },
  tagged: {
    tagged: key(
      nodePair,
      "A frame with the first host's tag and priority 5, which arrives with the second one's.",
      "- tagged: [a10, b10]",
    ),
  },
  frames: {
    frames: key(
      nodePair,
      "Frames that bridges are known to drop or change, between the trunks of two LCCEs, octet for octet.",
      "- frames: [hq1, br]",
    ),
  },
  bulk: {
    bulk: key(
      nodePair,
      "Random data by TCP from one host to the other, equal by SHA-256.",
      "- bulk: [a10, b10]",
    ),
    octets: key(octets.default("10MB"), "How much.", "octets: 50MB"),
  },
  run: {
    run: key(
      z.tuple([nodeName], commandWord, { error: wanted("a node and a command, such as [h10, ip address]") }),
      "A command in a node; one word is a command line for `sh`.",
      "- run: [b10, curl -s http://srv]",
    ),
    expect: key(
      expectation.optional(),
      "What it prints and ends with; default: exit status 0.",
      "expect: { contains: It works }",
    ),
  },
  status: {
    status: key(
      z.tuple([nodeName, z.string()], {
        error: wanted('an LCCE and a path, such as [hq1, "pseudowires[0].state"]'),
      }),
      "A value of `wirespan status --json` of an LCCE, by its path; elements of lists by index or name.",
      '- status: [hq1, "pseudowires[lan].state"]',
    ),
    expect: key(expectation, "What it is.", "expect: established"),
  },
  counter: {
    counter: key(
      z.tuple([nodeName, z.string()], {
        error: wanted("an LCCE and what is counted, such as [hq1, wrong-cookie]"),
      }),
      "How often an LCCE counted something, in all its pseudowires and beside them: a reason of a discard, " +
        "or a counter such as `receivedFrames`.",
      "- counter: [hq1, wrong-cookie]",
    ),
    expect: key(expectation, "The number.", "expect: 0"),
  },
  failover: {
    failover: key(
      z.union(
        [
          mappingOf({ kill: key(nodeName, "LCCE whose daemon is killed.", "kill: hq1") }),
          mappingOf({ stop: key(nodeName, "Node whose program is stopped.", "stop: hq1") }),
          mappingOf({ down: key(z.string(), "Link that goes down.", "down: hq1.internet") }),
          mappingOf({
            forget: key(nodeName, "Router whose NAT forgets all its flows, as by a restart.", "forget: cpe"),
          }),
          mappingOf({
            run: key(
              z.tuple([nodeName], commandWord),
              "A command in a node, such as one that changes an address; its exit status has to be 0.",
              "run: [cpe, ip address add 203.0.113.10/24 dev internet]",
            ),
            undo: key(
              z.tuple([nodeName], commandWord).optional(),
              "A command that sets it right again; without one it stays.",
              "undo: [cpe, ip address del 203.0.113.10/24 dev internet]",
            ),
          }),
        ],
        {
          error:
            "wanted what happens: { kill: NODE }, { stop: NODE }, { down: NODE.PORT }, { forget: ROUTER } " +
            "or { run: [NODE, COMMAND] }",
        },
      ),
      "Something fails while one host pings the other: the longest time without an answer is the result. " +
        "It is set right again afterwards: but for `{ forget: ROUTER }`, whose NAT forgets its flows, and " +
        "for `{ run: [NODE, COMMAND] }` without `undo: [NODE, COMMAND]`, a change that stays.",
      "- failover: { stop: hq1 }\n  between: [h10, b10]\n  under: 5s",
    ),
    between: key(nodePair, "The two hosts.", "between: [h10, b10]"),
    under: key(seconds, "Longest time that passes.", "under: 5s"),
  },
  throughput: {
    throughput: key(nodePair, "TCP from one host to the other for some seconds.", "- throughput: [h10, b10]"),
    at_least: key(rate.optional(), "Smallest rate that passes.", "at_least: 8mbit"),
    at_most: key(rate.optional(), "Largest rate that passes.", "at_most: 11mbit"),
    seconds: key(z.int().min(1).max(60).default(3), "How long it is measured.", "seconds: 5"),
  },
  captured: {
    captured: key(
      z.string(),
      "A point that is captured while something runs: a network, a node, or NODE.PORT.",
      "- captured: internet\n  while: [h10, ping -c3 b10]\n  filter: udp port 1701\n  at_least: 3",
    ),
    while: key(
      z.tuple([nodeName], commandWord).optional(),
      "Command that runs meanwhile; default: one second.",
      "while: [h10, ping -c3 b10]",
    ),
    expect: key(
      expectation.optional(),
      "What that command prints and ends with; default: exit status 0.",
      "expect: { status: 1 }",
    ),
    filter: key(
      captureFilter.default(""),
      "Which packets count, in the words of tcpdump.",
      "filter: udp port 1701",
    ),
    at_least: key(z.int().min(0).optional(), "Fewest packets that pass.", "at_least: 3"),
    at_most: key(
      z.int().min(0).optional(),
      "Most packets that pass; 0 for none. A try with more is the last one.",
      "at_most: 0",
    ),
  },
} as const;

export type CheckKind = keyof typeof checkKinds;

function schemaOf<Keys extends TopologyKeys>(keys: Keys) {
  return mappingOf({ ...keys, ...common });
}

/** The schema of each kind of check. */
export const checkSchemas = {
  ping: schemaOf(checkKinds.ping),
  apart: schemaOf(checkKinds.apart),
  multicast: schemaOf(checkKinds.multicast),
  tagged: schemaOf(checkKinds.tagged),
  frames: schemaOf(checkKinds.frames),
  bulk: schemaOf(checkKinds.bulk),
  run: schemaOf(checkKinds.run),
  status: schemaOf(checkKinds.status),
  counter: schemaOf(checkKinds.counter),
  failover: schemaOf(checkKinds.failover),
  throughput: schemaOf(checkKinds.throughput),
  captured: schemaOf(checkKinds.captured),
} as const satisfies Readonly<Record<CheckKind, z.ZodType>>;

/** The schema of a check of any kind. */
export const checkSchema = z.union(
  [
    checkSchemas.ping,
    checkSchemas.apart,
    checkSchemas.multicast,
    checkSchemas.tagged,
    checkSchemas.frames,
    checkSchemas.bulk,
    checkSchemas.run,
    checkSchemas.status,
    checkSchemas.counter,
    checkSchemas.failover,
    checkSchemas.throughput,
    checkSchemas.captured,
  ],
  { error: "wanted a check, such as `ping: [a10, b10]`" },
);

/** The keys that every kind of check has. */
export const commonCheckKeys = common;

/** One check of a topology: the keys of its kind. */
export type Check = { [Kind in CheckKind]: z.output<(typeof checkSchemas)[Kind]> }[CheckKind];

/** The check, by the kind whose key it has. */
export type CheckOf<Kind extends CheckKind> = z.output<(typeof checkSchemas)[Kind]>;
