import { FrameRingReader, newFrameRing } from "../frame-ring.ts";
import type { FrameRecording, FrameRecordings, FramesWanted, RecordingScope } from "../frame-source.ts";
import type { Command } from "./commands.ts";

type RecordingCommand = Command extends infer C
  ? C extends { readonly kind: "start-recording" | "stop-recording" }
    ? Omit<C, "id">
    : never
  : never;

/** The recordings that the worker makes, as the main thread has them. */
export class WorkerRecordings implements FrameRecordings {
  readonly #ask: (command: RecordingCommand) => Promise<void>;
  #nextId = 1;

  constructor(ask: (command: RecordingCommand) => Promise<void>) {
    this.#ask = ask;
  }

  async open(wanted: FramesWanted, scope: RecordingScope): Promise<FrameRecording> {
    const id = this.#nextId++;
    const ring = newFrameRing();
    const reader = new FrameRingReader(ring);
    const start = (next: RecordingScope) =>
      this.#ask({ kind: "start-recording", recording: { ...wanted, id, ring, scope: next } });
    await start(scope);
    return {
      get received() {
        return reader.received;
      },
      get dropped() {
        return reader.dropped;
      },
      peek: () => reader.peek(),
      skip: () => reader.skip(),
      setScope: start,
      close: () => this.#ask({ kind: "stop-recording", recordingId: id }),
    };
  }
}
