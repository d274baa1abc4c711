import { hexId } from "../bytes/hex.ts";
import { printableExcerpt } from "../bytes/printable-text.ts";
import type { ReportedEvent } from "../control/effects.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";
import { addressAndPort, bothEnds } from "./path-text.ts";
import { unknownPeerText } from "./unknown-peer-text.ts";

/** Causes by which a connection ends because of another one of the same tunnel. */
const supersededBy: ReadonlySet<string> = new Set(["retire", "tie-lost", "tie-equal"]);

/** Lines that changes of sessions, and of the connections of one tunnel, have at most in a window. */
const MOST_LINES = 20;

type SessionEvent = ReportedEvent & { readonly event: "session" };
type ConnectionEvent = ReportedEvent & { readonly event: "control-connection" };

/**
 * Writes the events of the control plane to the log; those that a stranger can cause are limited in number.
 */
export class EventLog {
  readonly #log: Log;
  readonly #limiter: LogLimiter;
  /** The connection of each tunnel that is established, by its id. */
  readonly #inUse = new Map<string, number>();

  constructor(log: Log, limiter = new LogLimiter()) {
    this.#log = log;
    this.#limiter = limiter;
  }

  report(event: ReportedEvent, nowMs: number): void {
    switch (event.event) {
      case "discard":
        return this.#discard(event, nowMs);
      case "unknown-peer":
        return this.#unknownPeer(event, nowMs);
      case "refused": {
        const more = this.#limiter.admit(`refused ${event.peer} ${event.isAuthentication}`, nowMs);
        if (more === undefined) return;
        const { peer: tunnel, isAuthentication, path, detail } = event;
        const fields = { tunnel, from: path.remoteAddress, detail };
        const text = `tunnel ${tunnel}: ${detail}${more}`;
        if (isAuthentication) this.#log.warn({ event: "authentication-failed", ...fields }, text);
        else this.#log.info({ event: "refused", ...fields }, text);
        return;
      }
      case "path":
        return this.#path(event, nowMs);
      case "path-mtu": {
        const { peer: tunnel, path, octets, state } = event;
        const fields = { event: "path-mtu" as const, tunnel, octets, state, to: path.remoteAddress };
        return this.#log.info(fields, `tunnel ${tunnel}: ${pathMtuText(event)}`);
      }
      default: {
        const more = this.#admitChange(event, nowMs);
        if (more === undefined) return;
        const { peer: tunnel, ...fields } = event;
        const subject =
          event.event === "session"
            ? `pseudowire ${event.pseudowire} of tunnel ${tunnel}`
            : `tunnel ${tunnel}${this.#connectionText(event)}`;
        const detail = event.detail === undefined ? "" : `: ${event.detail}`;
        const change = `${event.from} -> ${event.to} (${event.cause})`;
        this.#log.info({ ...fields, tunnel }, `${subject}: ${change}${detail}${more}`);
      }
    }
  }

  /** No plane can carry the session of a pseudowire. */
  forwardingFailed(pseudowire: string, problem: string, nowMs: number): void {
    const more = this.#limiter.admit("forwarding", nowMs);
    if (more === undefined) return;
    const text = `cannot forward pseudowire ${pseudowire}: ${problem}${more}`;
    this.#log.error({ event: "forwarding", pseudowire, problem }, text);
  }

  /** Sessions may be many; and what a peer does again and again is bounded, as are strangers. */
  #admitChange(event: ConnectionEvent | SessionEvent, nowMs: number): string | undefined {
    const { event: of, peer, to } = event;
    if (of === "session") return this.#limiter.admit(`session ${to}`, nowMs, MOST_LINES);
    return isHalfOpen(event)
      ? this.#limiter.admit(`half-open ${peer}`, nowMs)
      : this.#limiter.admit(`connection ${peer}`, nowMs, MOST_LINES);
  }

  /** Names a connection where the tunnel has, or may have, another one that is in use. */
  #connectionText({ peer, localControlConnectionId: id, cause, to }: ConnectionEvent): string {
    const inUse = this.#inUse.get(peer);
    if (to === "established") this.#inUse.set(peer, id);
    else if (inUse === id) this.#inUse.delete(peer);
    const isOther = inUse !== undefined && inUse !== id && to !== "established";
    return isOther || supersededBy.has(cause) ? `, control connection ${hexId(id)}` : "";
  }

  /** A path is tried for each hint, which an attacker may give: what came of that is limited in number. */
  #path(event: ReportedEvent & { readonly event: "path" }, nowMs: number): void {
    const { peer: tunnel, change, path, former, detail } = event;
    const more = this.#limiter.admit(`path ${tunnel} ${change}`, nowMs);
    if (more === undefined) return;
    const from = former === undefined ? {} : { from: bothEnds(former) };
    const fields = { tunnel, ...from, to: bothEnds(path), detail };
    const peerAt = addressAndPort(path.remoteAddress, path.remotePort);
    const what = {
      moved: () => `the path is ${bothEnds(path)} now, and was ${former && bothEnds(former)}: ${detail}`,
      refuted: () => `the peer is not followed to ${peerAt}: ${detail}`,
      doubted: () => `no answer from ${peerAt}: ${detail}`,
      held: () => `the path stays ${bothEnds(path)} for a minute: ${detail}`,
    };
    const text = `tunnel ${tunnel}: ${what[change]()}${more}`;
    if (change === "held") this.#log.warn({ event: `path-${change}`, ...fields }, text);
    else this.#log.info({ event: `path-${change}`, ...fields }, text);
  }

  #discard({ reason, path }: ReportedEvent & { readonly event: "discard" }, nowMs: number): void {
    const more = this.#limiter.admit(`discard ${reason}`, nowMs);
    if (more === undefined) return;
    const { remoteAddress: from } = path;
    const text = `discarded control message from ${from}: ${reason}${more}`;
    this.#log.debug({ event: "control-discard", reason, from }, text);
  }

  /** Strangers write a few lines for each reason, however many tunnels of any address there are. */
  #unknownPeer(
    { reason, path, hostName, peer: tunnel }: ReportedEvent & { readonly event: "unknown-peer" },
    nowMs: number,
  ): void {
    const more = this.#limiter.admit(`unknown-peer ${reason}`, nowMs);
    if (more === undefined) return;
    const { remoteAddress: from } = path;
    const name = hostName === undefined ? undefined : printableExcerpt(hostName);
    const itsName = name === undefined ? "it gives no Host Name" : `Host Name "${name}"`;
    const detail = unknownPeerText(reason, tunnel);
    const text = `discarded SCCRQ from ${from} (${itsName}): ${detail}${more}`;
    if (tunnel === undefined) this.#log.info({ event: "unknown-peer", reason, from, hostName: name }, text);
    else this.#log.warn({ event: "authentication-failed", tunnel, from, hostName: name, detail }, text);
  }
}

function pathMtuText({ octets, state, path }: ReportedEvent & { readonly event: "path-mtu" }): string {
  const { remoteAddress: peer } = path;
  if (octets === undefined) return `the path MTU to ${peer} is not known any more (${state})`;
  return state === "base"
    ? `packets of the path MTU so far are lost on the way to ${peer}: it is ${octets} until it is found again`
    : `the path MTU to ${peer} is ${octets}`;
}

/**
 * Whether the connection was opened by an SCCRQ, which can be forged or replayed, and did not get
 * established.
 */
function isHalfOpen({ from, to }: ConnectionEvent): boolean {
  return to === "wait-ctl-conn" || (from === "wait-ctl-conn" && to !== "established");
}
