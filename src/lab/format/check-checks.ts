import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { controlDiscards } from "../../control/control-discards.ts";
import { counterTable } from "../../forwarding/counters-table.ts";
import { discardReasons } from "../../forwarding/discard-reasons.ts";
import { apartPartners } from "./apart-partners.ts";
import type { Check, CheckKind, CheckOf } from "./check-keys.ts";
import { checkCapturePoint, checkPoint } from "./check-names.ts";
import { choiceText, type DeclaredKind, declared, nodeKinds, segmentKinds } from "./declared.ts";
import { isNameServer } from "./name-servers.ts";
import { mayReach } from "./packet-ways.ts";
import { isNamed, type Report, reported, type Scope } from "./scope.ts";
import { statusPathProblem } from "./status-keys.ts";
import { type LabLcce, lcceNamed, nodeNamed, nodesOf } from "./topology.ts";

/** Checks of a topology: that they name nodes of the right kinds, and ask for what there is. */

const anywhere: readonly DeclaredKind[] = [...nodeKinds, ...segmentKinds];

/** Names of all that a daemon counts. */
const counters: readonly string[] = [
  ...counterTable.map(({ name }) => name),
  ...discardReasons.map(({ name }) => name),
  ...Object.keys(controlDiscards),
];

/** What one kind of check is judged by. */
type Judge<Kind extends CheckKind> = (
  check: CheckOf<Kind>,
  scope: Scope,
  path: KeyPath,
  report: Report,
) => void;

/** TABLE: what of each kind of check is judged before the lab is built. */
const judges: { readonly [Kind in CheckKind]: Judge<Kind> } = {
  ping: ({ ping }, scope, path, report) => {
    checkPair("ping", ping, nodeKinds, scope, path, report);
    checkWay(ping, scope, [...path, "ping"], report);
  },
  apart: checkApart,
  multicast: ({ multicast }, ...rest) => checkPair("multicast", multicast, nodeKinds, ...rest),
  tagged: ({ tagged }, scope, path, report) => {
    checkPair("tagged", tagged, ["host"], scope, path, report);
    for (const [index, name] of tagged.entries())
      checkTagged(name, scope, [...path, "tagged", index], report);
  },
  frames: ({ frames }, scope, path, report) => {
    checkPair("frames", frames, ["lcce"], scope, path, report);
    for (const [index, name] of frames.entries()) {
      const lcce = lcceNamed(scope.topology, name);
      if (lcce !== undefined && lcce.trunk === undefined)
        report([...path, "frames", index], `${name} is connected to no LAN, whose frames could be looked at`);
    }
  },
  bulk: ({ bulk }, ...rest) => checkPair("bulk", bulk, nodeKinds, ...rest),
  run: ({ run, expect }, scope, path, report) => {
    checkCommand(run, scope, [...path, "run"], report);
    checkExpectation(expect, [...path, "expect"], report, true);
  },
  status: ({ status, expect }, scope, path, report) => {
    const [name, ...more] = status;
    checkWirespan(name, scope, [...path, "status", 0], report);
    checkOneMore(
      more,
      [...path, "status"],
      "a path, such as pseudowires[0].state",
      (text) => statusPathProblem(text) ?? itemProblem(text, lcceNamed(scope.topology, name)),
      report,
    );
    checkExpectation(expect, [...path, "expect"], report);
  },
  counter: ({ counter, expect }, scope, path, report) => {
    const [name, ...more] = counter;
    checkWirespan(name, scope, [...path, "counter", 0], report);
    const problemOf = (text: string) =>
      counters.includes(text) ? undefined : `no daemon counts ${text}${choiceText(text, counters)}`;
    checkOneMore(more, [...path, "counter"], "what is counted, such as wrong-cookie", problemOf, report);
    checkExpectation(expect, [...path, "expect"], report);
  },
  failover: ({ failover, between }, scope, path, report) => {
    checkPair("between", between, nodeKinds, scope, path, report);
    const at = [...path, "failover"];
    if ("kill" in failover) checkWirespan(failover.kill, scope, [...at, "kill"], report);
    else if ("stop" in failover) checkProgram(failover.stop, scope, [...at, "stop"], report);
    else if ("forget" in failover) checkNatRouter(failover.forget, scope, [...at, "forget"], report);
    else if ("run" in failover) {
      checkCommand(failover.run, scope, [...at, "run"], report);
      if (failover.undo !== undefined) checkCommand(failover.undo, scope, [...at, "undo"], report);
    } else if (failover.down.includes(".")) checkPoint(scope, [...at, "down"], failover.down, report);
    else report([...at, "down"], `${failover.down} is no link: write NODE.PORT, such as hq.trunk`);
  },
  throughput: ({ throughput, at_least: least, at_most: most }, scope, path, report) => {
    checkPair("throughput", throughput, nodeKinds, scope, path, report);
    if (least === undefined && most === undefined)
      report(path, "wanted at_least or at_most: without them any rate passes", "at key");
    else checkOrder(bitsOf(least), bitsOf(most), [...path, "at_least"], report);
  },
  captured: (check, scope, path, report) => {
    checkCapturePoint(scope, [...path, "captured"], check.captured, report);
    if (check.while !== undefined) checkCommand(check.while, scope, [...path, "while"], report);
    checkExpectation(check.expect, [...path, "expect"], report, true);
    if (check.expect !== undefined && check.while === undefined)
      report([...path, "expect"], "there is no `while` whose command could be expected to do so", "at key");
    checkOrder(check.at_least, check.at_most, [...path, "at_least"], report);
  },
};

