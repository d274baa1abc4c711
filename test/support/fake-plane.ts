import { zeroCounters } from "../../src/forwarding/counters-table.ts";
import type { DiscardReason } from "../../src/forwarding/discard-reasons.ts";
import type { FrameRecordings } from "../../src/forwarding/frame-source.ts";
import type {
  AttachmentCircuit,
  CircuitDevice,
  GsoHandling,
  LastPlane,
  OpenedCircuit,
  PlaneCounters,
  PlaneName,
  SessionCounters,
} from "../../src/forwarding/plane.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";

/**
 * A plane that forwards nothing: it writes down what it is asked, and has the obstacles and faults that it is
 * given.
 */
export class FakePlane implements LastPlane {
  readonly name: PlaneName;
  readonly counts: ReadonlySet<DiscardReason> = new Set();
  /** What was asked, such as "add 7". */
  readonly calls: string[] = [];
  /** Obstacles, by local session ids. */
  readonly obstacles = new Map<number, string>();
  /** What the next call of that name throws. */
  readonly faults = new Map<string, unknown>();
  readonly frames = new Map<number, number>();
  /** The attachments that sessions were added or updated with. */
  readonly attachments: AttachmentCircuit[] = [];
  readonly recordings: FrameRecordings = {
    open: async ({ pseudowire }) => {
      this.calls.push(`record ${pseudowire}`);
      return {
        received: 0,
        dropped: 0,
        peek: () => undefined,
        skip: () => undefined,
        setScope: async ({ fromCircuit, toCircuit }) =>
          void this.calls.push(`scope ${fromCircuit} ${toCircuit}`),
        close: async () => void this.calls.push(`stop recording ${pseudowire}`),
      };
    },
  };
  gso: GsoHandling | undefined;
  changed: () => void = () => undefined;

  constructor(name: PlaneName) {
    this.name = name;
  }

  /** What was asked since the last call. */
  take(): readonly string[] {
    return this.calls.splice(0);
  }

  async openCircuit(device: CircuitDevice): Promise<OpenedCircuit> {
    this.#did("open", device.proxyInterfaces === undefined ? device.name : `proxy of ${device.name}`);
    const proxyInterfaces = { transmit: "proxy", receive: "proxy" };
    return { interfaceIndex: 5, below: { ...device, proxyInterfaces } };
  }

  async resizeCircuit({ name }: CircuitDevice): Promise<void> {
    this.#did("resize", name);
  }

  async closeCircuit(name: string): Promise<void> {
    this.#did("close", name);
  }

  async obstacle({ localSessionId }: SessionParameters): Promise<string | undefined> {
    this.#fail("obstacle");
    return this.obstacles.get(localSessionId);
  }

  async addSession({ localSessionId }: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    const { active = true } = attachment;
    this.attachments.push(attachment);
    this.#did("add", `${localSessionId}${active ? "" : ", circuit down"}`);
    this.frames.set(localSessionId, 0);
  }

  async updateSession(
    { localSessionId, path }: SessionParameters,
    attachment: AttachmentCircuit,
  ): Promise<void> {
    const { active = true } = attachment;
    this.attachments.push(attachment);
    this.#did("update", `${localSessionId} to ${path.remoteAddress}${active ? "" : ", circuit down"}`);
  }

  async passSession({ localSessionId }: SessionParameters): Promise<void> {
    this.#did("pass", localSessionId);
  }

  async removeSession(localSessionId: number): Promise<void> {
    this.#did("remove", localSessionId);
    this.frames.delete(localSessionId);
  }

  async bindCircuit({ device }: AttachmentCircuit, localSessionId: number): Promise<void> {
    this.#did("bind", `${device} to ${localSessionId}`);
  }

  sendChannel(localSessionId: number, channelType: number): void {
    this.#did("send", `${channelType} to ${localSessionId}`);
  }

  async outdated(): Promise<readonly number[]> {
    this.#fail("outdated");
    return [...new Set([...this.frames.keys(), ...this.obstacles.keys()])];
  }

  watch(changed: () => void): void {
    this.changed = changed;
  }

  gsoHandling(): GsoHandling | undefined {
    return this.gso;
  }

  counters(): PlaneCounters {
    const sessions = [...this.frames].map(([localSessionId, transmittedFrames]) => ({
      ...zeroCounters,
      localSessionId,
      transmittedFrames,
      discards: {},
    }));
    return { sessions, discards: { truncated: 1 } };
  }

  sessionCounters(localSessionId: number): SessionCounters | undefined {
    return this.counters().sessions.find((session) => session.localSessionId === localSessionId);
  }

  async removeLeftovers(): Promise<void> {
    this.#did("leftovers");
  }

  async close(): Promise<void> {
    this.#did("close plane");
  }

  #did(name: string, of: string | number = ""): void {
    this.calls.push(`${name} ${of}`.trim());
    this.#fail(name);
  }

  #fail(name: string): void {
    const fault = this.faults.get(name);
    this.faults.delete(name);
    if (fault !== undefined) throw fault;
  }
}
