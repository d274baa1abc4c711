import type {
  FrameRecording,
  FrameRecordings,
  FrameSource,
  FramesWanted,
  MirrorPlace,
  RecordingScope,
} from "./frame-source.ts";

/** A mirror that is open. */
interface OpenMirror {
  readonly interfaceIndex: number;
  readonly source: FrameSource & Disposable;
}

const everything: RecordingScope = { fromCircuit: true, toCircuit: true };

/**
 * The frames of one pseudowire, whichever planes forward them: what the last plane forwards, it records;
 * where a plane above it has the circuit's device, a mirror sees the frames before they are shared out.
 */
export class FrameCapture {
  readonly #wanted: FramesWanted;
  readonly #recording: FrameRecording;
  readonly #placeOf: (device: string) => MirrorPlace | undefined;
  #scope = everything;
  #mirror: OpenMirror | undefined;
  /** What mirrors counted that are closed. */
  #formerReceived = 0;
  #formerDropped = 0;

  private constructor(
    wanted: FramesWanted,
    recording: FrameRecording,
    placeOf: (device: string) => MirrorPlace | undefined,
  ) {
    this.#wanted = wanted;
    this.#recording = recording;
    this.#placeOf = placeOf;
  }

  /** Nothing is copied from planes above the last before `follow`. */
  static async open(
    wanted: FramesWanted,
    recordings: FrameRecordings,
    placeOf: (device: string) => MirrorPlace | undefined,
  ): Promise<FrameCapture> {
    return new FrameCapture(wanted, await recordings.open(wanted, everything), placeOf);
  }

  get sources(): readonly FrameSource[] {
    return this.#mirror === undefined ? [this.#recording] : [this.#recording, this.#mirror.source];
  }

  get received(): number {
    return this.#formerReceived + this.sources.reduce((sum, { received }) => sum + received, 0);
  }

  get dropped(): number {
    return this.#formerDropped + this.sources.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /**
   * Follows the planes, after anything that may have changed. `isCarried` says whether the pseudowire has a
   * session: without one, frames of the circuit are not its own. Rejects with OperationalError.
   */
  async follow(isCarried: boolean): Promise<void> {
    const place = this.#placeOf(this.#wanted.circuit.device);
    const wanted = isCarried ? place?.interfaceIndex : undefined;
    if (wanted !== this.#mirror?.interfaceIndex) {
      this.#closeMirror();
      if (place !== undefined && wanted !== undefined)
        this.#mirror = { interfaceIndex: wanted, source: place.open(this.#wanted) };
    }
    const scope = place === undefined ? everything : { fromCircuit: false, toCircuit: !place.seesOthers };
    const isSame = scope.fromCircuit === this.#scope.fromCircuit && scope.toCircuit === this.#scope.toCircuit;
    if (isSame) return;
    this.#scope = scope;
    await this.#recording.setScope(scope);
  }

  async close(): Promise<void> {
    this.#closeMirror();
    await this.#recording.close();
  }

  #closeMirror(): void {
    const source = this.#mirror?.source;
    if (source === undefined) return;
    this.#formerReceived += source.received;
    this.#formerDropped += source.dropped;
    source[Symbol.dispose]();
    this.#mirror = undefined;
  }
}
