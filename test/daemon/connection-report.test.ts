import { expect, test } from "vitest";
import type { PathLimits, PathMtuSnapshot } from "../../src/control/path-mtu.ts";
import { connectionStatus } from "../../src/daemon/connection-report.ts";
import type { PathMtuStatus } from "../../src/daemon/status.ts";
import type { StatusSources } from "../../src/daemon/status-sources.ts";
import { configOf, configText } from "../support/configuration.ts";

/** The path MTU of a tunnel in the status, 3 s after it was measured, if it was. */
function pathMtuOf(limits: PathLimits, measured: number | undefined): PathMtuStatus | undefined {
  const found: PathMtuSnapshot | undefined =
    measured === undefined
      ? undefined
      : { state: "search-complete", octets: measured, measuredMs: 1000, by: "hello" };
  const sources = {
    nowMs: 4000,
    waiting: () => undefined,
    upDowns: { changes: () => ({ ups: 0, downs: 0 }), flappingNote: () => undefined },
    ends: () => undefined,
    peerMoves: () => undefined,
    peerName: () => undefined,
    endsProblem: () => undefined,
    sendProblem: () => undefined,
    pathLimits: () => limits,
    staticPathMtu: () => found,
  } as unknown as StatusSources;
  const [tunnel] = configOf(configText()).tunnels;
  if (tunnel === undefined) throw new Error("no tunnel");
  return connectionStatus(sources, tunnel, undefined).pathMtu;
}

/** TABLE: what routers reported, what was measured, and what the status has of it. */
const rows: readonly (readonly [number | undefined, number | undefined, Partial<PathMtuStatus>])[] = [
  [undefined, undefined, { octets: 1500, source: "interface" }],
  [1400, undefined, { octets: 1400, source: "reported" }],
  [undefined, 1492, { octets: 1492, source: "measured" }],
  [undefined, 9000, { octets: 1500, source: "measured" }],
  [1400, 1400, { octets: 1400, source: "measured" }],
  [1400, 1300, { octets: 1300, source: "measured" }],
  [1400, 1500, { octets: 1500, source: "measured", reportedOctets: 1400, by: "HELLO", measuredAgoMs: 3000 }],
];

test.each(rows)("with %s reported and %s measured on a link of 1500", (reportedOctets, measured, wanted) => {
  const found = pathMtuOf({ interfaceOctets: 1500, reportedOctets }, measured);
  expect(found).toMatchObject(wanted);
  expect(found?.reportedOctets).toBe(wanted.reportedOctets);
});
