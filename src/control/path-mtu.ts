import type { FormerOctets, PathMtuEffect, PathMtuInput } from "./path-mtu-messages.ts";
import { PathMtuSizes } from "./path-mtu-sizes.ts";
import {
  type PathMtuActions,
  type PathMtuEvents,
  type PathMtuState,
  pathMtuTable,
} from "./path-mtu-table.ts";
import type { ProbeCarrier } from "./probe-carriers.ts";
import { type Actions, performActions, transitionFor } from "./state-table.ts";

/** TABLE: constants of the search, in octets of IP packets and ms (RFC 8899 §5.1). */
export const pathMtuConstants = {
  /** BASE_PLPMTU and MIN_PLPMTU by the version of IP. */
  baseOctets: { 4: 1200, 6: 1280 },
  leastOctets: { 4: 576, 6: 1280 },
  /** MAX_PROBES: probes of one size; on a path that loses packets whatever their size, the larger number. */
  probes: 3,
  probesOnLoss: 10,
  /** PROBE_TIMER: without a measured round trip; with one, three times that, within these limits. */
  probeMs: 3000,
  leastProbeMs: 1000,
  /** PMTU_RAISE_TIMER. */
  raiseMs: 600_000,
  /** CONFIRMATION_TIMER, while data flows. */
  confirmMs: 30_000,
  /**
   * The same while the kernel has a report of less than was found, and the least time between probes upon
   * reports, which anybody may forge.
   */
  doubtMs: 3000,
  /** Pause before BASE is probed again in the error state; doubles up to that of PMTU_RAISE_TIMER. */
  errorMs: 30_000,
} as const;

/** What limits packets to a peer, as the kernel knows it, in octets of IP packets. */
export interface PathLimits {
  /** The MTU of the interface that they leave by, or of the route where somebody set less. */
  readonly interfaceOctets: number;
  /** The MTU of the path that the kernel learned from routers (RFC 1191, RFC 8201). */
  readonly reportedOctets: number | undefined;
}

/** What the search for a path's MTU knows. */
export interface PathMtuSnapshot {
  readonly state: PathMtuState;
  /** The largest packet that the path is known to take, header included. */
  readonly octets: number | undefined;
  /** When one of that size was last acknowledged. */
  readonly measuredMs: number | undefined;
  /** By which carrier. */
  readonly by: ProbeCarrier | undefined;
}

/**
 * The search for the largest packet that a path takes, by probes that a carrier sends and the peer
 * acknowledges (DPLPMTUD, RFC 8899). Pure: `handle` takes what happened, and returns what is to be done.
 */
export class PathMtuSearch {
  readonly #family: 4 | 6;
  readonly #sizes = new PathMtuSizes();
  #state: PathMtuState = "disabled";
  /** The size of the probe that is out. */
  #probed: number | undefined;
  /** How often probes of this size were lost in a row. */
  #losses = 0;
  /** Whether a size was lost that passed soon after. */
  #isLossy = false;
  #roundTripMs: number | undefined;
  #known: number | undefined;
  #measuredMs: number | undefined;
  #againMs: number | undefined;
  #confirmMs: number | undefined;
  #errorPauseMs: number = pathMtuConstants.errorMs;
  #hasData = false;
  /** What a router said, as long as the kernel knows it. */
  #reportedOctets: number | undefined;
  /** When what was found was last to be confirmed. */
  #confirmedMs = Number.NEGATIVE_INFINITY;
  /** What was believed to be lost last, though it may only have been one packet. */
  #fellFrom: number | undefined;
  /** What was known before, and is not confirmed yet. */
  #former: FormerOctets | undefined;
  /** What was found, while a router is believed instead that says less. */
  #disbelieved: number | undefined;
  #nowMs = 0;
  #effects: PathMtuEffect[] = [];

