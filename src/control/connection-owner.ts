import type { PsnPath } from "../wire/session-parameters.ts";
import type { ControlConnection } from "./control-connection.ts";
import type { ControlConnectionEvent } from "./control-connection-table.ts";
import type { PseudowireDirectory } from "./session-set.ts";
import type { PeerSettings } from "./settings.ts";

/** The peer's side of the bookkeeping, told of what becomes of its connections. */
export interface ConnectionOwner {
  readonly settings: PeerSettings;
  /** Whether a connection with the peer is established. */
  readonly isConnected: boolean;
  connectionEstablished(connection: ControlConnection): void;
  /** The peer is known to be established as well: calls may go out. */
  connectionReady(connection: ControlConnection): void;
  /** In idle, with its sessions ended; delivery may live on. */
  connectionClosed(connection: ControlConnection, why: string, cause: ControlConnectionEvent): void;
  /** A message from there failed authentication. */
  noteFailure(verdict: "wrong-digest" | "missing-digest", path: PsnPath): void;
  /** Why nothing that counts comes from the peer, for people. */
  readonly silenceReason: string;
  /** Nothing is left of it: its identifiers are free. */
  connectionGone(connection: ControlConnection): void;
  readonly directory: PseudowireDirectory;
}
