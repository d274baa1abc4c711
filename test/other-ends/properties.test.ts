import fc from "fast-check";
import { expect, test } from "vitest";
import type { Config, TunnelConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { ImportFormat } from "../../src/other-ends/import/formats.ts";
import { importConfig } from "../../src/other-ends/import/import-config.ts";
import { peerConfig } from "../../src/other-ends/peer-config.ts";
import type { WrittenPeer } from "../../src/other-ends/written-peers.ts";
import { leastOf } from "../support/effort.ts";
import { agreementOf, exchanged, fileTexts, type TunnelSpace } from "../support/other-ends.ts";
import { assertProperty } from "../support/seeds.ts";

/** Everything that a tunnel of Wirespan can be. */
const everything: TunnelSpace = {
  control: ["negotiated", "static"],
  encapsulations: ["udp", "ip"],
  families: [4, 6],
  cookieOctets: [0, 4, 8],
  mostPseudowires: 3,
  highestId: 0xffff_ffff,
  frames: [
    [
      ["none", "none"],
      ["none", "none"],
    ],
    [
      ["default", "all"],
      ["none", "none"],
    ],
    [
      ["default", "non-ip"],
      ["default", "all"],
    ],
    [
      ["none", "none"],
      ["default", "none"],
    ],
  ],
  hasNumbersAsEndIds: false,
  hasSecrets: true,
  hasVlans: true,
};

interface OneTunnel {
  readonly config: Config;
  readonly tunnel: TunnelConfig;
}

/** A file with its one tunnel; undefined for one that is not valid, as two pseudowires have one id. */
function tunnelOf(text: string): OneTunnel | undefined {
  const { config } = parseConfig(text, "wirespan.yaml", { hostName: "here" });
  const [tunnel] = config?.tunnels ?? [];
  return config === undefined || tunnel === undefined ? undefined : { config, tunnel };
}

function otherFile({ config, tunnel }: OneTunnel, kind: "wirespan"): OneTunnel {
  const written = peerConfig(config, tunnel, kind);
  expect(written.obstacles).toEqual([]);
  const other = tunnelOf(written.text ?? "");
  if (other === undefined) throw new Error(`not valid:\n${written.text}`);
  return other;
}

test("--for wirespan: the other end agrees in all that both have to, and its other end is the first", () => {
  let valid = 0;
  assertProperty(
    fc.property(fileTexts(everything), (text) => {
      const ours = tunnelOf(text);
      if (ours === undefined) return;
      valid += 1;
      const other = otherFile(ours, "wirespan");
      expect(agreementOf(other.tunnel)).toEqual(exchanged(agreementOf(ours.tunnel)));
      expect(agreementOf(otherFile(other, "wirespan").tunnel)).toEqual(agreementOf(ours.tunnel));
    }),
    { seed: 1, runs: 200 },
  );
  expect(valid).toBeGreaterThanOrEqual(leastOf(100));
});

const noNumbers = ["none", "none"] as const;
const allNumbers = ["default", "all"] as const;
const plainSublayer = ["default", "none"] as const;

/** TABLE: whose configuration we write and read, what its tunnels can be, and what it does not say. */
const roundTrips: readonly (readonly [WrittenPeer, ImportFormat, TunnelSpace, readonly string[]])[] = [
  [
    "linux",
    "ip-script",
    {
      ...everything,
      control: ["static"],
      frames: [
        [noNumbers, noNumbers],
        [plainSublayer, plainSublayer],
        [allNumbers, plainSublayer],
        [plainSublayer, allNumbers],
        [allNumbers, allNumbers],
      ],
    },
    [],
  ],
  [
    "vyos",
    "vyos",
    {
      ...everything,
      control: ["static"],
      cookieOctets: [0],
      mostPseudowires: 1,
      highestId: 429_496_729,
      frames: [[plainSublayer, plainSublayer]],
      hasVlans: false,
    },
    ["checksum"],
  ],
  [
    "cisco-ios",
    "cisco-ios",
    {
      ...everything,
      encapsulations: ["ip"],
      families: [4],
      mostPseudowires: 1,
      frames: [
        [noNumbers, noNumbers],
        [allNumbers, allNumbers],
      ],
      hasNumbersAsEndIds: true,
    },
    // The address is that of an interface, which has its MTU; IOS always calls and answers.
    ["local", "mtu", "role"],
  ],
];

/** An agreement without what a text does not say. */
function without(agreement: ReturnType<typeof agreementOf>, unsaid: readonly string[]): unknown {
  return JSON.parse(
    JSON.stringify(agreement, (key, value: unknown) => (unsaid.includes(key) ? undefined : value)),
  );
}

test.each(roundTrips)("--for %s, read again by import: the other end agrees with ours", (...row) => {
  const [kind, format, space, unsaid] = row;
  let valid = 0;
  assertProperty(
    fc.property(fileTexts(space), (text) => {
      const ours = tunnelOf(text);
      if (ours === undefined) return;
      const { text: written = "", obstacles } = peerConfig(ours.config, ours.tunnel, kind);
      expect(obstacles).toEqual([]);
      const again = importConfig(written, "text", format);
      expect(again.isComplete, `${again.lines.join("\n")}\n${written}`).toBe(true);
      const other = tunnelOf(again.text ?? "");
      if (other === undefined) throw new Error(`not valid:\n${again.text}`);
      expect(without(agreementOf(other.tunnel), unsaid)).toEqual(
        without(exchanged(agreementOf(ours.tunnel)), unsaid),
      );
      valid += 1;
    }),
    { seed: 2, runs: 150 },
  );
  expect(valid).toBeGreaterThanOrEqual(leastOf(75));
});
