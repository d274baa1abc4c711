import type { Effect, ReportedEvent } from "../control/effects.ts";
import type { CircuitStatus } from "../wire/avp-table.ts";
import type { ForwarderState } from "./forwarders.ts";
import type { PseudowireIndex } from "./pseudowire-index.ts";
import { blockedAtAnEnd } from "./pseudowire-report.ts";
import type { DownCause, UpDowns } from "./up-downs.ts";

/** What the lines are made of, beside what the control plane reports. */
export interface PseudowireSources {
  /** The pseudowires of the present configuration. */
  readonly pseudowires: PseudowireIndex;
  /** Why frames of a pseudowire do not pass at our end, as text; undefined while they can. */
  circuitProblem(pseudowire: string): string | undefined;
  /** How the forwarder of a pseudowire stands; undefined where there is no choice. */
  forwarder(pseudowire: string): ForwarderState | undefined;
}

/** A pseudowire whose session is established, or was. */
interface LoggedPseudowire {
  tunnel: string;
  /** Of the session that is established; undefined while none is. */
  localSessionId: number | undefined;
  /** What the peer signals. */
  remote: Pick<CircuitStatus, "active" | "standby"> | undefined;
  /** What the log said last: why it is down, and since when, or nothing of that where it is up. */
  told: { readonly reason: string | undefined; readonly downMs: number | undefined } | undefined;
}

type SessionChange = ReportedEvent & { readonly event: "session" };

/**
 * Finds out when a pseudowire goes up or down, with its tunnel and the reason: it is up
 * while its session is established and the attachment circuits of both ends are up. That a session is not
 * established again yet is no further line, for the control plane reports each attempt.
 */
export class PseudowireLog {
  readonly #upDowns: UpDowns;
  readonly #sources: PseudowireSources;
  readonly #pseudowires = new Map<string, LoggedPseudowire>();

  constructor(upDowns: UpDowns, sources: PseudowireSources) {
    this.#upDowns = upDowns;
    this.#sources = sources;
  }

  /** Looks at what the control plane asked: sessions come and go, and the peer tells of its circuit. */
  performed(effect: Effect, nowMs: number): void {
    if (effect.kind === "forwarding-add" || effect.kind === "forwarding-update") {
      const { pseudowire, remoteCircuitActive: active, receiveAllowed, localSessionId } = effect.session;
      const known = this.#of(pseudowire);
      known.remote = { active, standby: receiveAllowed === false };
      if (known.localSessionId === localSessionId) this.#tell(pseudowire, known, nowMs);
    }
    if (effect.kind === "report" && effect.event.event === "session")
      this.#sessionChanged(effect.event, nowMs);
  }

  /** Looks at a pseudowire whose attachment circuit went up or down, or came to stand by, at our end. */
  localChanged(pseudowire: string, nowMs: number): void {
    const isStatic = this.#sources.pseudowires.find(pseudowire)?.config.staticSession !== undefined;
    const known = isStatic || this.#pseudowires.has(pseudowire) ? this.#of(pseudowire) : undefined;
    if (known !== undefined && (isStatic || known.localSessionId !== undefined))
      this.#tell(pseudowire, known, nowMs);
  }

  /** The static session of a pseudowire was closed, by us. */
  staticClosed(pseudowire: string, nowMs: number): void {
    const known = this.#pseudowires.get(pseudowire);
    if (known === undefined) return;
    const down = { cause: "close", reason: "its static session was closed", isPlanned: true };
    this.#write(pseudowire, known, down, nowMs);
    this.#forgetRemoved(pseudowire);
  }

  /** Since when a pseudowire is down, as far as it was seen going down; undefined where it is up. */
  downMs(pseudowire: string): number | undefined {
    return this.#pseudowires.get(pseudowire)?.told?.downMs;
  }

  /** How many pseudowires of the present configuration are up. */
  countUp(): number {
    let up = 0;
    for (const [name, { told }] of this.#pseudowires) {
      const isUp = told !== undefined && told.reason === undefined;
      if (isUp && this.#sources.pseudowires.find(name) !== undefined) up += 1;
    }
    return up;
  }

  #sessionChanged(event: SessionChange, nowMs: number): void {
    const { pseudowire, peer, localSessionId, from, to } = event;
    if (from !== "established" && to !== "established") return;
    const known = this.#of(pseudowire);
    known.tunnel = peer;
    if (to === "established") {
      known.localSessionId = localSessionId;
      return this.#tell(pseudowire, known, nowMs);
    }
    if (known.localSessionId !== localSessionId) return;
    this.#write(pseudowire, known, endOf(event), nowMs);
    this.#forgetRemoved(pseudowire);
    known.localSessionId = undefined;
  }

  /** Of a pseudowire that the configuration no longer has nothing more is heard. */
  #forgetRemoved(pseudowire: string): void {
    if (this.#sources.pseudowires.find(pseudowire) === undefined) this.#pseudowires.delete(pseudowire);
  }

  #of(pseudowire: string): LoggedPseudowire {
    const tunnel = this.#sources.pseudowires.find(pseudowire)?.tunnel;
    const known = this.#pseudowires.get(pseudowire);
    if (known !== undefined) return Object.assign(known, { tunnel: tunnel ?? known.tunnel });
    const fresh = {
      tunnel: tunnel ?? "",
      localSessionId: undefined,
      remote: undefined,
      told: undefined,
    };
    this.#pseudowires.set(pseudowire, fresh);
    return fresh;
  }

  #tell(pseudowire: string, known: LoggedPseudowire, nowMs: number): void {
    const own = this.#sources.circuitProblem(pseudowire);
    const blocked =
      own === undefined ? blockedAtAnEnd(known.remote, this.#sources.forwarder(pseudowire)) : undefined;
    const down =
      own === undefined
        ? blocked && { ...blocked, isPlanned: blocked.cause.endsWith("standby") }
        : { cause: "circuit", reason: `attachment circuit: ${own}`, isPlanned: false };
    this.#write(pseudowire, known, down, nowMs);
  }

  #write(pseudowire: string, known: LoggedPseudowire, down: DownCause | undefined, nowMs: number): void {
    const reason = down?.reason;
    if (known.told !== undefined && known.told.reason === reason) return;
    known.told = { reason, downMs: down === undefined ? undefined : (known.told?.downMs ?? nowMs) };
    const { tunnel } = known;
    if (down === undefined) this.#upDowns.wentUp("pseudowire", pseudowire, tunnel, nowMs);
    else this.#upDowns.isDown("pseudowire", pseudowire, tunnel, down, nowMs);
  }
}

/** Why a session ended. */
function endOf({ cause, connectionCause, detail = cause, result }: SessionChange): DownCause {
  const isPlanned = cause === "close" || connectionCause === "close";
  return { cause, reason: detail, isPlanned, connectionCause, result };
}
