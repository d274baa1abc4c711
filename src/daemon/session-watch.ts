import { counted } from "../bytes/counted.ts";
import type { ForwardedBy, GsoHandling, SessionCounters } from "../forwarding/plane.ts";
import { type ChannelStatus, isSameChannelStatus } from "../wire/session-parameters.ts";
import { type DiscardCounts, DiscardWatch } from "./discard-watch.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

/** TABLE: what is said of changes that were left out, by their event. */
const leftOut = {
  gso: ["tunnel", "with a choice of who segments GSO packets; see: wirespan status"],
  "plane-changed": ["pseudowire", "with another plane; see: wirespan status"],
  "channel-status": ["pseudowire", "whose control channel says something else; see: wirespan status --json"],
} as const;

const leftOutEvents = ["gso", "plane-changed", "channel-status"] as const;

/** The names of a pseudowire and its tunnel. */
interface Names {
  readonly tunnel: string | undefined;
  readonly pseudowire: string;
}

/** Where facts about a session come from, by its local id. */
export interface SessionSources {
  /** The pseudowire that it is of; undefined for one that has gone. */
  pseudowireOfSession(localSessionId: number): string | undefined;
  /** The tunnel of a pseudowire of the configuration. */
  tunnelOf(pseudowire: string): string | undefined;
  forwardedBy(localSessionId: number): ForwardedBy;
  /** What a protocol on its control channel says of it. */
  channelStatus(localSessionId: number): ChannelStatus | undefined;
}

/** What the control channel says of a session, for people. */
export function channelStatusText({ state, diagnostic }: ChannelStatus): string {
  return diagnostic === undefined ? state : `${state} (${diagnostic})`;
}

/** Who segments the GSO packets of a tunnel. */
interface GsoOfTunnel extends GsoHandling {
  readonly tunnel: string;
}

interface Seen {
  plane: string;
  reason: string | undefined;
  /** Whether the reason is that a call of the kernel failed. */
  isFailure: boolean;
  discards: DiscardCounts;
  channelStatus: ChannelStatus | undefined;
}

/**
 * Logs changes of forwarding sessions beside their states: another plane and its reason, frames that begin to
 * be discarded, what control channels say.
 */
export class SessionWatch {
  readonly #log: Log;
  readonly #sources: SessionSources;
  readonly #limiter: LogLimiter;
  readonly #discards: DiscardWatch;
  #seen = new Map<number, Seen>();
  /** Who segments GSO packets, of all tunnels, by its text. */
  #gso = new Map<string, GsoOfTunnel>();

  constructor(log: Log, sources: SessionSources, limiter = new LogLimiter()) {
    this.#limiter = limiter;
    this.#log = log;
    this.#discards = new DiscardWatch(log, limiter);
    this.#sources = sources;
  }

  /** Compares all sessions with the last call, and logs what changed. */
  compare(sessions: readonly SessionCounters[], nowMs: number): void {
    const seen = new Map<number, Seen>();
    const gso = new Map<string, GsoOfTunnel>();
    for (const { localSessionId, discards } of sessions) {
      const { plane, reason, isFailure = false, gso: handling } = this.#sources.forwardedBy(localSessionId);
      const channelStatus = this.#sources.channelStatus(localSessionId);
      const now = { plane, reason, isFailure, discards, channelStatus };
      seen.set(localSessionId, now);
      const name = this.#sources.pseudowireOfSession(localSessionId);
      if (name === undefined) continue;
      const tunnel = this.#sources.tunnelOf(name);
      if (handling !== undefined && tunnel !== undefined)
        gso.set(`GSO packets of tunnel ${tunnel}: ${handling.choice} (${handling.reason})`, {
          tunnel,
          ...handling,
        });
      const before = this.#seen.get(localSessionId);
      const names = { tunnel, pseudowire: name };
      this.#comparePlanes(names, before, now, nowMs);
      this.#discards.compare({ ...names, localSessionId }, before?.discards, discards, nowMs);
      this.#compareChannels(names, before?.channelStatus, channelStatus, nowMs);
    }
    this.#seen = seen;
    this.#compareGso(gso, nowMs);
    this.#discards.close((localSessionId) => seen.has(localSessionId), nowMs);
    this.#close(nowMs);
  }

  #compareGso(now: ReadonlyMap<string, GsoOfTunnel>, nowMs: number): void {
    for (const [text, { tunnel, choice, reason }] of now) {
      if (this.#gso.has(text)) continue;
      const more = this.#limiter.admit("gso", nowMs);
      if (more === undefined) continue;
      this.#log.info({ event: "gso", tunnel, choice, reason }, `${text}${more}`);
    }
    this.#gso = new Map(now);
  }

  /** Logs how many changes were left out, if there were too many at once. */
  #close(nowMs: number): void {
    for (const event of leftOutEvents) {
      const [noun, text] = leftOut[event];
      const more = this.#limiter.takeLeftOut(event, nowMs);
      if (more > 0) this.#log.info({ event, more }, `${counted(more, `more ${noun}`)} ${text}`);
    }
  }

  /** Of a session that is new only a failure is told. */
  #comparePlanes(
    { tunnel, pseudowire }: Names,
    before: Seen | undefined,
    { plane, reason, isFailure }: Seen,
    nowMs: number,
  ): void {
    if (before === undefined ? !isFailure : before.plane === plane && before.reason === reason) return;
    const more = this.#limiter.admit("plane-changed", nowMs);
    if (more === undefined) return;
    const why = reason === undefined ? "" : `: ${reason}`;
    this.#log[isFailure ? "warn" : "info"](
      { event: "plane-changed", tunnel, pseudowire, plane, reason, from: before?.plane },
      `pseudowire ${pseudowire}: ${changeText(before, plane, reason)}${why}${more}`,
    );
  }

  #compareChannels(
    { tunnel, pseudowire }: Names,
    before: ChannelStatus | undefined,
    now: ChannelStatus | undefined,
    nowMs: number,
  ): void {
    // A session that came in place of another has said nothing yet.
    if (now === undefined || isSameChannelStatus(before, now)) return;
    const more = this.#limiter.admit("channel-status", nowMs);
    if (more === undefined) return;
    this.#log[now.state === "down" ? "warn" : "info"](
      { event: "channel-status", tunnel, pseudowire, ...now },
      `pseudowire ${pseudowire}: control channel: ${channelStatusText(now)}${more}`,
    );
  }
}

function changeText(before: Seen | undefined, plane: string, reason: string | undefined): string {
  if (before === undefined) return `on plane ${plane}`;
  if (before.plane !== plane) return `moved from plane ${before.plane} to plane ${plane}`;
  return `still on plane ${plane}, ${reason === undefined ? "no longer for a reason" : "for a new reason"}`;
}
