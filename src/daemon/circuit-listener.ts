import type { CircuitConfig } from "../config/config.ts";
import type { Input } from "../control/effects.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import type { DeviceListener } from "./circuit-devices.ts";
import type { lockCircuit } from "./locks.ts";
import type { PathMtuKnowledge } from "./tunnel-path-mtus.ts";

/** What the daemon learns from the circuits, and what they ask it. */
export interface CircuitListener extends Partial<Pick<DeviceListener, "portJoined">> {
  /** The status of our end of a pseudowire changed, or what is known of a session. */
  input(change: Input & { readonly kind: "circuit-status" | "pseudowire-standby" | "channel-status" }): void;
  forwardingFailed(session: SessionParameters, problem: string): void;
  /** The interfaces that are switched off for the other end's sake are kept beside it; by default nowhere. */
  readonly controlSocket?: string;
  /** Whether programs of a former daemon forward the frames of an interface of this index. */
  readonly isForwardedByFormer?: (interfaceIndex: number) => boolean;
  /** Takes the lock of a circuit; by default in this network namespace. */
  readonly lockCircuit?: typeof lockCircuit;
  /** A bug of ours came up in an operation; by default it ends the process. */
  readonly broken?: (error: unknown) => void;
  /** The largest packet that a path takes, header included, in octets; undefined where nothing is known. */
  readonly pathMtuOf?: (path: PsnPath) => PathMtuKnowledge;
  /** Where the circuit of a pseudowire stands in the configuration file. */
  locationOf(pseudowire: string): string | undefined;
  /**
   * What this machine would lose if an interface became a circuit, as text; undefined where it would lose
   * nothing.
   */
  hostUse(circuit: CircuitConfig): Promise<string | undefined>;
}
