import { operationalMessage } from "../bytes/errors.ts";
import { SerialQueue } from "../bytes/serial-queue.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import { FrameCapture } from "./frame-capture.ts";
import type { FramesWanted } from "./frame-source.ts";
import type {
  AttachmentCircuit,
  CircuitDevice,
  DataPlane,
  ForwardedBy,
  LastPlane,
  PlaneCounters,
  PlaneEvents,
  PlaneName,
  SessionCounters,
} from "./plane.ts";
import { sumCounters, sumDiscards } from "./sum-counters.ts";

/** A session of the stack. */
interface StackedSession {
  session: SessionParameters;
  attachment: AttachmentCircuit;
  /** The plane that forwards it; undefined until one was chosen. */
  plane: DataPlane | undefined;
  /** Why no plane above that one forwards it. */
  reasons: readonly string[];
  /** Whether one of them is that a call of the kernel failed. */
  isFailure: boolean;
  /** Planes above the last one that have it, whether they forward it or leave it to those below. */
  readonly knownTo: Set<DataPlane>;
}

/** Why a plane does not forward a session, and whether that is because a call of the kernel failed. */
interface Refusal {
  readonly reason: string;
  readonly isFailure: boolean;
}

/**
 * The planes in use, the fastest first. A session is forwarded by the first plane that has no obstacle to it,
 * and moves when obstacles come or go. The last plane has no obstacles, and has every session, so that the
 * planes above can leave single frames to it (exception-path.ts), and a session that moves keeps its
 * counters. Every method that calls the kernel rejects with an OperationalError, and then nothing has
 * changed.
 */
export class PlaneStack {
  readonly #upper: readonly DataPlane[];
  readonly #last: LastPlane;
  readonly #events: PlaneEvents;
  readonly #sessions = new Map<number, StackedSession>();
  /** Why planes cannot use a device, by its name. */
  readonly #deviceObstacles = new Map<string, Map<DataPlane, string>>();
  readonly #queue = new SerialQueue();

