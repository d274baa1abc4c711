import type { MessagePort } from "node:worker_threads";
import type { MappedMemory } from "../../ports.ts";
import type { SessionParameters } from "../../wire/session-parameters.ts";
import type { ChannelMessage } from "../encapsulation.ts";
import type { CircuitAttachment } from "../plane.ts";

/** What the main thread asks of the worker; each is answered by an Answer with the same id. */
export type Command =
  | { readonly id: number; readonly kind: "open-endpoint"; readonly endpoint: WorkerEndpoint }
  | { readonly id: number; readonly kind: "close-endpoint"; readonly fd: number }
  | { readonly id: number; readonly kind: "open-circuit"; readonly circuit: WorkerCircuit }
  | { readonly id: number; readonly kind: "close-circuit"; readonly name: string }
  | {
      readonly id: number;
      readonly kind: "add-session";
      readonly row: number;
      /**
       * Where its numbers are in `WorkerStart.sequences`, in words; undefined: nowhere, for there is no room.
       */
      readonly sequences: number | undefined;
      readonly fd: number;
      readonly session: SessionParameters;
      readonly attachment: CircuitAttachment;
    }
  | {
      readonly id: number;
      readonly kind: "update-session";
      /** Descriptor of the endpoint at the local end of the session's path, which may be another one now. */
      readonly fd: number;
      readonly session: SessionParameters;
      readonly attachment: CircuitAttachment;
    }
  | { readonly id: number; readonly kind: "yield-numbers"; readonly localSessionId: number }
  | {
      readonly id: number;
      readonly kind: "send-channel";
      readonly localSessionId: number;
      readonly message: ChannelMessage;
    }
  | { readonly id: number; readonly kind: "bind-circuit"; readonly localSessionId: number }
  | { readonly id: number; readonly kind: "remove-session"; readonly localSessionId: number };

/** A socket of the packet-switched network, open already. */
export interface WorkerEndpoint {
  readonly fd: number;
  readonly encapsulation: "udp" | "ip";
  readonly isV6: boolean;
  readonly address: string;
  readonly port: number;
  /** Whether one send may carry several datagrams of equal length. */
  readonly takesSegments: boolean;
  /** Of what is sent without saying otherwise: control messages. */
  readonly trafficClass: number;
}

/** A circuit device, open already. */
export interface WorkerCircuit {
  /** Where frames leave. */
  readonly fd: number;
  /** Where its frames come in; the same descriptor, unless the device's frames come by another one. */
  readonly readFd: number;
  readonly kind: "tap" | "interface";
  readonly name: string;
  /** The interface by which frames leave, of whose MTU they are: the device, or what stands for it. */
  readonly sendsBy: string;
}

/** A SystemError as it crosses threads. */
export interface Refusal {
  readonly operation: string;
  readonly errno: string;
  readonly target: string;
}

/** What the worker says to the main thread. */
export type Answer =
  | { readonly kind: "done"; readonly id: number; readonly problem?: Refusal }
  | { readonly kind: "ready" }
  | {
      readonly kind: "control";
      readonly localAddress: string;
      readonly localPort: number;
      readonly remoteAddress: string;
      readonly remotePort: number;
      readonly octets: Uint8Array;
    }
  | { readonly kind: "channel"; readonly localSessionId: number; readonly message: ChannelMessage };

/** What the worker is started with. */
export interface WorkerStart {
  /** Cells of all sessions: Float64, CELLS_A_SESSION a row. */
  readonly counters: SharedArrayBuffer;
  /** Int32 cells of `sharedFlags`. */
  readonly flags: SharedArrayBuffer;
  /** `sequenceWords` of all sessions; memory that programs share by its address. */
  readonly sequences: SharedArrayBuffer | MappedMemory;
  readonly eventFd: number;
  readonly commands: MessagePort;
}

export const sharedFlags = {
  stop: 0,
  controlPosted: 1,
  controlHandled: 2,
  channelPosted: 3,
  channelHandled: 4,
  cells: 8,
} as const;

/**
 * Control messages that may wait for the main thread; more are dropped, and their senders send them again.
 */
export const MOST_WAITING_CONTROL = 1024;

/** Messages of control channels of all sessions that may wait for the main thread; more are dropped. */
export const MOST_WAITING_CHANNEL = 1024;
