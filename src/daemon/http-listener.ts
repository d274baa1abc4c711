import type { Server } from "node:http";
import { operationalMessage } from "../bytes/errors.ts";
import { type ListenAddress, listenText } from "../config/listen-address.ts";
import { errnoOf, SystemError } from "../os/errors.ts";
import { Retry } from "../os/retry.ts";
import type { ApiService } from "./api-service.ts";
import type { Log } from "./log.ts";
import { checkSocketPath, listenAtPath } from "./unix-server-socket.ts";

/** One address of `http.listen`: open, or waiting for what it needs. */

/** Owner and group: a directory with the setgid bit and a group says who else may read. */
const UNIX_MODE = 0o660;
const about = { operation: "listen for HTTP", key: "path in http.listen" } as const;

/** TABLE: what to do where an address cannot be had, by the name of an errno. */
const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there (ss -ltnp); it is tried again",
  EADDRNOTAVAIL: "this machine does not have the address; it is tried again",
  EACCES: "this user may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE",
};

export interface ListenerOptions {
  readonly service: ApiService;
  readonly log: Log;
  readonly broken: (error: unknown) => void;
}

/** Listens at an address as soon as it can be had; until then it tries in growing pauses. */
export class HttpListener {
  readonly #address: ListenAddress;
  readonly #options: ListenerOptions;
  readonly #retry: Retry;
  #server: Server | undefined;
  #problem: string | undefined;
  #isClosed = false;

  constructor(address: ListenAddress, options: ListenerOptions) {
    this.#address = address;
    this.#options = options;
    this.#retry = new Retry(() => void this.open().catch(options.broken));
  }

  /** Why it is not open, undefined once it is; and when it is tried again, in ms of the monotonic clock. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get nextMs(): number | undefined {
    return this.#retry.nextMs;
  }

  /** Tries to listen; what keeps it from that is told by `problem`. */
  async open(): Promise<void> {
    const { service, log } = this.#options;
    const text = listenText(this.#address);
    const server = service.newServer();
    try {
      await listenAt(server, this.#address);
    } catch (error) {
      this.#failed(operationalMessage(error), text);
      return;
    }
    if (this.#isClosed) return service.closeServer(server);
    server.on("error", (error) => log.warn({ event: "http", listen: text }, `HTTP at ${text}: ${error}`));
    this.#server = server;
    this.#problem = undefined;
    log.info({ event: "http", listen: text }, `listening for HTTP at ${text}`);
  }

  #failed(problem: string, listen: string): void {
    const isNew = problem !== this.#problem;
    this.#problem = problem;
    if (isNew && !this.#isClosed) this.#options.log.warn({ event: "http", listen, problem }, `${problem}`);
    this.#retry.schedule(isNew);
  }

  /** Tries again at once what failed: addresses of this machine have changed. */
  retryNow(): void {
    this.#retry.runNow();
  }

  /** Ends what clients have open; new ones are taken. */
  dropConnections(): void {
    this.#server?.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry.close();
    if (this.#server !== undefined) await this.#options.service.closeServer(this.#server);
  }
}

/** Rejects with SystemError. */
async function listenAt(server: Server, address: ListenAddress): Promise<void> {
  if (address.kind === "unix") {
    const { path } = address;
    checkSocketPath({ path, ...about });
    return listenAtPath(server, { path, mode: UNIX_MODE, ...about });
  }
  const { address: host, port } = address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const errno = errnoOf(error);
      const target = listenText(address);
      reject(
        new SystemError(about.operation, {
          errno,
          target,
          hint: hints[errno] ?? "it is tried again",
          cause: error,
        }),
      );
    });
    // Without IPv4 in it: 0.0.0.0 may be listened at beside [::].
    server.listen({ host, port, ipv6Only: true }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}
