import { operationalMessage } from "../bytes/errors.ts";
import { equalOctets } from "../bytes/hex.ts";
import { impliedBridges } from "../config/bridges.ts";
import { CircuitConflicts } from "../config/circuits.ts";
import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { forwardersOf } from "../config/forwarders.ts";
import { formerTunnels, type PlanStep, planChange, replacesAll } from "../config/plan.ts";
import type { SecretSource } from "../config/secret-source.ts";
import { type FrameLoss, frameLossOf, type KnownConnection } from "./frame-loss.ts";
import type { Tunnels } from "./tunnels.ts";

/** The reload of a running daemon: the steps from one configuration to another, and their order. */

/** What of a configuration can be taken over, and how. */
export interface ReloadPlan {
  /** The configuration that is the running one afterwards. */
  readonly config: Config;
  readonly steps: readonly PlanStep[];
  /** What is left as it is, and why. */
  readonly problems: readonly string[];
  /** Which pseudowires lose frames by the steps. */
  readonly frameLoss: readonly FrameLoss[];
}

/** What a plan is made by, beside the two configurations and the tunnels. */
export interface PlanContext {
  /** Reads a secret of a tunnel. Throws OperationalError. */
  read(source: SecretSource, tunnel: string): Uint8Array;
  /** The configuration of the start; absent: the running one. */
  readonly started?: Config;
  /** What is known of the control connection of a tunnel. */
  known?(tunnel: string): KnownConnection | undefined;
}

/**
 * What to do to get to another configuration, whose secrets are read and compared with those in use. A tunnel
 * that runs and whose secret cannot be read is left as it is.
 */
export function planReload(
  before: Config,
  wanted: Config,
  tunnels: Pick<Tunnels, "secrets">,
  { read, started = before, known = () => undefined }: PlanContext,
): ReloadPlan {
  const problems: string[] = [];
  const kept = new Map<string, TunnelConfig>();
  const changed = new Set<string>();
  const former = formerTunnels(before.tunnels, wanted.tunnels);
  for (const tunnel of wanted.tunnels) {
    const running = former.get(tunnel.name);
    const inUse = running && tunnels.secrets(running.name);
    if (running === undefined || inUse === undefined) continue;
    try {
      const secrets = (tunnel.control?.authentication.secrets ?? []).map((source) =>
        read(source, tunnel.name),
      );
      if (!equalSecrets(inUse, secrets)) changed.add(tunnel.name);
    } catch (error) {
      problems.push(`tunnel ${tunnel.name} is unchanged and keeps its secret: ${operationalMessage(error)}`);
      kept.set(tunnel.name, { ...running, name: tunnel.name });
    }
  }
  const keptAndWanted = withKept(wanted.tunnels, kept, (problem) => problems.push(problem));
  const declared = wanted.bridges.filter(({ isDeclared }) => isDeclared);
  const config = {
    ...wanted,
    bridges: [...declared, ...impliedBridges(declared, keptAndWanted)],
    tunnels: keptAndWanted,
    forwarders: forwardersOf(keptAndWanted),
  };
  const steps = planChange(before, config, changed, started);
  if (replacesAll(steps) && kept.size > 0) return { config: before, steps: [], problems, frameLoss: [] };
  return { config, steps, problems, frameLoss: frameLossOf(steps, before, config, known) };
}

/**
 * The wanted tunnels with the kept ones in their place, but without pseudowires whose name or circuit another
 * tunnel has now; `lost` is told why.
 */
