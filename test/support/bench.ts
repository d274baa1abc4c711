import type { Effect, Input, ReportedEvent } from "../../src/control/effects.ts";
import { Lcce } from "../../src/control/lcce.ts";
import type { PeerSettings, PseudowireSettings } from "../../src/control/settings.ts";
import type { PsnPath, SessionParameters } from "../../src/wire/session-parameters.ts";
import { pathBetween, peerSettings, pseudowireSettings } from "../simulation/world.ts";
import { SeededRandom } from "./seeded-random.ts";

export interface Transmission {
  readonly atMs: number;
  readonly path: PsnPath;
  readonly octets: Uint8Array;
}

/** Where the peer is, seen from the LCCE on the bench. */
export const peerPath = pathBetween("192.0.2.1", "192.0.2.2");

/** One LCCE under a fake clock; what it asks of the world is kept for a test to look at. */
export class Bench {
  readonly lcce: Lcce;
  readonly settings: PeerSettings;
  nowMs = 0;
  /** Not yet taken by a scripted peer. */
  transmissions: Transmission[] = [];
  readonly events: ReportedEvent[] = [];
  /** What the plane was told, in order. */
  readonly plane: Effect[] = [];

  constructor(changes: Partial<PeerSettings> = {}, seed = 1) {
    this.lcce = new Lcce(
      { hostName: "wirespan", routerId: 0xc0000201, vendorName: "Wirespan" },
      new SeededRandom(seed),
    );
    this.settings = peerSettings("peer", changes.path ?? peerPath, changes);
  }

  /** Makes the LCCE want a connection with the peer, and these pseudowires over it. */
  open(...pseudowires: readonly PseudowireSettings[]): void {
    this.input({ kind: "open-connection", peer: this.settings });
    for (const pseudowire of pseudowires) this.openSession(pseudowire);
  }

  openSession(pseudowire: PseudowireSettings, circuitActive = true): void {
    this.input({ kind: "open-session", peer: "peer", pseudowire, circuitActive });
  }

  input(input: Input): void {
    this.#perform(this.lcce.handle(input, this.nowMs));
  }

  /** Lets time pass, each deadline at its moment. */
  advance(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (let due = this.lcce.deadlineMs; due !== undefined && due <= endMs; due = this.lcce.deadlineMs) {
      this.nowMs = Math.max(this.nowMs, due);
      this.#perform(this.lcce.expire(this.nowMs));
    }
    this.nowMs = endMs;
  }

  get connectionState(): string | undefined {
    return this.lcce.snapshot().connections[0]?.state;
  }

  get connectionWhyNot(): string | undefined {
    return this.lcce.snapshot().connections[0]?.whyNot;
  }

  get sessionState(): string | undefined {
    return this.lcce.snapshot().pseudowires[0]?.state;
  }

  get sessionWhyNot(): string | undefined {
    return this.lcce.snapshot().pseudowires[0]?.whyNot;
  }

  get discards(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.lcce.snapshot().discards).filter(([, count]) => count > 0));
  }

  /** Sessions the plane forwards at the moment. */
  get forwarded(): readonly SessionParameters[] {
    const sessions = new Map<number, SessionParameters>();
    for (const effect of this.plane) {
      if (effect.kind === "forwarding-remove") sessions.delete(effect.localSessionId);
      else if (effect.kind === "forwarding-add" || effect.kind === "forwarding-update")
        sessions.set(effect.session.localSessionId, effect.session);
    }
    return [...sessions.values()];
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "transmit") this.transmissions.push({ atMs: this.nowMs, ...effect });
      else if (effect.kind === "report") this.events.push(effect.event);
      else this.plane.push(effect);
    }
  }
}

export const lan = pseudowireSettings("lan");
