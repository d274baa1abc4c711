import type { PsnPath } from "../wire/session-parameters.ts";
import type { ControlConnectionEvents } from "./control-connection-events.ts";
import type { HelloRefusal } from "./hello-refusal.ts";
import type { PathMtuMemory } from "./path-mtu-memory.ts";
import type { PseudowireDirectory } from "./session-set.ts";
import type { PeerSettings } from "./settings.ts";

/**
 * The peer, as far as its control connections, which are of the type `Connection`, need it: settings, and
 * callbacks for changes of state.
 */
export interface ConnectionOwner<Connection> {
  readonly settings: PeerSettings;
  /** Whether a connection with the peer is established. */
  readonly isConnected: boolean;
  /** Why no valid message comes from the peer over a connection; text for the operator. */
  silenceReason(connection: Connection): string;
  readonly directory: PseudowireDirectory;
  /** Whether the peer takes padded HELLOs. */
  readonly helloRefusal: HelloRefusal;
  /** What was measured of the path to the peer. */
  readonly pathMtuMemory: PathMtuMemory;
  connectionEstablished(connection: Connection): void;
  /** The peer is known to be established as well: sessions may be opened. */
  connectionReady(connection: Connection): void;
  /** In idle, with its sessions ended; delivery may live on. */
  connectionClosed(connection: Connection, why: string, cause: keyof ControlConnectionEvents): void;
  /** The connection was removed and its id is free. */
  connectionGone(connection: Connection): void;
  /** A message from `path` failed authentication. */
  noteFailure(verdict: "wrong-digest" | "missing-digest", path: PsnPath): void;
}
