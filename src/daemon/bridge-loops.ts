import { OperationalError } from "../bytes/errors.ts";
import type { BridgeConfig } from "../config/config.ts";
import {
  bridgeValuesIn,
  type PortState,
  portStates,
  portValuesIn,
  setPort,
} from "../os/bridge-attributes.ts";
import { monotonicClock } from "../os/clock.ts";
import type { LinkState } from "../os/links.ts";
import { cryptoRandom } from "../os/random.ts";
import { TypedFrameSocket } from "../os/typed-frame-socket.ts";
import type { Log } from "./log.ts";
import { type Loop, LoopDetector, type LoopEffect, type ProbeDiscard } from "./loop-detector.ts";
import { PROBE_MAGIC, PROBE_TYPE } from "./loop-probe.ts";

/** What bridges know of loops. */
export interface LoopStatus {
  readonly policy: "report" | "block";
  readonly loops: readonly Loop[];
  /** Pairs of pseudowires by which the frames of another bridge come twice. */
  readonly duplicates: readonly (readonly [string, string])[];
  /** Frames of the type of probes that said nothing, by reason. */
  readonly discards: Readonly<Record<ProbeDiscard, number>>;
}

interface BridgeLoopsContext {
  readonly log: Pick<Log, "info" | "warn">;
  readonly links: { all(): readonly LinkState[]; get(name: string): LinkState | undefined };
  isOfPseudowire(device: string): boolean;
}

interface Watched {
  readonly detector: LoopDetector;
  policy: "report" | "block";
  readonly sockets: Map<string, { readonly index: number; readonly socket: TypedFrameSocket }>;
}

/** How often sockets are read. */
const TICK_MS = 200;
/** Frames that are read of one port in that time: whoever sends more takes none of our time. */
const MOST_FRAMES = 16;

const stateNumber = (state: PortState) => portStates.indexOf(state);
/**
 * A port that is blocked for a loop: it forwards and learns nothing. Without STP the kernel makes "blocking"
 * forwarding at once, and "disabled" when its carrier is looked at.
 */
const BLOCKED = stateNumber("listening");

