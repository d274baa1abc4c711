import { hexId } from "../bytes/hex.ts";
import type { Clock } from "../environment.ts";
import { describeControlMessage } from "../wire/message-text.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { EventFeed } from "./events.ts";
import { addressAndPort } from "./path-text.ts";

/** Which way a control message goes. */
export type Direction = "sent" | "received";

/** The name of the tunnel that a message is of, by the id in its header; undefined for those of strangers. */
export type FindTunnel = (direction: Direction, path: PsnPath, id: number) => string | undefined;

/**
 * TABLE: how many lines there are at most, of tunnels and of strangers: so many at once, and so many a second
 * in the long run.
 */
const bounds = {
  known: { most: 1000, perSecond: 200 },
  stranger: { most: 20, perSecond: 1 },
} as const;

/** The control message header up to the end of its Control Connection ID (RFC 3931 §3.2.1). */
const CONNECTION_OFFSET = 4;
const CONNECTION_END = 8;
/** Longest text of a line. */
const MOST_CHARACTERS = 4000;

/** What may still be written, and what was left out since the last line. */
interface Bucket {
  left: number;
  atMs: number;
  leftOut: number;
}

/**
 * Writes each control message as a line of the log at "trace". Where nobody reads that, a message costs a
 * look at who listens.
 */
export class ControlTrace {
  readonly #feed: EventFeed;
  readonly #clock: Clock;
  readonly #tunnelOf: FindTunnel;
  readonly #buckets: Readonly<Record<keyof typeof bounds, Bucket>>;

  constructor(feed: EventFeed, clock: Clock, tunnelOf: FindTunnel) {
    this.#feed = feed;
    this.#clock = clock;
    this.#tunnelOf = tunnelOf;
    const full = (most: number) => ({ left: most, atMs: clock.nowMs(), leftOut: 0 });
    this.#buckets = { known: full(bounds.known.most), stranger: full(bounds.stranger.most) };
  }

  /** A control message from its T bit on. */
  tell(direction: Direction, path: PsnPath, octets: Uint8Array): void {
    if (!this.#feed.wants("trace")) return;
    const tunnel = this.#tunnelOf(direction, path, connectionIdOf(octets));
    const more = this.#admit(tunnel === undefined ? "stranger" : "known");
    if (more === undefined) return;
    const described = describeControlMessage(octets);
    const local = addressAndPort(path.localAddress, path.localPort);
    const remote = addressAndPort(path.remoteAddress, path.remotePort);
    const [from, to] = direction === "sent" ? [local, remote] : [remote, local];
    const names = { event: "control-message", tunnel, direction, from, to } as const;
    const where = `${direction === "sent" ? "to" : "from"} ${remote}`;
    const whose = tunnel === undefined ? "" : `tunnel ${tunnel}: `;
    if ("damage" in described) {
      const { damage: problem } = described;
      const text = `${whose}${direction} what cannot be read ${where}: ${problem}${more}`;
      return this.#feed.publish("trace", { ...names, problem }, text);
    }
    const { message, controlConnectionId, ns, nr, avps, moreAvps } = described;
    const values = avps.map(({ name, text }) => `; ${name}: ${text}`).join("");
    const rest = moreAvps === 0 ? "" : `; and ${moreAvps} more AVPs`;
    const header = `connection ${hexId(controlConnectionId)}, Ns ${ns}, Nr ${nr}`;
    const text = `${whose}${direction} ${message} ${where}: ${header}${values}`.slice(0, MOST_CHARACTERS);
    this.#feed.publish("trace", { ...names, ...described }, `${text}${rest}${more}`);
  }

  /** Text about what was left out before; undefined where this one is to be left out as well. */
  #admit(kind: keyof typeof bounds): string | undefined {
    const bucket = this.#buckets[kind];
    const { most, perSecond } = bounds[kind];
    const nowMs = this.#clock.nowMs();
    bucket.left = Math.min(most, bucket.left + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    if (bucket.left < 1) {
      bucket.leftOut += 1;
      return undefined;
    }
    bucket.left -= 1;
    const { leftOut } = bucket;
    bucket.leftOut = 0;
    return leftOut === 0 ? "" : ` (${leftOut} messages before this one were left out)`;
  }
}

/** The id in a header; 0 where there is none. */
function connectionIdOf(octets: Uint8Array): number {
  if (octets.length < CONNECTION_END) return 0;
  return new DataView(octets.buffer, octets.byteOffset).getUint32(CONNECTION_OFFSET);
}
