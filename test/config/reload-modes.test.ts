import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { bridgeRows, memberRows, portRows } from "../../src/config/bridge-rows.ts";
import type { Config } from "../../src/config/config.ts";
import { httpRows } from "../../src/config/http-rows.ts";
import { lcceRows, logRows, metricsRows, topRows } from "../../src/config/node-rows.ts";
import { presetRows } from "../../src/config/peer-rows.ts";
import { type PlanStep, planChange } from "../../src/config/plan.ts";
import { circuitRows, pseudowireRows, staticRows } from "../../src/config/pseudowire-rows.ts";
import { keysThatReload, type ReloadMode, type Rows } from "../../src/config/rows.ts";
import { tunnelRows } from "../../src/config/tunnel-rows.ts";
import {
  attachmentOf,
  deviceOf,
  endpointOf,
  peerSettings,
  pseudowireSettings,
} from "../../src/daemon/settings.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { configsWith, type Leaf, leavesOfSchema, pathOfTaker } from "../support/configuration-keys.ts";
import { sessionParameters } from "../support/sessions.ts";

/** TABLE: rows of the mappings at the top of the file that have keys of the node. */
const nodeRows: Readonly<Record<string, Rows>> = {
  lcce: lcceRows,
  log: logRows,
  http: httpRows,
  metrics: metricsRows,
};

/** The rows of the mapping in which a leaf is, and the leaf's key there. */
function rowsOf(leaf: Leaf): readonly [Rows, string] {
  const path = pathOfTaker(leaf);
  const [top = "", , key = "", , inPseudowire = "", inMapping = "", inPort = ""] = path;
  if (top === "bridges") {
    const rows = inPseudowire === "" ? bridgeRows : { ...portRows, ...memberRows };
    return [rows, inPseudowire === "" ? key : inPseudowire];
  }
  const ofNode = nodeRows[top];
  if (ofNode !== undefined) return [ofNode, path[1] ?? ""];
  if (top !== "tunnels") return [topRows, top];
  if (key !== "pseudowires") return [{ ...presetRows, ...tunnelRows }, key];
  if (inPseudowire === "circuit" && inMapping === "port") return [portRows, inPort];
  if (inPseudowire === "circuit") return [circuitRows, inMapping];
  return inPseudowire === "static" ? [staticRows, inMapping] : [pseudowireRows, inPseudowire];
}

/** TABLE: whether a step of a plan is what the reload mode of a key promises. */
const fits: Readonly<Record<ReloadMode, (step: PlanStep) => boolean>> = {
  "in place": ({ action }) => action === "update",
  replace: ({ action }) => action === "replace",
  "create or remove": ({ action }) => action === "create" || action === "remove",
  "next start": ({ action, reasons }) =>
    action === "update" && reasons.every((reason) => reason.endsWith("(at the next start)")),
};

/** What `include` brings is in the plan by its tunnels. */
const leaves = leavesOfSchema()
  .filter(({ path: [top] }) => top !== "include")
  .map((leaf) => {
    const [rows, key] = rowsOf(leaf);
    return { name: leaf.path.join("."), leaf, key, mode: rows[key]?.reload };
  });

/** Pairs of different configurations in nothing but the leaf's value. */
function pairsOf(leaf: Leaf): readonly (readonly [Config, Config])[] {
  return configsWith(leaf).flatMap(([first, ...others]) =>
    others.flatMap((other) =>
      first === undefined || isDeepStrictEqual(first, other) ? [] : [[first, other] as const],
    ),
  );
}

test.each(leaves)("$name: another value is in the plan, as its row says: $mode", ({ leaf, mode }) => {
  if (mode === undefined) throw new Error("no row has this key");
  const pairs = pairsOf(leaf);
  expect(pairs.length).toBeGreaterThan(0);
  for (const [before, after] of pairs) {
    const steps = planChange(before, after);
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter((step) => !fits[mode](step))).toEqual([]);
  }
});

