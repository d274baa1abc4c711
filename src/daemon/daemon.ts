import { messageOf } from "../bytes/errors.ts";
import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { formatPlan, type PlanStep, planChange } from "../config/plan.ts";
import type { Effect, Input, ReportedEvent } from "../control/effects.ts";
import { Lcce } from "../control/lcce.ts";
import type { ForwardingPlane, PlaneEvents } from "../forwarding/plane.ts";
import { monotonicClock } from "../os/clock.ts";
import { readHostNetwork } from "../os/host-network.ts";
import { type Links, openLinks } from "../os/links.ts";
import { cryptoRandom } from "../os/random.ts";
import { readSecret } from "../os/secrets.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { Circuits } from "./circuits.ts";
import { hostUseReader } from "./host-use.ts";
import { IpControl } from "./ip-control.ts";
import { LifeSigns } from "./life-signs.ts";
import type { Log } from "./log.ts";
import { allNotes, NotesLog } from "./notes.ts";
import { type ChosenPlane, openPlane } from "./planes.ts";
import { reportStatus } from "./report.ts";
import { identityOf } from "./settings.ts";
import type { ReloadReport, StatusReport } from "./status.ts";
import { Tunnels } from "./tunnels.ts";

/** Longest wait for peers to acknowledge our StopCCN before we leave. */
const GOODBYE_MS = 2000;
/** setTimeout takes no more than this. */
const LONGEST_TIMEOUT_MS = 0x7fff_ffff;

/**
 * The running LCCE: performs what the control plane asks, feeds it what happens, and keeps one timer for it. Nothing else
 * changes control state.
 */
export class Daemon {
  readonly #log: Log;
  readonly #plane: ForwardingPlane;
  readonly #planeReason: string;
  readonly #links: Links;
  readonly #circuits: Circuits;
  readonly #ipControl: IpControl;
  readonly #startedMs = monotonicClock.nowMs();
  #lcce: Lcce;
  #tunnels: Tunnels;
  #config: Config;
  #timer: NodeJS.Timeout | undefined;
  readonly #lifeSigns: LifeSigns;

