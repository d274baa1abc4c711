import { equalOctets, toHex } from "../bytes/hex.ts";
import { hashOf } from "./address.ts";
import { circuitFramesKey } from "./circuits.ts";
import type { BridgeConfig, Config, ForwarderConfig, PseudowireConfig, TunnelConfig } from "./config.ts";
import { localText, remoteText, routerIdOfLocal } from "./ends.ts";
import {
  bridgeKeys,
  type FileKeys,
  httpKeys,
  identityKeys,
  logKeys,
  metricsKeys,
  pseudowireKeys,
  tunnelKeys,
} from "./file-keys.ts";
import { httpRows } from "./http-rows.ts";
import { lcceRows, logRows, metricsRows, topRows } from "./node-rows.ts";
import { pseudowireRows } from "./pseudowire-rows.ts";
import { type Fields, keysThatReload, type Rows } from "./rows.ts";
import { tunnelRows } from "./tunnel-rows.ts";

/** One thing to do to get from one configuration to another. */
export interface PlanStep {
  readonly action: "create" | "update" | "replace" | "remove" | "rename";
  /** What it is of; keys at the top of the file are of kind "file". */
  readonly kind:
    | "tunnel"
    | "pseudowire"
    | "bridge"
    | "forwarder"
    | "lcce"
    | "file"
    | "log"
    | "http"
    | "metrics";
  /** Of the tunnel or pseudowire; the one that it had where it is renamed; of a forwarder its circuit's. */
  readonly name: string;
  /** Of a tunnel that is renamed; further steps know it by this one. */
  readonly newName?: string;
  /** The tunnel of a pseudowire. */
  readonly tunnel?: string;
  /** What changed, by the keys of the file, such as "hello_interval_s: 60 -> 30". */
  readonly reasons: readonly string[];
}

/** What differs between two values, one line a key; octets count as one value, and cookies are not shown. */
function differences(before: FileKeys, after: FileKeys, prefix = ""): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const [a, b] = [before[key], after[key]];
    if (isPlain(a) && isPlain(b)) return differences(a, b, `${prefix}${key}.`);
    if (isSame(a, b)) return [];
    return isSecret(key) ? [`${prefix}${key} changed`] : [`${prefix}${key}: ${show(a)} -> ${show(b)}`];
  });
}

function isPlain(value: unknown): value is FileKeys {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalOctets(a, b);
  return JSON.stringify(a) === JSON.stringify(b);
}

function isSecret(key: string): boolean {
  return key.endsWith("_cookie");
}

function show(value: unknown): string {
  if (value === undefined) return "(none)";
  if (value instanceof Uint8Array) return `0x${toHex(value)}`;
  if (typeof value === "string") return value;
  return JSON.stringify(value, (key, inner) => (isSecret(key) ? "(secret)" : inner));
}

/** A mapping of keys of the node. */
interface NodeMapping {
  readonly rows: Rows;
  readonly of: (config: Config) => Fields;
  /** The keys that are taken over in place; absent where none is. */
  readonly inPlace?: (config: Config) => FileKeys;
}
type NodeKind = "lcce" | "file" | "log" | "http" | "metrics";

/** TABLE: the mappings of the node's keys, with what a configuration has of them. */
const nodeMappings: Readonly<Record<NodeKind, NodeMapping>> = {
  lcce: { rows: lcceRows, of: ({ lcce }) => ({ ...lcce }) },
  file: { rows: topRows, of: (config) => ({ ...config }) },
  log: { rows: logRows, of: ({ log }) => ({ ...log }), inPlace: logKeys },
  http: { rows: httpRows, of: ({ http }) => ({ ...http }), inPlace: httpKeys },
  metrics: { rows: metricsRows, of: ({ metrics }) => ({ ...metrics }), inPlace: metricsKeys },
};

/** The step of one mapping of the node's keys, but for those of its identity; none where nothing differs. */
function planNode(kind: NodeKind, before: Config, after: Config, started: Config): readonly PlanStep[] {
  const { rows, of, inPlace } = nodeMappings[kind];
  const reasons = keysThatReload(rows, "next start").flatMap((key) => {
    const field = rows[key]?.name ?? key;
    const [was, is] = [of(before)[field], of(after)[field]];
    if (was === is) return [];
    const when = is === of(started)[field] ? "in use since the start" : "at the next start";
    return [`${key}: ${was} -> ${is} (${when})`];
  });
  const all = [...reasons, ...(inPlace === undefined ? [] : differences(inPlace(before), inPlace(after)))];
  if (all.length === 0) return [];
  return [{ action: "update", kind, name: kind === "lcce" ? after.lcce.hostName : kind, reasons: all }];
}

