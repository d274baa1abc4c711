import type { PsnPath } from "../wire/session-parameters.ts";
import type { ControlConnection } from "./control-connection.ts";
import type { ControlConnectionEvent } from "./control-connection-table.ts";
import type { PseudowireDirectory } from "./session-set.ts";
import type { PeerSettings } from "./settings.ts";

/** The peer, as far as a control connection needs it: settings, and callbacks for changes of state. */
export interface ConnectionOwner {
  readonly settings: PeerSettings;
  /** Whether a connection with the peer is established. */
  readonly isConnected: boolean;
  connectionEstablished(connection: ControlConnection): void;
  /** The peer is known to be established as well: sessions may be opened. */
  connectionReady(connection: ControlConnection): void;
  /** In idle, with its sessions ended; delivery may live on. */
  connectionClosed(connection: ControlConnection, why: string, cause: ControlConnectionEvent): void;
  /** A message from `path` failed authentication. */
  noteFailure(verdict: "wrong-digest" | "missing-digest", path: PsnPath): void;
  /** Why no valid message comes from the peer; text for the operator. */
  readonly silenceReason: string;
  /** The connection was removed and its id is free. */
  connectionGone(connection: ControlConnection): void;
  readonly directory: PseudowireDirectory;
}
