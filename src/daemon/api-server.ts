import { type ApiHandlers, routes } from "./api.ts";
import { ApiService } from "./api-service.ts";
import { checkSocketPath, listenAtPath } from "./unix-server-socket.ts";

/** The HTTP server of the local API, on the control socket. */

/** For its owner alone. */
const MODE = 0o600;
const about = { operation: "open the control socket", key: "lcce.control_socket" } as const;

/**
 * Serves the API on the control socket, for its owner alone; the socket file of a dead daemon is replaced.
 * The caller has checked the path and holds the daemon's lock. Bugs of ours that a request brings out go to
 * `broken`. Throws SystemError, also when somebody answers there.
 */
export async function openApiServer(
  path: string,
  handlers: ApiHandlers,
  broken: (error: unknown) => void,
): Promise<{ close(): Promise<void> }> {
  const service = new ApiService({ handlers, offered: routes, broken });
  const server = service.newServer();
  await listenAtPath(server, { path, mode: MODE, ...about });
  return {
    close: () => {
      const closed = service.closeServer(server);
      service.closeStreams();
      return closed;
    },
  };
}

/**
 * Refuses a path where something else than a socket is, before anything is made or removed. Throws
 * SystemError.
 */
export function checkControlSocketPath(path: string): void {
  checkSocketPath({ path, ...about });
}