/** Watches the bridges that ask for it for loops, by probes (loop-detector.ts), and blocks ports for them. */
export class BridgeLoops {
  readonly #context: BridgeLoopsContext;
  readonly #bridges = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(context: BridgeLoopsContext) {
    this.#context = context;
  }

  /** Watches a bridge, with the ports that it has, as the file says. Throws OperationalError. */
  set({ name, loops = "off" }: BridgeConfig, bridge: LinkState): void {
    const isStp = (bridgeValuesIn(bridge).stpState ?? 0) !== 0;
    const ports = this.#context.links.all().filter(({ master }) => master === bridge.index);
    if (loops === "off") this.#end(name);
    else this.#watch(name, loops, ports, isStp);
    // With STP the kernel decides.
    if (!isStp) for (const port of ports) this.#setState(name, port);
  }

  status(bridge: string): LoopStatus | undefined {
    const watched = this.#bridges.get(bridge);
    if (watched === undefined) return undefined;
    const { detector, policy } = watched;
    const { loops, duplicates, discards } = detector;
    return { policy, loops, duplicates, discards };
  }

  /** Ends watching all bridges but these, and has blocked ports forward. */
  keep(bridges: ReadonlyMap<string, unknown>, told: (problem: string) => void): void {
    for (const name of [...this.#bridges.keys()]) {
      if (bridges.has(name)) continue;
      try {
        this.#end(name);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        told(error.message);
      }
    }
  }

  /** Ends without changing anything: what is blocked stays so for the next daemon. */
  abandon(): void {
    for (const { sockets } of this.#bridges.values())
      for (const { socket } of sockets.values()) socket[Symbol.dispose]();
    this.#bridges.clear();
    this.#stopTimer();
  }

  #watch(name: string, policy: "report" | "block", ports: readonly LinkState[], isStp: boolean): void {
    const known = this.#bridges.get(name);
    const watched = known ?? { detector: new LoopDetector(cryptoRandom), policy, sockets: new Map() };
    watched.policy = policy;
    this.#bridges.set(name, watched);
    for (const [device, { index, socket }] of [...watched.sockets]) {
      if (ports.some((port) => port.name === device && port.index === index)) continue;
      socket[Symbol.dispose]();
      watched.sockets.delete(device);
    }
    for (const { name: device, index } of ports) {
      if (watched.sockets.has(device)) continue;
      const socket = TypedFrameSocket.open(device, index, PROBE_TYPE, PROBE_MAGIC);
      watched.sockets.set(device, { index, socket });
    }
    const asPorts = ports.map((port) => {
      const isPseudowire = this.#context.isOfPseudowire(port.name);
      const isBlocked = !isStp && portValuesIn(port).state === BLOCKED;
      return { device: port.name, isPseudowire, isBlocked };
    });
    this.#perform(
      name,
      watched.detector.handle({ kind: "ports", ports: asPorts, policy }, monotonicClock.nowMs()),
    );
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  #end(name: string): void {
    const watched = this.#bridges.get(name);
    if (watched === undefined) return;
    this.#bridges.delete(name);
    if (this.#bridges.size === 0) this.#stopTimer();
    for (const [device, { index, socket }] of watched.sockets) {
      socket[Symbol.dispose]();
      const port = this.#context.links.get(device);
      if (port?.index !== index || !watched.detector.isBlocked(device)) continue;
      setPort(device, index, { state: stateNumber("forwarding") });
      this.#tellOpen(name, device);
    }
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = monotonicClock.nowMs();
    for (const [name, { detector, sockets }] of this.#bridges) {
      for (const [device, { socket }] of [...sockets])
        if (!this.#read(name, device, socket, nowMs)) sockets.delete(device);
      if ((detector.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs)
        this.#perform(name, detector.handle({ kind: "expired" }, nowMs));
    }
  }

  /** Whether the socket lives: with another interface in place of its own the next reading opens another. */
  #read(bridge: string, device: string, socket: TypedFrameSocket, nowMs: number): boolean {
    const detector = this.#bridges.get(bridge)?.detector;
    try {
      for (let count = 0; count < MOST_FRAMES; count += 1) {
        const octets = socket.receive();
        if (octets === undefined || detector === undefined) break;
        this.#perform(bridge, detector.handle({ kind: "frame", device, octets }, nowMs));
      }
      return true;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      socket[Symbol.dispose]();
      return false;
    }
  }

  #perform(bridge: string, effects: readonly LoopEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "send":
          this.#bridges.get(bridge)?.sockets.get(effect.device)?.socket.send(effect.octets);
          break;
        case "block":
          if (this.#attemptState(bridge, effect.device)) this.#tellBlocked(bridge, effect.device);
          break;
        case "unblock":
          if (this.#attemptState(bridge, effect.device)) this.#tellOpen(bridge, effect.device);
          break;
        default:
          this.#tell(bridge, effect);
      }
    }
  }

  #tell(bridge: string, effect: Exclude<LoopEffect, { kind: "send" | "block" | "unblock" }>): void {
    const { log } = this.#context;
    if ("loop" in effect) {
      const { from, by, blocked } = effect.loop;
      const fields = { bridge, from, by, blocked };
      const way =
        from === by ? `by the port ${from} out of which they went` : `by ${by} that went out of ${from}`;
      if (effect.kind === "loop-gone")
        return log.info(
          { event: effect.kind, ...fields },
          `bridge ${bridge}: no more frames come back ${way}: the loop is gone`,
        );
      return log.warn({ event: effect.kind, ...fields }, `bridge ${bridge}: a loop: frames come back ${way}`);
    }
    const { devices } = effect;
    const both = devices.join(" and ");
    if (effect.kind === "duplicates-gone")
      return log.info(
        { event: effect.kind, bridge, devices },
        `bridge ${bridge}: ${both} no longer lead to the same bridge`,
      );
    log.warn(
      { event: effect.kind, bridge, devices },
      `bridge ${bridge}: ${both} lead to the same bridge, so that broadcasts arrive twice: remove one`,
    );
  }

  #tellBlocked(bridge: string, device: string): void {
    const text = `port ${device} is blocked until the loop is gone`;
    this.#context.log.warn({ event: "port-blocked", bridge, device }, `bridge ${bridge}: ${text}`);
  }

  #tellOpen(bridge: string, device: string): void {
    const text = `port ${device}, which was blocked for a loop, is open again`;
    this.#context.log.info({ event: "port-open", bridge, device }, `bridge ${bridge}: ${text}`);
  }

  /** Sets the state of a port by a name, and says whether; the next reading tries again what fails. */
  #attemptState(bridge: string, device: string): boolean {
    try {
      const port = this.#context.links.get(device);
      if (port === undefined) return false;
      this.#setState(bridge, port, true);
      return true;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#context.log.warn({ event: "bridge", bridge, problem: error.message }, error.message);
      return false;
    }
  }

  /** Sets a pseudowire's port to what the detector says: nobody else has a say in it. */
  #setState(bridge: string, port: LinkState, isChanged = false): void {
    const { name, index, up } = port;
    if (!up || !this.#context.isOfPseudowire(name)) return;
    const isBlocked = this.#bridges.get(bridge)?.detector.isBlocked(name) === true;
    const wanted = isBlocked ? BLOCKED : stateNumber("forwarding");
    const there = portValuesIn(port).state;
    const differs = isBlocked ? there !== wanted : there === BLOCKED;
    if (differs || isChanged) setPort(name, index, { state: wanted });
  }
}