  private constructor(config: Config, log: Log, { plane, reason }: ChosenPlane, links: Links) {
    this.#config = config;
    this.#log = log;
    this.#plane = plane;
    this.#planeReason = reason;
    this.#links = links;
    this.#lcce = new Lcce(identityOf(config), cryptoRandom);
    this.#circuits = new Circuits(plane, links, log, {
      circuitStatus: (pseudowire, active) => this.input({ kind: "circuit-status", pseudowire, active }),
      forwardingFailed: ({ localSessionId, pseudowire }, problem) => {
        log.error(
          { event: "forwarding", pseudowire, problem },
          `cannot forward pseudowire ${pseudowire}: ${problem}`,
        );
        this.input({ kind: "forwarding-failed", localSessionId, problem });
      },
      hostUse: hostUseReader(() => this.#config.tunnels, monotonicClock.nowMs, readHostNetwork),
    });
    this.#ipControl = new IpControl(log, (path, octets) => this.receiveControl(path, octets));
    this.#tunnels = this.#newTunnels();
    const notesLog = new NotesLog((subject, note) =>
      log.warn({ event: "note", subject, note }, `${subject}: ${note}`),
    );
    this.#lifeSigns = new LifeSigns({
      clock: monotonicClock,
      isWanted: () => !this.#lcce.isSilent,
      look: () => {
        const { sessions } = plane.counters();
        notesLog.look(allNotes(this.#lcce.snapshot(), sessions));
        return sessions;
      },
      received: (localSessionId) => this.input({ kind: "data-received", localSessionId }),
    });
  }

  /** Opens the plane and every tunnel of the configuration. Rejects with SystemError, with everything closed again. */
  static async open(config: Config, log: Log): Promise<Daemon> {
    let daemon: Daemon | undefined;
    const events: PlaneEvents = {
      control: (path, octets) => daemon?.receiveControl(path, octets),
      failed: (error) => {
        log.fatal({ event: "plane", problem: error.message }, "the forwarding plane broke; leaving");
        process.exitCode = 1;
        process.kill(process.pid, "SIGTERM");
      },
    };
    const links = await openLinks();
    const chosen = await openPlane(config, events);
    log.info({ event: "plane", plane: chosen.plane.name }, `plane ${chosen.plane.name}: ${chosen.reason}`);
    daemon = new Daemon(config, log, chosen, links);
    try {
      for (const tunnel of config.tunnels) await daemon.#tunnels.create(tunnel);
      await daemon.#circuits.settled();
      await daemon.#plane.settle();
    } catch (error) {
      await daemon.close();
      throw error;
    }
    return daemon;
  }

  /** Feeds one input to the control plane and performs what it asks, in order. */
  input(input: Input): void {
    this.#perform(this.#lcce.handle(input, monotonicClock.nowMs()));
  }

  receiveControl(path: PsnPath, octets: Uint8Array): void {
    this.input({ kind: "datagram", path, octets });
  }

  status(): StatusReport {
    return reportStatus({
      config: this.#config,
      snapshot: this.#lcce.snapshot(),
      counters: this.#plane.counters(),
      ipControlDrops: this.#ipControl.drops,
      plane: { name: this.#plane.name, reason: this.#planeReason },
      carrier: (localSessionId) => this.#plane.carrier(localSessionId),
      nowMs: monotonicClock.nowMs(),
      startedMs: this.#startedMs,
      localPort: (tunnel) => this.#tunnels.localPort(tunnel),
      circuitProblem: (device) => this.#circuits.problemOf(device),
    });
  }

  /**
   * Takes over another configuration and touches only what changed; when a secret of it cannot be read, nothing. Resolves to the
   * plan that was carried out, and to what went wrong on the way, which does not keep the other steps from being taken.
   */
  async reload(config: Config): Promise<ReloadReport> {
    const problems = unreadableSecrets(config);
    const steps = problems.length > 0 ? [] : planChange(this.#config, config);
    const attempt = async (act: () => Promise<void>): Promise<void> => {
      try {
        await act();
      } catch (error) {
        problems.push(messageOf(error));
      }
    };
    this.#log.info(
      { event: "reload", steps: steps.length },
      `reloading the configuration: ${steps.length} steps`,
    );
    if (problems.length === 0) this.#config = config;
    const everything = steps.some(({ kind, action }) => kind === "lcce" && action === "replace");
    if (everything) await attempt(() => this.#replaceAll(config));
    else {
      const wanted = namedIn(config);
      for (const step of orderOf(steps)) await attempt(() => this.#carryOut(step, wanted));
    }
    await this.#circuits.settled();
    this.#log.level = this.#config.log.level;
    for (const problem of problems) this.#log.error({ event: "reload", problem }, problem);
    return {
      changed: steps.length > 0,
      plan: steps.length === 0 && problems.length > 0 ? "" : formatPlan(steps),
      problems,
    };
  }

  /** Says goodbye to all peers, waits a moment for their acknowledgements, and releases everything. */
  async close(): Promise<void> {
    this.#lifeSigns.close();
    for (const name of this.#config.tunnels.map((tunnel) => tunnel.name)) {
      this.input({ kind: "close-connection", peer: name, resultCode: 6 });
    }
    await this.#silence(GOODBYE_MS);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ipControl.close();
    await this.#circuits.settled();
    await this.#plane.close();
    this.#links.close();
  }

  #newTunnels(): Tunnels {
    return new Tunnels({
      plane: this.#plane,
      circuits: this.#circuits,
      ipControl: this.#ipControl,
      input: (input) => this.input(input),
      readSecret: (source) => {
        const { octets, notes } = readSecret(source);
        for (const note of notes) this.#log.warn({ event: "secret" }, note);
        return octets;
      },
    });
  }

  async #replaceAll(config: Config): Promise<void> {
    for (const name of this.#tunnels.names) await this.#tunnels.remove(name, 1);
    await this.#silence(GOODBYE_MS);
    this.#lcce = new Lcce(identityOf(config), cryptoRandom);
    this.#tunnels = this.#newTunnels();
    for (const tunnel of config.tunnels) await this.#tunnels.create(tunnel);
  }

  async #carryOut(step: PlanStep, { tunnels, pseudowires }: Named): Promise<void> {
    if (step.kind === "tunnel") {
      const tunnel = tunnels.get(step.name);
      if (step.action === "update" && tunnel !== undefined) return this.#tunnels.update(tunnel);
      if (step.action !== "create") await this.#tunnels.remove(step.name, 1);
      if (step.action !== "remove" && tunnel !== undefined) await this.#tunnels.create(tunnel);
    }
    if (step.kind === "pseudowire" && step.tunnel !== undefined) {
      const pseudowire = pseudowires.get(step.name);
      if (step.action === "update" && pseudowire !== undefined)
        return this.#tunnels.updatePseudowire(step.tunnel, pseudowire);
      if (step.action !== "create") await this.#tunnels.removePseudowire(step.tunnel, step.name);
      if (step.action !== "remove" && pseudowire !== undefined) {
        await this.#tunnels.addPseudowire(step.tunnel, pseudowire);
      }
    }
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "transmit":
          this.#plane.transmitControl(effect.path, effect.octets);
          break;
        case "forwarding-add":
          this.#circuits.add(effect.session);
          break;
        case "forwarding-update":
          this.#circuits.update(effect.session);
          break;
        case "forwarding-remove":
          this.#lifeSigns.forget(effect.localSessionId);
          this.#circuits.remove(effect.localSessionId);
          break;
        case "report":
          this.#report(effect.event);
          break;
      }
    }
    this.#arm();
  }

  /** The one timer of the control plane. */
  #arm(): void {
    clearTimeout(this.#timer);
    const { deadlineMs } = this.#lcce;
    if (deadlineMs === undefined) return;
    const waitMs = Math.min(Math.max(0, deadlineMs - monotonicClock.nowMs()), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(
      () => this.#perform(this.#lcce.expire(monotonicClock.nowMs())),
      Math.ceil(waitMs),
    );
  }

  #report(event: ReportedEvent): void {
    if (event.event === "discard") {
      const { reason, path } = event;
      this.#log.debug({ event: "control-discard", reason, from: path.remoteAddress }, `discarded: ${reason}`);
      return;
    }
    const subject =
      event.event === "session" ? `pseudowire ${event.pseudowire}` : `control connection to ${event.peer}`;
    const detail = event.detail === undefined ? "" : `: ${event.detail}`;
    this.#log.info({ ...event }, `${subject} ${event.from} -> ${event.to} (${event.cause})${detail}`);
  }

  /** Resolves once every peer has heard of the end, or after `limitMs`. */
  async #silence(limitMs: number): Promise<void> {
    const endMs = monotonicClock.nowMs() + limitMs;
    while (!this.#lcce.isHeard && monotonicClock.nowMs() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** What a configuration has, by names; those of pseudowires are unique in a file. */
interface Named {
  readonly tunnels: ReadonlyMap<string, TunnelConfig>;
  readonly pseudowires: ReadonlyMap<string, PseudowireConfig>;
}

function namedIn(config: Config): Named {
  const pseudowires = config.tunnels.flatMap((tunnel) => tunnel.pseudowires);
  return {
    tunnels: new Map(config.tunnels.map((tunnel) => [tunnel.name, tunnel])),
    pseudowires: new Map(pseudowires.map((pseudowire) => [pseudowire.name, pseudowire])),
  };
}

/** Why secrets of a configuration cannot be read, before anything depends on them. */
function unreadableSecrets(config: Config): string[] {
  return config.tunnels.flatMap(({ name, control }) =>
    (control?.secrets ?? []).flatMap((source) => {
      try {
        readSecret(source);
        return [];
      } catch (error) {
        return [`tunnel ${name}: ${messageOf(error)}`];
      }
    }),
  );
}

/**
 * What goes makes room for what comes: a device or a port may move from one pseudowire to another, and tunnels that share a socket
 * get another one only when all have left it.
 */
function orderOf(steps: readonly PlanStep[]): readonly PlanStep[] {
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