  readonly #actions: Actions<PathMtuActions> = {
    begin: () => this.#begin(),
    resume: () => this.#resume(),
    stop: () => this.#forget(),
    take: () => this.#take(),
    search: () => this.#probeNext(),
    settle: () => this.#settle(),
    fall: () => this.#fall(),
    raise: () => this.#raise(),
    confirm: () => this.#confirm(),
    "give-up": () => this.#giveUp(),
    disbelieve: () => {
      this.#disbelieved = this.#known;
    },
    reconsider: () => this.#reconsider(),
    keep: () => this.#pause(),
    ignore: () => {},
  };

  constructor(family: 4 | 6) {
    this.#family = family;
  }

  get state(): PathMtuState {
    return this.#state;
  }

  /** The largest packet that the path is known to take; undefined until a search came to its end. */
  get octets(): number | undefined {
    return this.#known;
  }

  /** When a packet of that size was last acknowledged, in ms of the clock. */
  get measuredMs(): number | undefined {
    return this.#known === undefined ? undefined : this.#measuredMs;
  }

  /** When `handle` wants the input `time`; undefined for never. */
  get deadlineMs(): number | undefined {
    if (this.#probed !== undefined) return undefined;
    const confirmMs = this.#hasData ? this.#confirmMs : undefined;
    if (confirmMs === undefined || this.#againMs === undefined) return confirmMs ?? this.#againMs;
    return Math.min(confirmMs, this.#againMs);
  }

  handle(input: PathMtuInput, nowMs: number): readonly PathMtuEffect[] {
    this.#nowMs = nowMs;
    this.#handle(input);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #handle(input: PathMtuInput): void {
    switch (input.kind) {
      case "reachable":
        this.#sizes.limit(input.interfaceOctets);
        return this.#state === "disabled" ? this.#start("reachable", input.former) : undefined;
      case "unreachable":
        return this.#apply("unreachable");
      case "path-changed":
        this.#reset();
        return this.#start("restart", input.former);
      case "carrier-changed":
        this.#reset();
        return this.#apply("restart");
      case "interface":
        return this.#limit(input.octets);
      case "reported":
        return this.#reported(input.octets);
      case "report-ended":
        this.#reportedOctets = undefined;
        this.#sizes.suggest(undefined);
        return this.#apply("report-ended");
      case "acknowledged":
        return this.#acknowledged(input.roundTripMs);
      case "lost":
        return this.#lost();
      case "withdrawn":
        return this.#probed === undefined ? undefined : this.#probe(this.#probed, this.#losses);
      case "unanswered":
        this.#probed = undefined;
        return this.#apply(this.#isReportedAfterwards ? "unanswered-reported" : "unanswered");
      case "confirm":
        if (this.#probed !== undefined || this.#state !== "search-complete") return;
        return this.#apply("unconfirmed");
      case "data":
        this.#hasData = true;
        return;
      case "time":
        return this.#time();
    }
  }

  #apply(kind: keyof PathMtuEvents): void {
    const transition = transitionFor(pathMtuTable, this.#state, kind);
    this.#state = transition.to;
    performActions(this.#actions, transition, { kind });
  }

  /** What leaves nothing more to try is found as fast without it. */
  #start(kind: "reachable" | "restart", former: FormerOctets | undefined): void {
    this.#former = former !== undefined && former.octets < this.#sizes.most ? former : undefined;
    if (this.#former === undefined) this.#know(undefined);
    this.#apply(this.#former === undefined ? kind : "remembered");
  }

  get #baseOctets(): number {
    return Math.min(pathMtuConstants.baseOctets[this.#family], this.#sizes.most);
  }

  #limit(octets: number): void {
    const before = this.#sizes.most;
    this.#sizes.limit(octets);
    if (octets > before) return this.#apply("more");
    if (octets >= Math.max(this.#sizes.taken, this.#probed ?? 0)) return;
    this.#forget();
    this.#apply("restart");
  }

  #reported(octets: number): void {
    this.#reportedOctets = octets;
    // What takes what was found is of no use (RFC 8899 §4.6.1).
    if (octets >= this.#sizes.most) return;
    if (this.#state === "search-complete" && octets >= this.#sizes.taken) return;
    // What is below the minimum is forged; but it may hide another report from the kernel, which is not.
    if (octets >= pathMtuConstants.leastOctets[this.#family]) this.#sizes.suggest(octets);
    if (this.#state !== "search-complete") return this.#apply("reported");
    if (this.#probed !== undefined) return;
    const dueMs = this.#confirmedMs + pathMtuConstants.doubtMs;
    if (this.#nowMs >= dueMs) return this.#apply("reported");
    this.#confirmMs = dueMs;
    this.#hasData = true;
  }

  /** Whether a search has ended, and the kernel has a report of less than it found. */
  get #isReportedAfterwards(): boolean {
    const found = this.#sizes.taken;
    return this.#state === "search-complete" && (this.#reportedOctets ?? found) < found;
  }

  #confirm(): void {
    this.#confirmedMs = this.#nowMs;
    this.#probe(this.#sizes.taken);
  }

  #acknowledged(roundTripMs: number): void {
    if (this.#probed === undefined) return;
    this.#roundTripMs = roundTripMs;
    this.#disbelieved = undefined;
    if (this.#losses > 0 || this.#probed === this.#fellFrom) this.#isLossy = true;
    this.#sizes.take(this.#probed);
    this.#probed = undefined;
    this.#apply(this.#sizes.next() === undefined ? "acknowledged-last" : "acknowledged");
    if (this.#former === undefined) return;
    // The search before may not have come to its end.
    this.#former = undefined;
    this.#apply("again");
  }

  #lost(): void {
    const octets = this.#probed;
    if (octets === undefined) return;
    const losses = this.#losses + 1;
    if (losses < this.#enoughLosses) return this.#probe(octets, losses);
    this.#probed = undefined;
    if (octets > this.#sizes.taken) this.#refuse(octets);
    this.#apply(this.#sizes.next() === undefined ? "refused-last" : "refused");
  }

  #refuse(octets: number): void {
    this.#sizes.refuse(octets);
    const { taken } = this.#sizes;
    if (taken > 0 && octets <= (this.#known ?? 0)) this.#know(taken);
  }

  /** So many probes lost in a row prove that their size does not pass; fewer do if a router says so, too. */
  get #enoughLosses(): number {
    const { probes, probesOnLoss } = pathMtuConstants;
    if (this.#isLossy) return this.#isReportedAfterwards ? probes : probesOnLoss;
    return this.#isReportedAfterwards ? 1 : probes;
  }

  #time(): void {
    if (this.#probed !== undefined) return;
    if (this.#againMs !== undefined && this.#nowMs >= this.#againMs) return this.#apply("again");
    const isDue = this.#confirmMs !== undefined && this.#nowMs >= this.#confirmMs;
    if (isDue && this.#hasData) this.#apply("unconfirmed");
  }

  /** Asks for a probe; `losses`: how many of this size were lost already. */
  #probe(octets: number, losses = 0): void {
    this.#probed = octets;
    this.#losses = losses;
    this.#againMs = undefined;
    this.#confirmMs = undefined;
    const { probeMs, leastProbeMs } = pathMtuConstants;
    const measuredMs = this.#roundTripMs === undefined ? probeMs : 3 * this.#roundTripMs;
    const waitMs = Math.min(probeMs, Math.max(leastProbeMs, Math.ceil(measuredMs)));
    this.#effects.push({ kind: "probe", octets, waitMs });
  }

  #probeNext(): void {
    this.#probe(this.#sizes.next() ?? this.#sizes.taken);
  }

  /** What was known before holds until probes say otherwise. */
  #resume(): void {
    const { octets = 0, measuredMs } = this.#former ?? {};
    this.#sizes.forget();
    this.#sizes.take(octets);
    this.#know(octets);
    this.#measuredMs = measuredMs;
    this.#probe(octets);
  }

  #begin(): void {
    this.#former = undefined;
    this.#sizes.forget();
    this.#probe(this.#baseOctets);
  }

  #take(): void {
    this.#errorPauseMs = pathMtuConstants.errorMs;
    // A first search tells nothing before its end: so long a guess by the interface's MTU does no harm.
    if (this.#known !== undefined) this.#know(Math.max(this.#known, this.#sizes.taken));
  }

  #settle(): void {
    this.#know(this.#sizes.taken);
    this.#pause();
  }

  /** Until what is known is confirmed, or more is tried. */
  #pause(): void {
    this.#againMs = this.#nowMs + pathMtuConstants.raiseMs;
    const { confirmMs, doubtMs } = pathMtuConstants;
    this.#confirmMs = this.#nowMs + (this.#isReportedAfterwards ? doubtMs : confirmMs);
    this.#hasData = false;
  }

  /** What passed passes no more: back to BASE at once (RFC 8899 §4.3). */
  #fall(): void {
    this.#fellFrom = this.#known;
    this.#know(Math.min(this.#sizes.taken, this.#baseOctets));
    this.#begin();
  }

  #raise(): void {
    this.#isLossy = false;
    this.#fellFrom = undefined;
    this.#sizes.forgetRefused();
    if (this.#probed === undefined) this.#probeNext();
  }

  /** What is known holds: it is less than, or as much as, would be assumed without it. */
  #giveUp(): void {
    const { taken, isMoreRefused } = this.#sizes;
    if (this.#known === undefined && isMoreRefused) this.#know(taken);
    this.#reconsider();
    this.#againMs = this.#nowMs + this.#errorPauseMs;
    this.#errorPauseMs = Math.min(2 * this.#errorPauseMs, pathMtuConstants.raiseMs);
  }

  /** Where nothing is answered, a router that says less is believed as long as the kernel knows it. */
  #reconsider(): void {
    const found = this.#disbelieved;
    if (found !== undefined) this.#know((this.#reportedOctets ?? found) < found ? undefined : found);
  }

  #forget(): void {
    this.#reset();
    this.#know(undefined);
  }

  #reset(): void {
    this.#former = undefined;
    this.#disbelieved = undefined;
    this.#sizes.forget();
    this.#probed = undefined;
    this.#againMs = undefined;
    this.#confirmMs = undefined;
    this.#roundTripMs = undefined;
    this.#isLossy = false;
    this.#fellFrom = undefined;
  }

  #know(octets: number | undefined): void {
    this.#measuredMs = this.#nowMs;
    if (octets === this.#known) return;
    this.#known = octets;
    this.#effects.push({ kind: "changed", octets });
  }
}