/** Issues of the checks. */
export function checkChecks(scope: Scope): readonly Issue[] {
  return reported((report) => {
    for (const [index, check] of scope.checks) {
      const kind = kindOfCheck(check);
      (judges[kind] as Judge<CheckKind>)(check as never, scope, ["checks", index], report);
    }
  });
}

/** The kind of a valid check. */
function kindOfCheck(check: Check): CheckKind {
  return Object.keys(check).find((key): key is CheckKind => Object.hasOwn(judges, key)) as CheckKind;
}

function checkPair(
  key: string,
  pair: readonly [string, string],
  kinds: readonly DeclaredKind[],
  scope: Scope,
  path: KeyPath,
  report: Report,
): void {
  for (const [index, name] of pair.entries())
    isNamed(scope, name, kinds, (message) => report([...path, key, index], message));
  if (pair[0] === pair[1]) report([...path, key], `wanted two nodes, and both are ${pair[0]}`);
}

function checkApart({ apart }: CheckOf<"apart">, scope: Scope, path: KeyPath, report: Report): void {
  checkPair("apart", apart, nodeKinds, scope, path, report);
  const nodes = nodesOf(scope.topology);
  if (!scope.hasAllNames || !apart.every((name) => nodes.some((node) => node.name === name))) return;
  const pairs = [apart, [...apart].reverse() as [string, string]] as const;
  const alone = pairs.find(([name, other]) => apartPartners(scope.topology, name, other).length === 0);
  const hasOthers = scope.names.some(({ kind, name }) => kind === "host" && !apart.includes(name));
  if (alone !== undefined && !hasOthers)
    report(
      [...path, "apart"],
      "each of the two must reach another node, or that they are apart shows nothing; there is no other " +
        `host, and no router or LCCE with an address in the LAN of ${alone[0]}`,
    );
}

/** An LCCE has a port in its LAN, and no address there: packets of its own have no way into it. */
function checkWay(pair: readonly [string, string], { topology }: Scope, path: KeyPath, report: Report): void {
  for (const [index, name] of pair.entries()) {
    const lcce = lcceNamed(topology, name);
    const other = pair[1 - index] ?? "";
    // A name that a host has too is told where it is given.
    const isHost = topology.hosts.some((host) => host.name === name);
    const isOwn = lcce?.wirespan !== undefined && lcce.bridge === undefined && !isHost;
    if (!isOwn || mayReach(topology, lcce, lcceNamed(topology, other)?.name ?? other)) continue;
    report(
      [...path, index],
      `${name} has no address that ${other} can be reached from: wanted a host or router`,
    );
    return;
  }
}

/** A host whose frames are looked at where its LAN meets an LCCE. */
function checkTagged(name: string, { topology }: Scope, path: KeyPath, report: Report): void {
  const host = topology.hosts.find((one) => one.name === name);
  const lan = host?.ports[0]?.segment;
  if (lan === undefined) return;
  const trunks = topology.lcces.flatMap(({ ports, trunk }) => ports.filter((port) => port.name === trunk));
  if (!trunks.some(({ segment }) => segment === lan))
    report(path, `the LAN of ${name}, ${lan}, is that of no LCCE, where its frames could be looked at`);
}

function checkWirespan(name: string, scope: Scope, path: KeyPath, report: Report): void {
  if (!isNamed(scope, name, ["lcce"], (message) => report(path, message))) return;
  const lcce = lcceNamed(scope.topology, name);
  if (lcce !== undefined && lcce.wirespan === undefined)
    report(path, `${name} is a peer of another kind, and no Wirespan`);
}

