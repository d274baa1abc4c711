import type { MappedMemory } from "../environment.ts";

/**
 * The exception path: what eBPF programs leave to the userspace plane, a private matter of these two. Frames
 * that programs cannot forward reach the userspace plane by the proxy interfaces of a circuit
 * (`CircuitDevice.proxyInterfaces`), data messages by the transport's sockets. So the userspace plane has
 * every session, also those that eBPF forwards.
 */
export interface ExceptionPath {
  /**
   * Leaves the sequence numbers of a session to programs, with nothing unsent that was numbered. They come
   * back when its `heldByUserspace` word is set (`sequenceWords`).
   */
  releaseNumbers(localSessionId: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sequence numbers in memory that programs and the userspace plane share, so that a session changes planes
 * with them.
 */
export interface SharedSequences {
  readonly memory: MappedMemory;
  /**
   * The index of a session's `sequenceWords`, prepared to begin or to go on; undefined when there is no room.
   */
  allocate(localSessionId: number): number | undefined;
  release(localSessionId: number): void;
}
