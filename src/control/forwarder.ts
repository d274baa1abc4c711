import { noCaseFor } from "../bytes/errors.ts";

/**
 * The forwarder between an attachment circuit and its pseudowires (RFC 4664 §3.4): which session has the
 * frames of the circuit, and what status the pseudowires signal. Each pseudowire is a member.
 */

export interface ForwarderMember {
  readonly pseudowire: string;
  /** Lower is preferred. */
  readonly priority: number;
}

export interface ForwarderSettings {
  /**
   * "single": the preferred member has the circuit, whatever becomes of it, and none signals standby;
   * "redundant": one of several forwards, and the others stand by (RFC 6718).
   */
  readonly mode: "single" | "redundant";
  /** At least one; priorities of a redundant forwarder differ. */
  readonly members: readonly ForwarderMember[];
  /**
   * Which standby bits decide: "own" ones, so that the peer's do not change our choice (RFC 6870 §5.1), or
   * the "peer"'s, whose choice we follow as far as sessions allow (RFC 6870 §5.2). Default "own".
   */
  readonly follows?: "own" | "peer";
}

/**
 * What is known of the peer's end of a session (RFC 5641 §2): two facts that do not depend on each other.
 */
export interface PeerStatus {
  /**
   * Its attachment circuit is up (the A bit of RFC 3931 §5.4.5), and the session's control channel does not
   * say that the session is down.
   */
  readonly active: boolean;
  readonly standby: boolean;
}

export type ForwarderInput =
  /** A session of a member came up, not bound to the circuit yet; it replaces the member's former one. */
  | {
      readonly kind: "session-up";
      readonly pseudowire: string;
      readonly localSessionId: number;
      readonly peer: PeerStatus;
    }
  | { readonly kind: "peer-status"; readonly localSessionId: number; readonly peer: PeerStatus }
  | { readonly kind: "session-down"; readonly localSessionId: number }
  /** Other settings: members that stay keep their sessions, those that go are told nothing any more. */
  | { readonly kind: "settings"; readonly settings: ForwarderSettings };

export type ForwarderEffect =
  /** The frames of the circuit are this session's from now on. */
  | { readonly kind: "bind"; readonly localSessionId: number }
  /** Whether a pseudowire is to signal standby to its peer from now on. */
  | { readonly kind: "signal"; readonly pseudowire: string; readonly standby: boolean };

interface Member extends ForwarderMember {
  session: { readonly localSessionId: number; readonly peer: PeerStatus } | undefined;
  /** The standby bit that it was told to signal last; false before that. */
  standby: boolean;
}

/** One forwarder. It opens nothing and reads no clock: inputs return effects, to be performed in order. */
export class Forwarder {
  #settings: ForwarderSettings;
  /** By priority, the preferred one first. */
  #members: readonly Member[] = [];
  #bound: number | undefined;

  constructor(settings: ForwarderSettings) {
    this.#settings = settings;
    this.#configure(settings);
  }

  /** The pseudowires, the preferred one first. */
  get members(): readonly string[] {
    return this.#members.map(({ pseudowire }) => pseudowire);
  }

  /** Whether a pseudowire is to signal standby; false for one that is no member. */
  isStandby(pseudowire: string): boolean {
    return this.#members.some((member) => member.pseudowire === pseudowire && member.standby);
  }

  /** The pseudowire whose session has the frames of the circuit; undefined while no member has a session. */
  get active(): string | undefined {
    return this.#members.find(
      ({ session }) => session !== undefined && session.localSessionId === this.#bound,
    )?.pseudowire;
  }

  /** The signals that hold before there is any session: all members but the preferred one stand by. */
  start(): readonly ForwarderEffect[] {
    return this.#decide();
  }

  handle(input: ForwarderInput): readonly ForwarderEffect[] {
    switch (input.kind) {
      case "session-up": {
        const { pseudowire, localSessionId, peer } = input;
        const member = this.#members.find((candidate) => candidate.pseudowire === pseudowire);
        if (member !== undefined) member.session = { localSessionId, peer };
        if (this.#bound === localSessionId) this.#bound = undefined;
        break;
      }
      case "peer-status": {
        const { localSessionId, peer } = input;
        const member = this.#memberWith(localSessionId);
        if (member !== undefined) member.session = { localSessionId, peer };
        break;
      }
      case "session-down": {
        const member = this.#memberWith(input.localSessionId);
        if (member !== undefined) member.session = undefined;
        break;
      }
      case "settings":
        this.#configure(input.settings);
        break;
      default:
        noCaseFor(input);
    }
    return this.#decide();
  }

  #configure(settings: ForwarderSettings): void {
    const former = new Map(this.#members.map((member) => [member.pseudowire, member]));
    this.#settings = settings;
    this.#members = settings.members
      .map(({ pseudowire, priority }): Member => {
        const { session, standby = false } = former.get(pseudowire) ?? {};
        return { pseudowire, priority, session, standby };
      })
      .sort((a, b) => a.priority - b.priority);
  }

  #memberWith(localSessionId: number): Member | undefined {
    return this.#members.find(({ session }) => session?.localSessionId === localSessionId);
  }

  #decide(): readonly ForwarderEffect[] {
    const choice = this.#choose();
    const signals = this.#members.flatMap((member): ForwarderEffect[] => {
      const standby = member !== choice && this.#settings.mode === "redundant";
      if (member.standby === standby) return [];
      member.standby = standby;
      return [{ kind: "signal", pseudowire: member.pseudowire, standby }];
    });
    const localSessionId = choice?.session?.localSessionId;
    const before = this.#bound;
    this.#bound = localSessionId;
    if (localSessionId === undefined || localSessionId === before) return signals;
    // The frames change over first, so that the peer never hears of a change that has not happened.
    return [{ kind: "bind", localSessionId }, ...signals];
  }

  /**
   * Of several the best member that has a session; without any, the preferred one, which is expected to get
   * one.
   */
  #choose(): Member | undefined {
    const [first] = this.#members;
    if (this.#settings.mode === "single") return first;
    const candidates = this.#members.filter(({ session }) => session !== undefined);
    return (
      candidates.reduce<Member | undefined>(
        (best, member) => (best === undefined || this.#rank(member) < this.#rank(best) ? member : best),
        undefined,
      ) ?? first
    );
  }

  /** Lower is better; of members with the same rank the one with the lower priority comes first. */
  #rank({ session }: Member): number {
    const { active = false, standby = false } = session?.peer ?? {};
    const standbyCounts = standby && this.#settings.follows === "peer";
    return (standbyCounts ? 2 : 0) + (active ? 0 : 1);
  }
}
