import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { capturePoint } from "../capture-point.ts";
import { choiceText, type DeclaredKind, declared, kindText, nodeKinds, segmentKinds } from "./declared.ts";
import { splitPoint } from "./points.ts";
import { isNamed, type Report, reported, type Scope } from "./scope.ts";
import { type LabNode, nodeNamed, nodesOf } from "./topology.ts";

/** Names: that each stands for one thing, and that those that are used stand for something. */

/** Issues of names. */
export function checkNames(scope: Scope): readonly Issue[] {
  return reported((report) => {
    checkDifferent(scope, report);
    checkPlaces(scope, report);
    checkUplinks(scope, report);
    checkPortNames(scope, report);
    checkOrder(scope, report);
    for (const [index, point] of scope.captures) checkCapturePoint(scope, ["captures", index], point, report);
  });
}

/** TABLE: names that the kernel lets no interface of ours have. */
const reserved: readonly string[] = ["lo", "all", "default"];

/** Nodes and segments are namespaces, and name the interfaces that lead there: all names differ. */
function checkDifferent({ names }: Scope, report: Report): void {
  const first = new Map<string, { readonly kind: DeclaredKind; readonly path: KeyPath }>();
  for (const { name, kind, path } of names) {
    if (reserved.includes(name))
      report(path, `no interface may be called ${name}, as those that lead there are: rename it`, "at key");
    const other = first.get(name);
    if (other === undefined) first.set(name, { kind, path });
    else {
      const of = other.path[0] === "sites" ? ` of site ${String(other.path[1])}` : "";
      const rule = "nodes and segments all have different names";
      report(path, `the name ${name} is that of ${kindText(other.kind)}${of} already: ${rule}`, "at key");
    }
  }
}

/** Segments that nodes have ports in. */
function checkPlaces(scope: Scope, report: Report): void {
  const { raw } = scope;
  const at = (path: KeyPath, text: string, kinds: readonly DeclaredKind[], atKey?: "at key") =>
    isNamed(scope, text, kinds, (message) => report(path, message, atKey));
  for (const [name, { lan }] of Object.entries(raw.hosts)) at(["hosts", name, "lan"], lan, segmentKinds);
  for (const [name, { ports }] of Object.entries(raw.routers))
    for (const segment of Object.keys(ports))
      at(["routers", name, "ports", segment], segment, segmentKinds, "at key");
  for (const [name, { lan, wan }] of Object.entries(raw.lcces)) {
    const path = ["lcces", name] as const;
    if (typeof lan === "string") at([...path, "lan"], lan, ["lan"]);
    else
      for (const [port, segment] of Object.entries(lan ?? {})) at([...path, "lan", port], segment, ["lan"]);
    for (const segment of Object.keys(wan)) at([...path, "wan", segment], segment, segmentKinds, "at key");
  }
}

function checkUplinks(scope: Scope, report: Report): void {
  const seen = new Set<string>();
  for (const [index, [left, right]] of scope.uplinks) {
    const path = ["uplinks", index];
    const known = [left, right].map((segment, end) =>
      isNamed(scope, segment, segmentKinds, (message) => report([...path, end], message)),
    );
    if (known.includes(false)) continue;
    const [one, other] = [left, right].map((segment) => declared(scope.names, segment)?.kind);
    if (left === right) report(path, `an uplink connects two segments, and both of these are ${left}`);
    else if (one !== other)
      report(path, `${left} is ${kindText(one ?? "lan")} and ${right} is not: a router connects these`);
    const key = [left, right].toSorted().join(" ");
    if (seen.has(key)) report(path, `${left} and ${right} are connected already`);
    seen.add(key);
  }
}

/** TABLE: names that no interface of a node can have, and what has them. */
const taken: ReadonlyMap<string, string> = new Map([["lo", "the loopback interface"]]);