/**
 * The step of what peers are told of this node, for which all tunnels start again; none where it is the same.
 * A router id that is not in the file comes from something else that is.
 */
function planIdentity(before: Config, after: Config): readonly PlanStep[] {
  const changes = differences(identityKeys(before), identityKeys(after));
  if (changes.length === 0) return [];
  const source = routerIdSource(after);
  const reasons = changes.map((change) =>
    change.startsWith("router_id:") && source !== undefined ? `${change} (${source})` : change,
  );
  return [{ action: "replace", kind: "lcce", name: after.lcce.hostName, reasons }];
}

function routerIdSource({ lcce: { routerId, hostName }, tunnels, disabled }: Config): string | undefined {
  const first = [...tunnels, ...disabled.tunnels].find(({ local }) => routerIdOfLocal(local) === routerId);
  if (first !== undefined)
    return `the first IPv4 \`local\` of the file, of tunnel ${first.name}; it stays if lcce.router_id is set`;
  return hashOf(hostName) === routerId ? "made from the host name" : undefined;
}

/**
 * The steps from one configuration to another; empty when nothing changes. `secretsChanged` are the names of
 * tunnels whose secrets are other octets now, though they may come from the same place. `started` is the
 * configuration of the start, which counts until the end for some keys.
 */
export function planChange(
  before: Config,
  after: Config,
  secretsChanged: ReadonlySet<string> = new Set(),
  started: Config = before,
): readonly PlanStep[] {
  return [
    ...planIdentity(before, after),
    ...(["lcce", "file", "log", "http", "metrics"] as const).flatMap((kind) =>
      planNode(kind, before, after, started),
    ),
    ...planBridges(before.bridges, after.bridges),
    ...withSwitches(planTunnels(before.tunnels, after.tunnels, secretsChanged), before, after),
    ...planForwarders(before.forwarders, after.forwarders),
  ];
}

/** Steps that create or remove what the file has before and after, with the key that is the reason. */
function withSwitches(steps: readonly PlanStep[], before: Config, after: Config): readonly PlanStep[] {
  const [were, are] = [disabledOnes(before), disabledOnes(after)];
  return steps.map((step) => {
    const subject = subjectOf(step.kind, step.name);
    if (step.action === "create" && were.has(subject))
      return { ...step, reasons: ["enabled: false -> true"] };
    if (step.action === "remove" && are.has(subject)) return { ...step, reasons: ["enabled: true -> false"] };
    return step;
  });
}

function disabledOnes({ disabled: { tunnels, pseudowires } }: Config): ReadonlySet<string> {
  return new Set([
    ...tunnels.map(({ name }) => subjectOf("tunnel", name)),
    ...pseudowires.map(({ pseudowire: { name } }) => subjectOf("pseudowire", name)),
  ]);
}

function subjectOf(kind: PlanStep["kind"], name: string): string {
  return `${kind} ${name}`;
}

/** Steps of the bridges of `bridges:`; those that only circuits name come and go with these. */
function planBridges(before: readonly BridgeConfig[], after: readonly BridgeConfig[]): readonly PlanStep[] {
  const declared = (bridges: readonly BridgeConfig[]) =>
    new Map(bridges.flatMap((bridge) => (bridge.isDeclared ? [[bridge.name, bridge] as const] : [])));
  const [former, wanted] = [declared(before), declared(after)];
  const names = [...new Set([...former.keys(), ...wanted.keys()])];
  return names.flatMap((name): readonly PlanStep[] => {
    const [was, is] = [former.get(name), wanted.get(name)];
    if (is === undefined) return [{ action: "remove", kind: "bridge", name, reasons: [] }];
    if (was === undefined) return [{ action: "create", kind: "bridge", name, reasons: [] }];
    const reasons = differences(bridgeKeys(was), bridgeKeys(is));
    return reasons.length === 0 ? [] : [{ action: "update", kind: "bridge", name, reasons }];
  });
}