/** A node with a program that can be stopped. */
function checkProgram(name: string, scope: Scope, path: KeyPath, report: Report): void {
  if (!isNamed(scope, name, nodeKinds, (message) => report(path, message))) return;
  const wanted = declared(scope.names, name)?.name;
  const node = nodeNamed(scope.topology, wanted ?? name);
  if (node === undefined || node.run !== undefined) return;
  const programs = {
    lcce: () => node.kind === "lcce" && node.wirespan !== undefined,
    router: () =>
      node.kind === "router" &&
      (node.frr !== undefined || Object.keys(node.dhcp).length > 0 || isNameServer(node)),
    host: () =>
      node.kind === "host" && ((node.httpPort ?? node.dhcpServer) !== undefined || isNameServer(node)),
  };
  if (!programs[node.kind]()) report(path, `no program runs in ${name} that could be stopped`);
}

function checkNatRouter(name: string, scope: Scope, path: KeyPath, report: Report): void {
  if (!isNamed(scope, name, ["router"], (message) => report(path, message))) return;
  const router = scope.topology.routers.find((one) => one.name === name);
  if (router !== undefined && router.nat === undefined)
    report(path, `${name} has no \`nat:\`, whose flows it could forget`);
}

function checkCommand(
  [name, ...words]: readonly [string, ...string[]],
  scope: Scope,
  path: KeyPath,
  report: Report,
): void {
  isNamed(scope, name, anywhere, (message) => report([...path, 0], message));
  if (words.length === 0) report(path, `wanted a node and a command, such as [${name}, ip address]`);
}

/** The single text behind a node's name. */
function checkOneMore(
  more: readonly string[],
  path: KeyPath,
  wanted: string,
  problemOf: (text: string) => string | undefined,
  report: Report,
): void {
  const [text] = more;
  if (text === undefined || more.length > 1) return report(path, `wanted an LCCE and ${wanted}`);
  const problem = problemOf(text);
  if (problem !== undefined) report([...path, 1], problem);
}

/** TABLE: lists of the status whose items have names that the configuration gives. */
const itemNames: Readonly<Record<string, readonly [what: string, (config: Mapping) => readonly string[]]>> = {
  controlConnections: ["tunnel", (config) => Object.keys(mappingIn(config, "tunnels"))],
  pseudowires: [
    "pseudowire",
    (config) =>
      Object.values(mappingIn(config, "tunnels")).flatMap((tunnel) =>
        Object.keys(mappingIn(tunnel, "pseudowires")),
      ),
  ],
};

type Mapping = Readonly<Record<string, unknown>>;

function mappingIn(value: unknown, key: string): Mapping {
  const inner = (value as Mapping | null | undefined)?.[key];
  return typeof inner === "object" && inner !== null ? (inner as Mapping) : {};
}

/** Why a path names no item of a list; of a configuration in a file of its own only the lab knows. */
function itemProblem(text: string, lcce: LabLcce | undefined): string | undefined {
  const [, list = "", item = ""] = /^(\w+)\[([^\]]+)\]/.exec(text) ?? [];
  const [what, namesIn] = itemNames[list] ?? [];
  if (namesIn === undefined || lcce?.wirespan?.kind !== "text" || /^\d+$/.test(item)) return undefined;
  const names = namesIn(lcce.wirespan.config as Mapping);
  if (names.length === 0 || names.includes(item)) return undefined;
  return `${lcce.name} has no ${what} ${item}${choiceText(item, names)}`;
}

type Expectation = CheckOf<"run">["expect"];

function checkExpectation(expect: Expectation, path: KeyPath, report: Report, ofCommand = false): void {
  if (typeof expect !== "object") return;
  if (Object.keys(expect).length === 0) report(path, "there is nothing in it to be expected");
  if (!ofCommand && expect.status !== undefined)
    report([...path, "status"], "only a command has an exit status", "at key");
  checkOrder(expect.at_least, expect.at_most, [...path, "at_least"], report);
  if (expect.matches === undefined) return;
  try {
    new RegExp(expect.matches, "m");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    report(
      [...path, "matches"],
      error.message.replace("Invalid regular expression: ", "no regular expression: "),
    );
  }
}

function checkOrder(
  least: number | undefined,
  most: number | undefined,
  path: KeyPath,
  report: Report,
): void {
  if (least !== undefined && most !== undefined && least > most)
    report(path, "more than at_most: nothing could pass");
}

const factors: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

function bitsOf(rate: string | undefined): number | undefined {
  if (rate === undefined) return undefined;
  return Number.parseFloat(rate) * (factors[rate.replace(/^[\d.]+/, "").charAt(0)] ?? 1);
}