/** Interfaces of a node, and ports of a segment's bridge, have names of their own. */
function checkPortNames({ topology, names }: Scope, report: Report): void {
  const pathOf = (node: LabNode): KeyPath => declared(names, node.name)?.path ?? [];
  const ofSegments = new Map<string, Map<string, LabNode | undefined>>();
  for (const node of nodesOf(topology)) {
    const own = new Map(taken);
    for (const { name, segment, farName } of node.ports) {
      const user = own.get(name);
      if (user !== undefined)
        report(
          pathOf(node),
          `two of its interfaces would be called ${name}: this port, and ${user}`,
          "at key",
        );
      own.set(name, `the port in ${segment}`);
      const ports = ofSegments.get(segment) ?? new Map<string, LabNode | undefined>([["bridge", undefined]]);
      ofSegments.set(segment, ports);
      const other = ports.get(farName);
      if (other === node)
        report(
          pathOf(node),
          `two ports of ${node.name} are in ${segment}, and a node has one in each network or LAN: connect ` +
            `the other one to a LAN of its own, with \`uplinks: [[${segment}, NAME]]\``,
          "at key",
        );
      else if (ports.has(farName) && other?.name !== node.name) {
        const user = other === undefined ? "the bridge itself" : `the port of ${other.name}`;
        report(
          pathOf(node),
          `an interface ${farName} in ${segment} is ${user}: choose another name`,
          "at key",
        );
      }
      ports.set(farName, node);
    }
    if (node.kind !== "lcce" || node.bridge === undefined) continue;
    const user = own.get(node.bridge);
    if (user !== undefined)
      report([...pathOf(node), "bridge"], `${node.bridge} is the name of ${user}: choose another one`);
  }
}

/** What is started after what. */
function checkOrder(scope: Scope, report: Report): void {
  const after = new Map(nodesOf(scope.topology).map((node) => [node.name, node.after]));
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return (after.get(from) ?? []).some((next) => reaches(next, to, seen));
  };
  for (const [name, others] of after) {
    for (const [index, other] of others.entries()) {
      const path = [...(declared(scope.names, name)?.path ?? []), "after", index];
      if (other === name) report(path, "a node is not started after itself: remove it");
      else if (!isNamed(scope, other, nodeKinds, (message) => report(path, message))) continue;
      else if (reaches(other, name))
        report(path, `${other} is started after ${name}, too: neither could be the first`);
      else if (isLeftDown(scope, other) && !isLeftDown(scope, name))
        report(
          path,
          `${other} has start: manual, so ${name} would not start either: write start: manual, too`,
        );
    }
  }
}

/** Whether a node's program waits for `wirespan lab start`, which one that starts with the lab cannot. */
function isLeftDown({ topology }: Scope, name: string): boolean {
  return nodeNamed(topology, name)?.start === "manual";
}

/** A point that can be captured; of segments also the ports of their bridges, of hosts those above `eth0`. */
export function checkCapturePoint(scope: Scope, path: KeyPath, point: string, report: Report): void {
  if (capturePoint(scope.topology, point) === undefined) checkPoint(scope, path, point, report);
}

/** A point of a lab: a segment, a node, or one of its ports. */
export function checkPoint(scope: Scope, path: KeyPath, point: string, report: Report): void {
  const [name = "", port] = splitPoint(point);
  const kinds = port === undefined ? [...segmentKinds, ...nodeKinds] : nodeKinds;
  if (!isNamed(scope, name, kinds, (message) => report(path, message)) || port === undefined) return;
  const ports = portsOfNode(scope, name);
  if (ports !== undefined && !ports.includes(port))
    report(path, `${name} has no port ${port}${choiceText(port, ports)}`);
}

/** Names of a node's ports; undefined where it is invalid itself. */
export function portsOfNode({ topology, names }: Scope, name: string): readonly string[] | undefined {
  const found = declared(names, name)?.name;
  return nodesOf(topology)
    .find((node) => node.name === found)
    ?.ports.map((port) => port.name);
}