function withKept(
  wanted: readonly TunnelConfig[],
  kept: ReadonlyMap<string, TunnelConfig>,
  lost: (problem: string) => void,
): readonly TunnelConfig[] {
  const circuits = new CircuitConflicts();
  const names = new Map<string, string>();
  for (const { name: tunnel, pseudowires } of wanted) {
    if (kept.has(tunnel)) continue;
    for (const { name, circuit } of pseudowires) {
      circuits.add(circuit, name);
      names.set(name, `tunnel ${tunnel}`);
    }
  }
  const isFree = (tunnel: string, { name, circuit }: PseudowireConfig) => {
    const namesake = names.get(name);
    const [conflict] = circuits.of(circuit);
    if (namesake === undefined && conflict === undefined) return true;
    const what = namesake === undefined ? "its circuit" : "one of this name";
    lost(
      `pseudowire ${name} of tunnel ${tunnel} is removed: ${namesake ?? "another tunnel"} has ${what} now`,
    );
    return false;
  };
  return wanted.map((tunnel) => {
    const running = kept.get(tunnel.name);
    if (running === undefined) return tunnel;
    return { ...running, pseudowires: running.pseudowires.filter((one) => isFree(tunnel.name, one)) };
  });
}

/**
 * Takes the steps to a configuration, one after another; but tunnels get their new names at once, for they
 * may exchange them.
 */
export async function applySteps(
  steps: readonly PlanStep[],
  config: Config,
  tunnels: Tunnels,
): Promise<void> {
  const named = byName(config);
  const ordered = inOrder(steps);
  const goes = ({ action, kind }: PlanStep) => action === "remove" && kind === "tunnel";
  for (const step of ordered.filter(goes)) await applyStep(step, named, tunnels);
  const newNames = steps.flatMap(({ name, newName }) =>
    newName === undefined ? [] : [[name, newName] as const],
  );
  if (newNames.length > 0) await tunnels.rename(new Map(newNames));
  for (const step of ordered.filter((one) => !goes(one))) await applyStep(step, named, tunnels);
}

async function applyStep(
  step: PlanStep,
  { tunnels: wanted, pseudowires }: ConfigByName,
  tunnels: Tunnels,
): Promise<void> {
  if (step.kind === "tunnel") {
    const tunnel = wanted.get(step.name);
    if (step.action === "remove") return tunnels.remove(step.name, 1);
    if (tunnel === undefined || step.action === "rename") return;
    return step.action === "update" ? tunnels.update(tunnel) : tunnels.create(tunnel);
  }
  if (step.kind === "pseudowire" && step.tunnel !== undefined) {
    const pseudowire = pseudowires.get(step.name);
    if (step.action === "remove") return tunnels.removePseudowire(step.tunnel, step.name);
    if (pseudowire === undefined) return;
    return step.action === "update"
      ? tunnels.updatePseudowire(step.tunnel, pseudowire)
      : tunnels.addPseudowire(step.tunnel, pseudowire);
  }
}

/** What a configuration has, by names; those of pseudowires are unique in a file. */
interface ConfigByName {
  readonly tunnels: ReadonlyMap<string, TunnelConfig>;
  readonly pseudowires: ReadonlyMap<string, PseudowireConfig>;
}

function byName(config: Config): ConfigByName {
  const pseudowires = config.tunnels.flatMap((tunnel) => tunnel.pseudowires);
  return {
    tunnels: new Map(config.tunnels.map((tunnel) => [tunnel.name, tunnel])),
    pseudowires: new Map(pseudowires.map((pseudowire) => [pseudowire.name, pseudowire])),
  };
}

/**
 * What goes makes room for what comes: a device or a port may move from one pseudowire to another, and
 * tunnels that share a socket get another one only when all have left it.
 */
function inOrder(steps: readonly PlanStep[]): readonly PlanStep[] {
  const order = ["remove", "update", "create"];
  return steps
    .flatMap((step): readonly PlanStep[] =>
      step.action === "replace"
        ? [
            { ...step, action: "remove" },
            { ...step, action: "create" },
          ]
        : [step],
    )
    .sort((a, b) => order.indexOf(a.action) - order.indexOf(b.action));
}

/** Whether two lists of secrets are the same, octet for octet. */
export function equalSecrets(before: readonly Uint8Array[], after: readonly Uint8Array[]): boolean {
  return (
    before.length === after.length &&
    before.every((octets, index) => equalOctets(octets, after[index] ?? octets.subarray(1)))
  );
}
