import type { TunnelConfig } from "../config/config.ts";
import { familiesOf } from "../config/ends.ts";
import type { ReportedEvent } from "../control/effects.ts";
import { monotonicClock } from "../os/clock.ts";
import { NameLookups } from "../os/name-lookup.ts";
import { cryptoRandom } from "../os/random.ts";
import type { Log } from "./log.ts";
import { type NameInput, PeerName } from "./peer-name.ts";

/** Causes by which an attempt to connect ends because nobody who is the peer answers at an address. */
const notThere: ReadonlySet<string> = new Set(["lost", "timeout", "stopccn", "sccrp-bad"]);

/** For how long the addresses of a removed tunnel's peer are kept for the tunnel that replaces it. */
const KEPT_MS = 60_000;

/** What the status says of a peer's name. Times in ms of the monotonic clock. */
export interface NameStatus {
  readonly name: string;
  /** The one in use first. */
  readonly addresses: readonly string[];
  readonly answeredMs: number | undefined;
  readonly nextAskMs: number | undefined;
  readonly problem: string | undefined;
  readonly unanswered: string | undefined;
}

interface Entry {
  tunnel: string;
  readonly name: string;
  readonly families: readonly (4 | 6)[];
  readonly state: PeerName;
  timer: NodeJS.Timeout | undefined;
  /** The problem that the log has. */
  told: string | undefined;
}

interface Removed {
  readonly name: string;
  readonly state: PeerName;
  readonly removedMs: number;
}

/** The names of the peers of tunnels: asks for their addresses, each with a timer of its own. */
export class PeerNames {
  readonly #log: Log;
  readonly #changed: (tunnel: string) => void;
  readonly #lookups = new NameLookups();
  readonly #entries = new Map<string, Entry>();
  /** What was known of the peers of tunnels that were removed a moment ago, by tunnel. */
  #removed = new Map<string, Removed>();

  /** `changed`: the addresses of a tunnel's peer are others now. */
  constructor(log: Log, changed: (tunnel: string) => void) {
    this.#log = log;
    this.#changed = changed;
  }

  /** Begins to ask for the name of a tunnel's peer, if it has one. */
  add({ name: tunnel, local, remote }: TunnelConfig): void {
    this.remove(tunnel);
    if (remote.kind !== "name") return;
    const families = familiesOf(local);
    const allowsLoopback = local.kind === "address" && /^(127\.|::1$)/.test(local.address);
    const state = new PeerName({ families, allowsLoopback }, cryptoRandom);
    const { name } = remote;
    const former = this.#removedOf(tunnel, name);
    if (former !== undefined) state.inherit(former.state);
    this.#entries.set(tunnel, { tunnel, name, families, state, timer: undefined, told: undefined });
    this.#inform(tunnel, { kind: "expired" });
  }

  remove(tunnel: string): void {
    const entry = this.#entries.get(tunnel);
    if (entry === undefined) return;
    clearTimeout(entry.timer);
    this.#entries.delete(tunnel);
    const { name, state } = entry;
    this.#removed.set(tunnel, { name, state, removedMs: monotonicClock.nowMs() });
  }

  /** Takes over what was known of peers whose tunnels come again. */
  inherit(former: PeerNames): void {
    this.#removed = new Map(former.#removed);
  }

  rename(newNames: ReadonlyMap<string, string>): void {
    const entries = [...this.#entries];
    this.#entries.clear();
    for (const [before, entry] of entries) {
      entry.tunnel = newNames.get(before) ?? before;
      this.#entries.set(entry.tunnel, entry);
    }
  }

  close(): void {
    for (const tunnel of [...this.#entries.keys()]) this.remove(tunnel);
  }

  /** The addresses of the name of a tunnel's peer, the one in use first. */
  addresses(tunnel: string): readonly string[] {
    return this.#entries.get(tunnel)?.state.addresses ?? [];
  }

  /** Whether a name was asked for the first time and nothing was answered yet: no reason for alarm. */
  isAwaited(tunnel: string): boolean {
    const state = this.#entries.get(tunnel)?.state;
    return state?.addresses.length === 0 && state.problem === undefined;
  }

  /** Why a name has no address, as text. */
  problem(tunnel: string): string {
    const entry = this.#entries.get(tunnel);
    return `${entry?.name} has no address yet: ${entry?.state.problem ?? "the resolver was asked"}`;
  }

  status(tunnel: string): NameStatus | undefined {
    const entry = this.#entries.get(tunnel);
    if (entry === undefined) return undefined;
    const { addresses, answeredMs, deadlineMs: nextAskMs, problem, unanswered } = entry.state;
    return { name: entry.name, addresses, answeredMs, nextAskMs, problem, unanswered };
  }

  /** Takes in what happened to a control connection: when it ends, the peer may be elsewhere. */
  reported(event: ReportedEvent): void {
    if (event.event === "path" && event.change === "doubted")
      return this.#inform(event.peer, { kind: "doubted" });
    if (event.event !== "control-connection" || event.to !== "idle") return;
    const { peer, from, cause } = event;
    if (from === "established") this.#inform(peer, { kind: "connection-lost" });
    else if (from === "wait-ctl-reply" && notThere.has(cause))
      this.#inform(peer, { kind: "connecting-failed" });
  }

  /** What was known of a name: of this tunnel's former peer, or else of another's. */
  #removedOf(tunnel: string, name: string): Removed | undefined {
    const leastMs = monotonicClock.nowMs() - KEPT_MS;
    for (const [key, { removedMs }] of this.#removed) if (removedMs < leastMs) this.#removed.delete(key);
    const own = this.#removed.get(tunnel);
    return own?.name === name ? own : [...this.#removed.values()].find((one) => one.name === name);
  }

  #inform(tunnel: string, input: NameInput): void {
    const entry = this.#entries.get(tunnel);
    if (entry !== undefined) this.#handle(entry, input);
  }

  #handle(entry: Entry, input: NameInput): void {
    for (const { kind } of entry.state.handle(input, monotonicClock.nowMs())) {
      if (kind === "ask") void this.#ask(entry);
      else this.#changed(entry.tunnel);
    }
    this.#tell(entry);
    this.#arm(entry);
  }

  async #ask(entry: Entry): Promise<void> {
    const answer = await this.#lookups.ask(entry.name, entry.families);
    if (this.#entries.get(entry.tunnel) === entry) this.#handle(entry, { kind: "answered", answer });
  }

  /** Once for each problem, and once when it is over. */
  #tell(entry: Entry): void {
    const { problem, addresses } = entry.state;
    if (problem === entry.told) return;
    entry.told = problem;
    const { tunnel } = entry;
    const stays = addresses[0] === undefined ? "" : `; ${addresses[0]} stays`;
    const about = { event: "name" as const, tunnel, name: entry.name, problem };
    if (problem === undefined) this.#log.info(about, `tunnel ${tunnel}: ${entry.name} is answered again`);
    else this.#log.warn(about, `tunnel ${tunnel}: cannot look up ${entry.name}: ${problem}${stays}`);
  }

  #arm(entry: Entry): void {
    clearTimeout(entry.timer);
    const { deadlineMs } = entry.state;
    if (deadlineMs === undefined) return;
    const waitMs = Math.max(0, deadlineMs - monotonicClock.nowMs());
    entry.timer = setTimeout(() => this.#handle(entry, { kind: "expired" }), Math.ceil(waitMs));
  }
}
