import type { ControlConnection } from "./control-connection.ts";
import type { Session } from "./session.ts";

/** Where the peers of an LCCE register what messages are found by. */
export interface Registry {
  connectionOpened(connection: ControlConnection): void;
  connectionGone(connection: ControlConnection): void;
  sessionOpened(session: Session, connection: ControlConnection): void;
  sessionClosed(session: Session): void;
}
