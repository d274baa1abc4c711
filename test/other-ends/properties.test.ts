import fc from "fast-check";
import { expect, test } from "vitest";
import type { Config, TunnelConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { peerConfig } from "../../src/other-ends/peer-config.ts";
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
  expect(valid).toBeGreaterThan(10);
});
