import type { MessagePort } from "node:worker_threads";
import type { MappedMemory } from "../../environment.ts";
import type { ChannelStatus, PsnPath, SessionParameters } from "../../wire/session-parameters.ts";
import type { ChannelMessage } from "../encapsulation.ts";
import type { FramesWanted, RecordingScope } from "../frame-source.ts";
import type { AttachmentCircuit } from "../plane.ts";
import type { PsnEndpoint } from "../transport.ts";

/** Commands of the main thread to the worker; each is answered by a "done" message with the same id. */
export type Command =
  | { readonly id: number; readonly kind: "open-endpoint"; readonly endpoint: WorkerEndpoint }
  | { readonly id: number; readonly kind: "close-endpoint"; readonly fd: number }
  | { readonly id: number; readonly kind: "open-circuit"; readonly circuit: WorkerDevice }
  | { readonly id: number; readonly kind: "close-circuit"; readonly name: string }
  | {
      readonly id: number;
      readonly kind: "add-session";
      readonly row: number;
      /**
       * Offset of its sequence numbers in `WorkerStart.sequences`, in words of 32 bits; undefined when there
       * is no room: then the worker keeps them in memory of its own.
       */
      readonly sequences: number | undefined;
      readonly fd: number;
      readonly session: SessionParameters;
      readonly attachment: AttachmentCircuit;
    }
  | {
      readonly id: number;
      readonly kind: "update-session";
      /** Descriptor of the endpoint at the local end of the session's path, which may be another one now. */
      readonly fd: number;
      readonly session: SessionParameters;
      readonly attachment: AttachmentCircuit;
    }
  | { readonly id: number; readonly kind: "release-numbers"; readonly localSessionId: number }
  | {
      readonly id: number;
      readonly kind: "send-channel";
      readonly localSessionId: number;
      readonly message: ChannelMessage;
    }
  | { readonly id: number; readonly kind: "start-recording"; readonly recording: WorkerRecording }
  | { readonly id: number; readonly kind: "stop-recording"; readonly recordingId: number }
  | { readonly id: number; readonly kind: "bind-circuit"; readonly localSessionId: number }
  | { readonly id: number; readonly kind: "remove-session"; readonly localSessionId: number };

/** A recording: which frames go into a ring (frame-ring.ts). */
export interface WorkerRecording extends FramesWanted {
  readonly id: number;
  readonly ring: SharedArrayBuffer;
  readonly scope: RecordingScope;
}

/** An open socket of the packet-switched network. */
export interface WorkerEndpoint {
  readonly fd: number;
  readonly encapsulation: "udp" | "ip";
  readonly isV6: boolean;
  readonly address: string;
  readonly port: number;
  /** Whether one send may carry several datagrams of equal length. */
  readonly takesSegments: boolean;
  /** Who fragments what is too long for the path (`PsnEndpoint`); default "outer". */
  readonly fragmentation?: PsnEndpoint["fragmentation"];
  /** Traffic class of the outer IP header of messages that set none: control messages. */
  readonly trafficClass: number;
}

/** A circuit device that is open, as the worker needs it. */
export interface WorkerDevice {
  /** Descriptor to which frames are sent. */
  readonly fd: number;
  /** Descriptor from which frames are read: the same one, unless proxy interfaces stand for the device. */
  readonly readFd: number;
  readonly kind: "tap" | "interface";
  readonly name: string;
  /** The interface to which frames are sent, whose MTU limits them: the device or its proxy interface. */
  readonly sendsBy: string;
}

/** A SystemError of a command, as a message between threads carries it. */
export interface CommandProblem {
  readonly operation: string;
  readonly errno: string;
  readonly target: string;
}

/** Messages of the worker to the main thread. */
export type WorkerMessage =
  | { readonly kind: "done"; readonly id: number; readonly problem?: CommandProblem }
  | { readonly kind: "ready" }
  | { readonly kind: "control"; readonly path: PsnPath; readonly octets: Uint8Array }
  | { readonly kind: "channel"; readonly localSessionId: number; readonly message: ChannelMessage }
  | { readonly kind: "echo-reply"; readonly localSessionId: number; readonly message: ChannelMessage }
  | { readonly kind: "channel-statuses"; readonly statuses: readonly SessionStatus[] }
  | { readonly kind: "elsewhere"; readonly hint: Hint };

/** What `PlaneEvents.elsewhere` tells. */
export interface Hint {
  readonly localSessionId: number;
  readonly path: PsnPath;
  readonly octets: number;
  readonly messages: number;
}

/** What protocols say of a session, by its local id. */
export type SessionStatus = readonly [localSessionId: number, status: ChannelStatus];

/** Data that the worker is started with. */
export interface WorkerStart {
  /** Counters of all sessions: Float64, CELLS_A_SESSION of them in each row. */
  readonly counters: SharedArrayBuffer;
  /** Int32 numbers at the indexes of `sharedFlags`. */
  readonly flags: SharedArrayBuffer;
  /** `sequenceWords` of all sessions; memory that programs share by its address. */
  readonly sequences: SharedArrayBuffer | MappedMemory;
  readonly eventFd: number;
  readonly commands: MessagePort;
  /** Whether the main thread takes messages of control channels that no protocol of the worker takes. */
  readonly takesUnknownChannel: boolean;
  /** Whether the main thread takes hints that peers have moved. */
  readonly takesHints: boolean;
}

/** TABLE: indexes of the numbers that both threads read and write in `WorkerStart.flags`. */
export const sharedFlags = {
  stop: 0,
  controlPosted: 1,
  controlHandled: 2,
  channelPosted: 3,
  channelHandled: 4,
  /** 1 while the main thread has not handled the last statuses: until then the next ones are collected. */
  statusesPosted: 5,
  hintsPosted: 6,
  hintsHandled: 7,
  cells: 8,
} as const;

/**
 * Control messages that may wait for the main thread; more are dropped, and their senders send them again.
 */
export const MOST_WAITING_CONTROL = 1024;

/** Messages of control channels of all sessions that may wait for the main thread; more are dropped. */
export const MOST_WAITING_CHANNEL = 1024;

/** Hints of all sessions that may wait for the main thread; more are not told. */
export const MOST_WAITING_HINTS = 256;

/** Sessions in one message of statuses. */
export const MOST_STATUSES = 1024;