/**
 * Circuits whose pseudowires are others, or in another order, where they have several: those that stay are
 * told to forward or to stand by. With one before and one after, the steps of pseudowires say it all.
 */
function planForwarders(
  before: readonly ForwarderConfig[],
  after: readonly ForwarderConfig[],
): readonly PlanStep[] {
  const former = new Map(before.map((forwarder) => [circuitFramesKey(forwarder.circuit), forwarder]));
  return after.flatMap((forwarder): readonly PlanStep[] => {
    const { device, vlan } = forwarder.circuit;
    const was = former.get(circuitFramesKey(forwarder.circuit));
    if (was === undefined || (was.mode === "single" && forwarder.mode === "single")) return [];
    const [one, other] = [membersText(was), membersText(forwarder)];
    if (one === other) return [];
    const name = vlan === undefined ? device : `${device} vlan ${vlan.id}`;
    return [{ action: "update", kind: "forwarder", name, reasons: [`members: ${one} -> ${other}`] }];
  });
}

/** The preferred one first. */
function membersText({ members }: ForwarderConfig): string {
  return [...members]
    .sort((a, b) => a.priority - b.priority)
    .map(({ pseudowire }) => pseudowire)
    .join(", ");
}

function planTunnels(
  before: readonly TunnelConfig[],
  after: readonly TunnelConfig[],
  secretsChanged: ReadonlySet<string>,
): readonly PlanStep[] {
  const former = formerTunnels(before, after, secretsChanged);
  const nextOf = new Map(
    after.flatMap((tunnel) => {
      const one = former.get(tunnel.name);
      return one === undefined ? [] : [[one.name, tunnel] as const];
    }),
  );
  return [
    ...before.flatMap((tunnel): readonly PlanStep[] => {
      const { name } = tunnel;
      const next = nextOf.get(name);
      return next === undefined
        ? [{ action: "remove", kind: "tunnel", name, reasons: [] }]
        : planTunnel(tunnel, next, secretsChanged.has(next.name));
    }),
    ...after
      .filter(({ name }) => !former.has(name))
      .map(({ name }): PlanStep => ({ action: "create", kind: "tunnel", name, reasons: [] })),
  ];
}

/**
 * What each tunnel, by its name, was before: the one with the same ends that only has another name now, else
 * the one of its name. `secretsChanged` are names of tunnels that are no longer the same, as their secrets
 * are not.
 */