  /** Takes the planes over: `close` closes them. */
  constructor(upper: readonly DataPlane[], last: LastPlane, events: PlaneEvents) {
    this.#upper = upper;
    this.#last = last;
    this.#events = events;
    for (const plane of upper) plane.watch(() => this.#followObstacles(plane));
  }

  get name(): DataPlane["name"] {
    return (this.#upper[0] ?? this.#last).name;
  }

  /** The discard reasons that its planes can count. */
  get counts(): ReadonlySet<DiscardReason> {
    return new Set(this.#planes.flatMap(({ counts }) => [...counts]));
  }

  /** Binds an interface, or creates a TAP device (unconfigured). Resolves to the index of the interface. */
  openCircuit(device: CircuitDevice): Promise<number> {
    return this.#queue.run(async () => {
      const obstacles = new Map<DataPlane, string>();
      this.#deviceObstacles.set(device.name, obstacles);
      let below = device;
      const opened: DataPlane[] = [];
      for (const plane of this.#upper) {
        try {
          below = (await plane.openCircuit(below)).below;
          opened.push(plane);
        } catch (error) {
          obstacles.set(plane, operationalMessage(error));
        }
      }
      try {
        return (await this.#last.openCircuit(below)).interfaceIndex;
      } catch (error) {
        if (opened.length === 0) throw error;
        for (const plane of opened) {
          obstacles.set(plane, operationalMessage(error));
          await plane.closeCircuit(device.name);
        }
        return (await this.#last.openCircuit(device)).interfaceIndex;
      }
    });
  }

  /** Gives a TAP device that is open another MTU; all else about it stays. */
  resizeCircuit(device: CircuitDevice): Promise<void> {
    return this.#queue.run(async () => {
      for (const plane of this.#planes) await plane.resizeCircuit(device);
    });
  }

  closeCircuit(deviceName: string): Promise<void> {
    return this.#queue.run(async () => {
      for (const [localSessionId, { attachment }] of [...this.#sessions])
        if (attachment.device === deviceName) await this.#remove(localSessionId);
      // The last plane reads from interfaces that those above made.
      for (const plane of [this.#last, ...this.#upper]) await plane.closeCircuit(deviceName);
      this.#deviceObstacles.delete(deviceName);
    });
  }

  /**
   * The session forwards what the peer sends; frames of the circuit are its own from `bindCircuit` on. One
   * that was removed and is added again, by its local id, counts from zero and goes on with its sequence
   * numbers.
   */
  addSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    const { localSessionId } = session;
    // The last plane keeps the order by itself, so that many sessions may be sent to its thread at once.
    const added = this.#last.addSession(session, attachment);
    // A rejection reaches the caller once it is awaited, in its turn.
    added.catch(() => undefined);
    return this.#queue.run(async () => {
      await added;
      const stacked: StackedSession = {
        session,
        attachment,
        plane: undefined,
        reasons: [],
        isFailure: false,
        knownTo: this.#sessions.get(localSessionId)?.knownTo ?? new Set(),
      };
      this.#sessions.set(localSessionId, stacked);
      await this.#choosePlane(stacked);
    });
  }

  /**
   * Changes what may change while frames flow: the path to the peer, what may be sent and received, and of
   * the attachment `dscp`, `sequenceRule` and `active`. Sequence numbers and counters stay.
   */
  updateSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    return this.#queue.run(async () => {
      const stacked = this.#sessions.get(session.localSessionId);
      if (stacked === undefined) return;
      await this.#last.updateSession(session, attachment);
      stacked.session = session;
      stacked.attachment = attachment;
      await this.#choosePlane(stacked);
    });
  }

  removeSession(localSessionId: number): Promise<void> {
    return this.#queue.run(() => this.#remove(localSessionId));
  }

  /**
   * Makes frames of a circuit this session's, and so no longer another's. `attachment` is the session's own.
   * Frames of a circuit that no session is bound to are discarded as `no-pseudowire`.
   */
  bindCircuit(attachment: AttachmentCircuit, localSessionId: number): Promise<void> {
    return this.#queue.run(async () => {
      if (!this.#sessions.has(localSessionId)) return;
      for (const plane of [this.#last, ...this.#upper]) await plane.bindCircuit(attachment, localSessionId);
    });
  }

  /**
   * Sends a message on a session's control channel, whatever may be sent of frames (RFC 5085 §6). Where the
   * session negotiated none, or is not there, nothing is sent; what the kernel refuses is counted.
   */
  sendChannel(localSessionId: number, channelType: number, payload: Uint8Array): void {
    this.#last.sendChannel(localSessionId, channelType, payload);
  }

  counters(): PlaneCounters {
    const sessions = new Map<number, SessionCounters>();
    let discards: PlaneCounters["discards"] = {};
    for (const plane of [this.#last, ...this.#upper]) {
      const counted = plane.counters();
      discards = sumDiscards(discards, counted.discards);
      for (const session of counted.sessions) {
        const before = sessions.get(session.localSessionId);
        sessions.set(session.localSessionId, before === undefined ? session : sumCounters(before, session));
      }
    }
    return { sessions: [...sessions.values()], discards };
  }

  /** The counters of one session, without those of the others; undefined for one that is not there. */
  sessionCounters(localSessionId: number): SessionCounters | undefined {
    return this.#planes
      .flatMap((plane) => plane.sessionCounters(localSessionId) ?? [])
      .reduce<SessionCounters | undefined>(
        (sum, each) => (sum === undefined ? each : sumCounters(sum, each)),
        undefined,
      );
  }

  /** The sessions of a pseudowire that it has, in the order in which they were added. */
  sessionsOf(pseudowire: string): readonly SessionParameters[] {
    const found: SessionParameters[] = [];
    for (const { session } of this.#sessions.values())
      if (session.pseudowire === pseudowire) found.push(session);
    return found;
  }

  /** The name of the plane that forwards a session, without the reasons. */
  planeOf(localSessionId: number): PlaneName {
    return this.#sessions.get(localSessionId)?.plane?.name ?? this.#last.name;
  }

  /** Which plane forwards a session; of one that is not there, which would at best. */
  forwardedBy(localSessionId: number): ForwardedBy {
    const { plane, reasons = [], isFailure = false } = this.#sessions.get(localSessionId) ?? {};
    if (plane === undefined) {
      const isAlone = this.#upper.length === 0;
      return { plane: this.#last.name, ...(isAlone ? {} : { reason: "programs are being put in place" }) };
    }
    const gso = plane.gsoHandling(localSessionId);
    return {
      plane: plane.name,
      ...(gso === undefined ? {} : { gso }),
      ...(reasons.length === 0 ? {} : { reason: reasons.join("; ") }),
      ...(isFailure ? { isFailure } : {}),
    };
  }

  /**
   * Removes what a former daemon left and nobody adopted; called once all that the configuration names was
   * added.
   */
  removeLeftovers(): Promise<void> {
    return this.#queue.run(async () => {
      for (const plane of this.#planes) await plane.removeLeftovers();
    });
  }

  /**
   * Copies the frames of a pseudowire to a capture until that is closed, whatever becomes of its sessions.
   * Rejects with OperationalError.
   */
  captureFrames(wanted: FramesWanted): Promise<FrameCapture> {
    const placeOf = (device: string) =>
      this.#upper.map((plane) => plane.mirrorPlace?.(device)).find((place) => place !== undefined);
    return FrameCapture.open(wanted, this.#last.recordings, placeOf);
  }

  close(): Promise<void> {
    return this.#queue.run(async () => {
      this.#sessions.clear();
      // Those below may work in memory that those above made.
      for (const plane of [this.#last, ...this.#upper.toReversed()]) await plane.close();
    });
  }

  get #planes(): readonly DataPlane[] {
    return [...this.#upper, this.#last];
  }

  async #remove(localSessionId: number): Promise<void> {
    if (!this.#sessions.delete(localSessionId)) return;
    for (const plane of this.#planes) await plane.removeSession(localSessionId);
  }

  /** Has the first plane without an obstacle forward a session. */
  async #choosePlane(stacked: StackedSession): Promise<void> {
    const reasons: string[] = [];
    let isFailure = false;
    let chosen: DataPlane = this.#last;
    for (const plane of this.#upper) {
      if (chosen !== this.#last) {
        await plane.removeSession(stacked.session.localSessionId);
        stacked.knownTo.delete(plane);
        continue;
      }
      const refusal = await this.#offer(plane, stacked);
      if (refusal === undefined) chosen = plane;
      else reasons.push(refusal.reason);
      isFailure ||= refusal?.isFailure === true;
    }
    stacked.plane = chosen;
    stacked.reasons = reasons;
    stacked.isFailure = isFailure;
  }

  /**
   * Has a plane forward a session; where it cannot, has it leave the session to those below, and resolves to
   * the reason.
   */
  async #offer(plane: DataPlane, stacked: StackedSession): Promise<Refusal | undefined> {
    const { session, attachment, knownTo } = stacked;
    const ofDevice = this.#deviceObstacles.get(attachment.device)?.get(plane);
    if (ofDevice !== undefined) return { reason: ofDevice, isFailure: false };
    let reason: string | undefined;
    let isFailure = false;
    try {
      reason = await plane.obstacle(session, attachment);
      if (reason === undefined && knownTo.has(plane)) await plane.updateSession(session, attachment);
      else if (reason === undefined) await plane.addSession(session, attachment);
    } catch (error) {
      reason = operationalMessage(error);
      isFailure = true;
    }
    if (reason !== undefined) await plane.passSession(session, attachment);
    knownTo.add(plane);
    return reason === undefined ? undefined : { reason, isFailure };
  }

  /** Chooses a plane again for the sessions whose obstacles may have come or gone. */
  #followObstacles(plane: DataPlane): void {
    const chosen = this.#queue.run(async () => {
      for (const localSessionId of await plane.outdated()) {
        const stacked = this.#sessions.get(localSessionId);
        if (stacked !== undefined)
          await this.#choosePlane(stacked).catch((error) => this.#stay(stacked, error));
      }
    });
    chosen.catch((error: unknown) => {
      this.#events.failed(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** A session that could not even be left to the planes below: whoever forwarded it does so still. */
  #stay(stacked: StackedSession, error: unknown): void {
    stacked.reasons = [operationalMessage(error)];
    stacked.isFailure = true;
  }
}
