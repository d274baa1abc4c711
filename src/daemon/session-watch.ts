import { counted } from "../bytes/counted.ts";
import type { DiscardReason } from "../forwarding/discard-reasons.ts";
import type { ForwardedBy, GsoHandling, SessionCounters } from "../forwarding/plane.ts";
import { type ChannelStatus, isSameChannelStatus } from "../wire/session-parameters.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

/**
 * Discard reasons whose first frame is worth a log line: the two ends do not agree, or frames cannot be sent.
 */
const reportedReasons: readonly DiscardReason[] = ["wrong-cookie", "wrong-peer", "path-mtu", "psn-error"];

/** TABLE: what is said of changes that were left out, by their event. */
const leftOut = {
  gso: ["tunnel", "with a choice of who segments GSO packets; see: wirespan status"],
  "plane-changed": ["pseudowire", "with another plane; see: wirespan status"],
  "channel-status": ["pseudowire", "whose control channel says something else; see: wirespan status --json"],
} as const;

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
  discards: Readonly<Partial<Record<string, number>>>;
  channelStatus: ChannelStatus | undefined;
}

/**
 * Logs changes of forwarding sessions beside their states: another plane and its reason, first discarded
 * frames, what control channels say.
 */
export class SessionWatch {
  readonly #log: Log;
  readonly #sources: SessionSources;
  readonly #limiter: LogLimiter;
  #seen = new Map<number, Seen>();
  /** Who segments GSO packets, of all tunnels, by its text. */
  #gso = new Map<string, GsoOfTunnel>();

  constructor(log: Log, sources: SessionSources, limiter = new LogLimiter()) {
    this.#limiter = limiter;
    this.#log = log;
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
      this.#comparePlanes(name, before, now, nowMs);
      this.#compareDiscards(name, before, now, nowMs);
      this.#compareChannels(name, before?.channelStatus, channelStatus, nowMs);
    }
    this.#seen = seen;
    this.#compareGso(gso, nowMs);
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
    for (const [event, [noun, text]] of Object.entries(leftOut)) {
      const more = this.#limiter.takeLeftOut(event, nowMs);
      if (more > 0) this.#log.info({ event, more }, `${counted(more, `more ${noun}`)} ${text}`);
    }
    for (const reason of reportedReasons) {
      const more = this.#limiter.takeLeftOut(reason, nowMs);
      if (more > 0)
        this.#log.warn(
          { event: "first-discards", reason, more },
          `${counted(more, "more pseudowire")} with first frames discarded as ${reason}; see wirespan status`,
        );
    }
  }

  /** Of a session that is new only a failure is told. */
  #comparePlanes(
    pseudowire: string,
    before: Seen | undefined,
    { plane, reason, isFailure }: Seen,
    nowMs: number,
  ): void {
    if (before === undefined ? !isFailure : before.plane === plane && before.reason === reason) return;
    const more = this.#limiter.admit("plane-changed", nowMs);
    if (more === undefined) return;
    const why = reason === undefined ? "" : `: ${reason}`;
    this.#log[isFailure ? "warn" : "info"](
      { event: "plane-changed", pseudowire, plane, reason, from: before?.plane },
      `pseudowire ${pseudowire}: ${changeText(before, plane, reason)}${why}${more}`,
    );
  }

  #compareChannels(
    pseudowire: string,
    before: ChannelStatus | undefined,
    now: ChannelStatus | undefined,
    nowMs: number,
  ): void {
    // A session that came in place of another has said nothing yet.
    if (now === undefined || isSameChannelStatus(before, now)) return;
    const more = this.#limiter.admit("channel-status", nowMs);
    if (more === undefined) return;
    this.#log[now.state === "down" ? "warn" : "info"](
      { event: "channel-status", pseudowire, ...now },
      `pseudowire ${pseudowire}: control channel: ${channelStatusText(now)}${more}`,
    );
  }

  #compareDiscards(pseudowire: string, before: Seen | undefined, { discards }: Seen, nowMs: number): void {
    for (const reason of reportedReasons) {
      const count = discards[reason] ?? 0;
      if (count === 0 || (before?.discards[reason] ?? 0) > 0) continue;
      const more = this.#limiter.admit(reason, nowMs);
      if (more === undefined) continue;
      this.#log.warn(
        { event: "first-discards", pseudowire, reason, count },
        `pseudowire ${pseudowire}: first frames discarded as ${reason} (${count}); ` +
          `see docs/discards.md${more}`,
      );
    }
  }
}

function changeText(before: Seen | undefined, plane: string, reason: string | undefined): string {
  if (before === undefined) return `on plane ${plane}`;
  if (before.plane !== plane) return `moved from plane ${before.plane} to plane ${plane}`;
  return `still on plane ${plane}, ${reason === undefined ? "no longer for a reason" : "for a new reason"}`;
}