export function formerTunnels(
  before: readonly TunnelConfig[],
  after: readonly TunnelConfig[],
  secretsChanged: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, TunnelConfig> {
  const byEnds = tunnelsOfEnds(before);
  const ofEnds = tunnelsOfEnds(after);
  const former = new Map<string, TunnelConfig>();
  for (const tunnel of after) {
    const one = byEnds.get(endsOf(tunnel));
    if (ofEnds.get(endsOf(tunnel)) === undefined) continue;
    if (one === undefined || secretsChanged.has(tunnel.name)) continue;
    if (one.name !== tunnel.name && isUpdate(tunnelDifferences(one, tunnel))) former.set(tunnel.name, one);
  }
  const renamed = new Set([...former.values()].map(({ name }) => name));
  const byName = new Map(before.map((tunnel) => [tunnel.name, tunnel]));
  for (const { name } of after) {
    const one = byName.get(name);
    if (one !== undefined && !former.has(name) && !renamed.has(name)) former.set(name, one);
  }
  return former;
}

function endsOf({ encapsulation, local, localPort, remote, remotePort, control }: TunnelConfig): string {
  const peer = JSON.stringify([control?.peerHostName, control?.peerRouterId]);
  return `${encapsulation} ${localText(local)} ${localPort} ${remoteText(remote)} ${remotePort} ${peer}`;
}

/**
 * The tunnels that alone have their ends, by these: as all do but those with `any`, which are told apart by
 * what peers prove.
 */
function tunnelsOfEnds(tunnels: readonly TunnelConfig[]): ReadonlyMap<string, TunnelConfig | undefined> {
  const found = new Map<string, TunnelConfig | undefined>();
  for (const tunnel of tunnels) found.set(endsOf(tunnel), found.has(endsOf(tunnel)) ? undefined : tunnel);
  return found;
}

/** What differs between two tunnels beside their names and pseudowires. */
function tunnelDifferences(before: TunnelConfig, after: TunnelConfig): readonly string[] {
  const [one, other] = [tunnelKeys(before), tunnelKeys(after)];
  if (one["control"] === other["control"]) return differences(one, other);
  // Of a control connection that there is only before or only after, each key would be another one.
  const all = { ...one, ...other };
  const common = Object.keys(all).filter((key) => key in one && key in other);
  const only = (keys: FileKeys) => Object.fromEntries(common.map((key) => [key, keys[key]]));
  return differences(only(one), only(other));
}

/** Whether a tunnel keeps its control connection with such differences. */
function isUpdate(reasons: readonly string[]): boolean {
  return areInPlace(reasons, tunnelRows);
}

function planTunnel(
  before: TunnelConfig,
  after: TunnelConfig,
  isSecretChanged: boolean,
): readonly PlanStep[] {
  const reasons = [...tunnelDifferences(before, after), ...(isSecretChanged ? ["secret changed"] : [])];
  const { name } = after;
  if (!isUpdate(reasons)) return [{ action: "replace", kind: "tunnel", name, reasons }];
  const steps: PlanStep[] = [];
  if (before.name !== name)
    steps.push({ action: "rename", kind: "tunnel", name: before.name, newName: name, reasons: [] });
  if (reasons.length > 0) steps.push({ action: "update", kind: "tunnel", name, reasons });
  return [...steps, ...planPseudowires(name, before.pseudowires, after.pseudowires)];
}

/** Whether all differences are of keys that are taken over in place. */
function areInPlace(reasons: readonly string[], rows: Rows): boolean {
  const keys = keysThatReload(rows, "in place");
  return reasons.every((reason) => keys.some((key) => reason.startsWith(`${key}:`)));
}

/** Keys of a circuit's port of a bridge, all of which are taken over in place. */
const PORT_KEYS = "circuit.port.";

function planPseudowires(
  tunnel: string,
  before: readonly PseudowireConfig[],
  after: readonly PseudowireConfig[],
): readonly PlanStep[] {
  const byName = new Map(after.map((pseudowire) => [pseudowire.name, pseudowire]));
  const steps: PlanStep[] = [];
  const step = (action: PlanStep["action"], name: string, reasons: readonly string[] = []) =>
    steps.push({ action, kind: "pseudowire", name, tunnel, reasons });
  for (const pseudowire of before) {
    const next = byName.get(pseudowire.name);
    byName.delete(pseudowire.name);
    if (next === undefined) {
      step("remove", pseudowire.name);
      continue;
    }
    const reasons = differences(pseudowireKeys(pseudowire), pseudowireKeys(next));
    const others = reasons.filter((reason) => !reason.startsWith(PORT_KEYS));
    const action = areInPlace(others, pseudowireRows) ? "update" : "replace";
    if (reasons.length > 0) step(action, pseudowire.name, reasons);
  }
  for (const name of byName.keys()) step("create", name);
  return steps;
}

/** Whether steps close and open everything. */
export function replacesAll(steps: readonly PlanStep[]): boolean {
  return steps.some(({ kind, action }) => kind === "lcce" && action === "replace");
}

/** A step as text, without its reasons. */
export function formatStep({ action, kind, name, newName, tunnel }: PlanStep): string {
  if (kind === "forwarder") return `${action} forwarder of ${name}`;
  if (kind === "log" || kind === "http" || kind === "metrics") return `${action} ${kind}`;
  if (kind === "file") return `${action} keys at the top of the file`;
  if (kind === "lcce" && action === "replace")
    return `${action} lcce ${name}: all tunnels start again, for every peer is told`;
  if (newName !== undefined) return `${action} ${kind} ${name} to ${newName}`;
  return `${action} ${kind} ${name}${tunnel === undefined ? "" : ` of tunnel ${tunnel}`}`;
}

/** A plan for people, a line a step with its reasons below. */
export function formatPlan(steps: readonly PlanStep[]): string {
  if (steps.length === 0) return "nothing changes";
  return steps
    .flatMap((step) => [formatStep(step), ...step.reasons.map((reason) => `    ${reason}`)])
    .join("\n");
}
