import { counterTable } from "../forwarding/counters-table.ts";
import { NoSuchNameError } from "./api-errors.ts";
import { retainNames } from "./configured-names.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "./status.ts";

/** A number for each reason. */
type Counts = Readonly<Record<string, number>>;

/** What counted how much when it was cleared, and when that was, by the daemon's uptime. */
interface Cleared<Counted> {
  readonly atMs: number;
  readonly counted: Counted;
}

/** What is counted of a report beside its tunnels and pseudowires. */
type Outside = Pick<StatusReport, "discards" | "control">;

/**
 * Counters that were cleared: what they were then is kept and taken off reports. What counts is not touched,
 * so that metrics never go back. A pseudowire's go with its session, whose successor counts from 0.
 */
export class ClearedCounters {
  readonly #tunnels = new Map<string, Cleared<ControlConnectionStatus>>();
  readonly #pseudowires = new Map<string, Cleared<PseudowireStatus>>();
  #outside: Cleared<Outside> | undefined;

  /**
   * Counters of a report begin at 0 now: all, or those of the tunnel with its pseudowires, or of the
   * pseudowire of that name. `report` is as things count. Throws NoSuchNameError.
   */
  clear(report: StatusReport, name?: string): void {
    const { uptimeMs: atMs, controlConnections, pseudowires } = report;
    const tunnels = controlConnections.filter((one) => name === undefined || one.tunnel === name);
    const own = pseudowires.filter((one) => name === undefined || one.name === name || one.tunnel === name);
    if (name !== undefined && tunnels.length + own.length === 0) {
      const names = [...controlConnections.map((one) => one.tunnel), ...pseudowires.map((one) => one.name)];
      throw new NoSuchNameError("tunnel or pseudowire", name, names);
    }
    retainNames(this.#tunnels, new Set(controlConnections.map((one) => one.tunnel)));
    retainNames(this.#pseudowires, new Set(pseudowires.map((one) => one.name)));
    for (const one of tunnels) this.#tunnels.set(one.tunnel, { atMs, counted: one });
    for (const one of own) this.#pseudowires.set(one.name, { atMs, counted: one });
    if (name === undefined) this.#outside = { atMs, counted: report };
  }

  /** A report with what was counted since, and how long ago that was cleared. */
  applied(report: StatusReport): StatusReport {
    const { uptimeMs } = report;
    const outside = this.#outside;
    return {
      ...report,
      controlConnections: report.controlConnections.map((one) => this.#tunnel(one, uptimeMs)),
      pseudowires: report.pseudowires.map((one) => this.#pseudowire(one, uptimeMs)),
      ...(outside === undefined
        ? {}
        : {
            discards: since(report.discards, outside.counted.discards),
            control: since(report.control, outside.counted.control),
            clearedAgoMs: uptimeMs - outside.atMs,
          }),
    };
  }

  #tunnel(now: ControlConnectionStatus, uptimeMs: number): ControlConnectionStatus {
    const cleared = this.#tunnels.get(now.tunnel);
    if (cleared === undefined) return now;
    const { sent, received, retransmitted, localControlConnectionId } = cleared.counted;
    const clearedAgoMs = uptimeMs - cleared.atMs;
    // Another connection counts from 0.
    if (now.localControlConnectionId !== localControlConnectionId) return { ...now, clearedAgoMs };
    return {
      ...now,
      sent: now.sent - sent,
      received: now.received - received,
      retransmitted: now.retransmitted - retransmitted,
      clearedAgoMs,
    };
  }

  #pseudowire(now: PseudowireStatus, uptimeMs: number): PseudowireStatus {
    const cleared = this.#pseudowires.get(now.name);
    if (cleared === undefined) return now;
    const { counted: then } = cleared;
    const clearedAgoMs = uptimeMs - cleared.atMs;
    if (now.localSessionId !== then.localSessionId || hasGoneBack(then, now)) {
      // Its session is another, or began anew: all that it counts came later.
      this.#pseudowires.set(now.name, { atMs: cleared.atMs, counted: { ...then, localSessionId: -1 } });
      return { ...now, clearedAgoMs };
    }
    const counters = Object.fromEntries(counterTable.map(({ name }) => [name, now[name] - then[name]]));
    return { ...now, ...counters, discards: since(now.discards, then.discards), clearedAgoMs };
  }
}

function hasGoneBack(then: PseudowireStatus, now: PseudowireStatus): boolean {
  return (
    counterTable.some(({ name }) => now[name] < then[name]) ||
    Object.entries(then.discards).some(([reason, count]) => (now.discards[reason] ?? 0) < count)
  );
}

/** What was counted since, without what was not counted. */
function since(now: Counts, then: Counts): Counts {
  return Object.fromEntries(
    Object.entries(now).flatMap(([reason, count]) => {
      const more = count - (then[reason] ?? 0);
      return more > 0 ? [[reason, more] as const] : [];
    }),
  );
}
