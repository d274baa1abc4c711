import { OperationalError } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import type { PlaneStack } from "../forwarding/stack.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { NoSuchNameError } from "./api-errors.ts";
import type { CaptureRequest } from "./capture-request.ts";
import type { CaptureService, RunningCapture } from "./capture-service.ts";
import { type CaptureContext, type CaptureSubject, PseudowireCapture } from "./pseudowire-capture.ts";
import type { PseudowireIndex } from "./pseudowire-index.ts";
import { type EndsInUse, endsInFile, isUnspecified, pathOf } from "./settings.ts";

/** Captures at once: each has some megabytes of memory. */
export const MOST_CAPTURES = 4;

/** What captures are of, as it is now. */
export interface CapturesSources {
  readonly config: Config;
  readonly plane: Pick<PlaneStack, "captureFrames" | "sessionsOf">;
  readonly tunnels: { ends(tunnel: string): EndsInUse | undefined };
}

/** The captures that clients have running. */
export class Captures implements CaptureService {
  readonly #sources: () => CapturesSources;
  readonly #context: CaptureContext;
  readonly #pseudowires: PseudowireIndex;
  readonly #open = new Map<number, PseudowireCapture>();
  /** Also those that are just being opened. */
  #count = 0;
  #nextId = 1;
  #isClosed = false;

  constructor(pseudowires: PseudowireIndex, sources: () => CapturesSources) {
    this.#sources = sources;
    this.#pseudowires = pseudowires;
    this.#context = {
      subjectOf: (pseudowire) => this.#subjectOf(pseudowire),
      captureFrames: (wanted) => sources().plane.captureFrames(wanted),
    };
  }

  async open(request: CaptureRequest): Promise<PseudowireCapture> {
    const { pseudowire } = request;
    if (this.#pseudowires.find(pseudowire) === undefined)
      throw new NoSuchNameError("pseudowire", pseudowire, this.#pseudowires.pseudowires);
    if (this.#isClosed) throw new OperationalError("the daemon is stopping");
    if (this.#count >= MOST_CAPTURES)
      throw new OperationalError(`there are ${MOST_CAPTURES} captures already; end one of them first`);
    this.#count += 1;
    try {
      const capture = await PseudowireCapture.open(this.#nextId++, request, this.#context);
      this.#open.set(capture.id, capture);
      return capture;
    } catch (error) {
      this.#count -= 1;
      throw error;
    }
  }

  release({ id }: RunningCapture): void {
    if (this.#open.delete(id)) this.#count -= 1;
  }

  stop(id: number): boolean {
    const capture = this.#open.get(id);
    capture?.end("it was stopped", true);
    return capture !== undefined;
  }

  /** Has all captures end; the planes may be closed once that resolves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const capture of this.#open.values()) capture.end("the daemon ended");
    await Promise.all([...this.#open.values()].map((capture) => capture.closed));
  }

  #subjectOf(pseudowire: string): CaptureSubject | undefined {
    const found = this.#pseudowires.find(pseudowire);
    if (found === undefined) return undefined;
    const { config, tunnel } = found;
    const sessions = this.#sources().plane.sessionsOf(pseudowire);
    return { config, tunnel, sessions, path: sessions.at(-1)?.path ?? this.#pathOf(tunnel) };
  }

  /** The path of a tunnel without a session, as far as it is known. */
  #pathOf(name: string): PsnPath | undefined {
    const tunnel = this.#sources().config.tunnels.find((each) => each.name === name);
    const ends = this.#sources().tunnels.ends(name) ?? (tunnel && endsInFile(tunnel));
    if (tunnel === undefined || ends === undefined || isUnspecified(ends.remoteAddress)) return undefined;
    return pathOf(tunnel, ends);
  }
}