/** The one tunnel of a file, as what is not taken over in place, and as what `update-connection` brings. */
function tunnelOf({ tunnels }: Config) {
  const [tunnel] = tunnels;
  if (tunnel === undefined) throw new Error("the file has no tunnel");
  const { control, pathMtu, pseudowires, ...ends } = tunnel;
  const path = {
    encapsulation: "udp",
    localAddress: "a",
    localPort: 1,
    remoteAddress: "b",
    remotePort: 2,
  } as const;
  // The search for a static tunnel's path MTU reads the configuration itself.
  const brought = control === undefined ? pathMtu : peerSettings(tunnel, control, path, []);
  return { fixed: { ...ends, endpoint: endpointOf(tunnel, "a"), pseudowires }, brought };
}

/**
 * Consumers whose fields count while all goes on: a control connection keeps its authentication from its
 * start, and a session what was negotiated.
 */
const changing = new Set([
  "peer",
  "path MTU",
  "delivery",
  "attachment",
  "sequence rule",
  "daemon",
  "bridge",
  "port",
]);

const inPlace = leaves.filter(({ mode }) => mode === "in place");
/** Keys that planes and the control plane do not see. */
const ofBridges = inPlace.filter(({ leaf: { path } }) => path[0] === "bridges" || path.includes("port"));
const ofNode = inPlace.filter(({ leaf: { path } }) => nodeRows[path[0] ?? ""] !== undefined);
const ofSessions = inPlace.filter((one) => !ofBridges.includes(one) && !ofNode.includes(one));
const ofTunnels = ofSessions.filter(({ leaf }) => pathOfTaker(leaf).length === 3);
const ofPseudowires = ofSessions.filter(({ leaf }) => pathOfTaker(leaf).length > 3);

test.each(ofTunnels)("$name: update-connection brings another value, and nothing else has it", ({ leaf }) => {
  for (const pair of pairsOf(leaf)) {
    const [before, after] = pair.map(tunnelOf);
    expect(after?.fixed).toEqual(before?.fixed);
    expect(after?.brought).not.toEqual(before?.brought);
  }
});

/** The one pseudowire of a file: what is not taken over in place, and what `updateSession` brings. */
function pseudowireOf({ tunnels }: Config) {
  const [pseudowire] = tunnels[0]?.pseudowires ?? [];
  if (pseudowire === undefined) throw new Error("the file has no pseudowire");
  const { circuit, staticSession } = pseudowire;
  const fixed = {
    circuit,
    staticSession,
    device: deviceOf(pseudowire),
    settings: pseudowireSettings(pseudowire),
  };
  return { fixed, attachment: attachmentOf(pseudowire) };
}

test.each(ofPseudowires)("$name: updateSession brings another value, and the worker takes it", ({ leaf }) => {
  for (const pair of pairsOf(leaf)) {
    const [before, after] = pair.map(pseudowireOf);
    if (before === undefined || after === undefined) throw new Error("no pair");
    expect(after.fixed).toEqual(before.fixed);
    expect(after.attachment).not.toEqual(before.attachment);
    // What a session has that was updated, and one that had the value from the start.
    const records = [before, after].map(({ attachment }) => {
      const tables = new Tables(new Arena());
      const { device } = attachment;
      tables.openCircuit({ fd: 7, readFd: 7, kind: "interface", name: device, sendsBy: device });
      const session = sessionParameters({ localSessionId: 7 });
      tables.addSession(1, 3, session, attachment);
      tables.updateSession(3, session, after.attachment);
      const { circuit: _circuit, ...record } = tables.sessions.get(7) ?? {};
      return record;
    });
    expect(records[0]).toEqual(records[1]);
  }
});

test("no key is taken over in place that its consumer keeps from the start", () => {
  const kept = inPlace.filter(({ leaf, key }) => !changing.has(rowsOf(leaf)[0][key]?.consumer ?? ""));
  expect(kept.map(({ name }) => name)).toEqual([]);
});

test("keys of a node that are taken over in place", () => {
  const keys = [...Object.values(nodeRows), topRows].flatMap((rows) => keysThatReload(rows, "in place"));
  expect(keys).toEqual(["level", "listen", "token", "hosts", "sessions"]);
  expect(ofNode.map(({ name }) => name)).toEqual([
    ...["log.level", "http.listen", "http.token.file", "http.token.credential", "http.token.env"],
    ...["http.hosts", "metrics.sessions"],
  ]);
  expect([ofTunnels.length > 5, ofPseudowires.length > 2, ofBridges.length > 10]).toEqual([true, true, true]);
});
