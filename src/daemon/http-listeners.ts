import type { IncomingMessage } from "node:http";
import { operationalMessage } from "../bytes/errors.ts";
import { printableExcerpt } from "../bytes/printable-text.ts";
import type { HttpConfig } from "../config/config.ts";
import { listenText } from "../config/listen-address.ts";
import type { SecretSource } from "../config/secret-source.ts";
import { monotonicClock } from "../os/clock.ts";
import { SystemError } from "../os/errors.ts";
import { Retry } from "../os/retry.ts";
import { readSecret, secretPurposes, secretTarget } from "../os/secrets.ts";
import { type Answer, type ApiHandlers, httpRoutes, type PageLinks } from "./api.ts";
import { ApiService, type Target } from "./api-service.ts";
import { AccessToken, accessRefusal, httpHeaders } from "./http-access.ts";
import { HttpListener } from "./http-listener.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";
import type { HttpListenerStatus } from "./status.ts";

/** The listeners of `http:`, at which everything can be read and nothing changed. */

/** Visible US-ASCII: it goes through headers and addresses as it is. */
const TOKEN = /^[\x21-\x7e]{16,512}$/;

export interface HttpOptions {
  readonly handlers: ApiHandlers;
  readonly log: Log;
  /** Bounds the lines about requests that were refused; by default by its own count. */
  readonly limiter?: LogLimiter;
  /** Takes bugs of ours that a request brings out. */
  readonly broken: (error: unknown) => void;
  /** How long a request may take to come, in ms. */
  readonly requestMs?: number;
}

/** Follows the configuration; an address or a token that cannot be had is waited for. */
export class HttpListeners {
  readonly #options: HttpOptions;
  readonly #service: ApiService;
  readonly #limiter: LogLimiter;
  readonly #retry: Retry;
  readonly #listeners = new Map<string, HttpListener>();
  #config: HttpConfig = { listen: [], hosts: [] };
  #token: AccessToken | undefined;
  #tokenProblem: string | undefined;
  readonly #refused: Record<string, number> = {};
  #isClosed = false;

  constructor(options: HttpOptions) {
    const { handlers, broken, requestMs, limiter = new LogLimiter() } = options;
    this.#options = options;
    this.#limiter = limiter;
    this.#retry = new Retry(() => void this.#apply().catch(broken));
    this.#service = new ApiService({
      ...{ handlers, broken, offered: httpRoutes, headers: httpHeaders },
      ...(requestMs === undefined ? {} : { requestMs }),
      refusal: (request, target) => this.#refusal(request, target),
    });
  }

  /**
   * Takes over what the file says now, and reads the token again; resolves to what changed although the file
   * is the same, a line each.
   */
  async configure(config: HttpConfig): Promise<readonly string[]> {
    this.#config = config;
    const isChanged = await this.#apply();
    return isChanged ? ["update http: token changed"] : [];
  }

  /** What waits, and why. */
  get problems(): readonly string[] {
    return this.status().flatMap(({ listen, problem }) =>
      problem === undefined ? [] : [`http at ${listen} waits: ${problem}`],
    );
  }

  /** Where the web page can be opened, with the token: for the user of the daemon alone. */
  pageLinks(): PageLinks {
    const query = this.#token === undefined ? "" : `?token=${encodeURIComponent(this.#token.text)}`;
    const links = this.#config.listen.flatMap((address) => {
      if (address.kind === "unix" || this.#listeners.get(listenText(address))?.problem !== undefined)
        return [];
      const { address: host, port } = address;
      const isAny = host === "0.0.0.0" || host === "::";
      const name = isAny ? (this.#config.hosts[0] ?? "localhost") : host.includes(":") ? `[${host}]` : host;
      return [`http://${name}:${port}/${query}`];
    });
    return { links, waiting: this.problems };
  }

  /** How many requests were refused, by status. */
  get refusedRequests(): Readonly<Record<string, number>> {
    return this.#refused;
  }

  status(): readonly HttpListenerStatus[] {
    const nowMs = monotonicClock.nowMs();
    return this.#config.listen.map((address) => {
      const listen = listenText(address);
      const listener = this.#listeners.get(listen);
      const problem = listener === undefined ? this.#tokenProblem : listener.problem;
      const nextMs = listener === undefined ? this.#retry.nextMs : listener.nextMs;
      return {
        ...{ listen, isOpen: listener !== undefined && problem === undefined, problem },
        nextAttemptInMs: nextMs === undefined ? undefined : Math.max(0, Math.round(nextMs - nowMs)),
        note: listener === undefined ? undefined : this.#tokenProblem,
      };
    });
  }

  /** Tries again at once what waits: addresses of this machine have changed. */
  retryNow(): void {
    for (const listener of this.#listeners.values()) listener.retryNow();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry.close();
    const closed = [...this.#listeners.values()].map((listener) => listener.close());
    this.#service.closeStreams();
    await Promise.all(closed);
  }

  /** Resolves to whether the token is another one than before, although one from the same source. */
  async #apply(): Promise<boolean> {
    const former = this.#token;
    const { listen, token: source } = this.#config;
    this.#readToken(source);
    // Nothing is open without the token that the file wants.
    const wanted = source !== undefined && this.#token === undefined ? [] : listen;
    const texts = new Set(wanted.map(listenText));
    for (const [text, listener] of this.#listeners) {
      if (texts.has(text)) continue;
      this.#listeners.delete(text);
      await listener.close();
    }
    const isOther = this.#token !== undefined && former?.equals(this.#token) !== true;
    // Who came in with another token, or with none, has to show this one.
    if (isOther) for (const listener of this.#listeners.values()) listener.dropConnections();
    for (const address of wanted) {
      if (this.#isClosed || this.#listeners.has(listenText(address))) continue;
      const listener = new HttpListener(address, { ...this.#options, service: this.#service });
      this.#listeners.set(listenText(address), listener);
      await listener.open();
    }
    return isOther && former !== undefined;
  }

  /** Reads the token; where that fails, the one in use counts on, and it is tried again. */
  #readToken(source: SecretSource | undefined): void {
    const former = this.#tokenProblem;
    this.#tokenProblem = undefined;
    if (source === undefined) {
      this.#token = undefined;
      return;
    }
    try {
      this.#token = new AccessToken(this.#tokenOf(source));
    } catch (error) {
      const problem = operationalMessage(error);
      this.#tokenProblem = problem;
      if (problem !== former) this.#options.log.warn({ event: "http", problem }, problem);
      this.#retry.schedule(problem !== former);
    }
  }

  /** Throws SystemError. */
  #tokenOf(source: SecretSource): Uint8Array {
    const { octets, notes } = readSecret(source, secretPurposes.token);
    if (!TOKEN.test(Buffer.from(octets).toString("latin1"))) {
      const hint =
        "a token has from 16 to 512 printable characters of US-ASCII without blanks: " +
        "make one with openssl rand -hex 32";
      const { operation } = secretPurposes.token;
      throw new SystemError(operation, { errno: "EINVAL", target: secretTarget(source), hint });
    }
    for (const note of notes) this.#options.log.warn({ event: "http" }, note);
    return octets;
  }

  #refusal(request: IncomingMessage, target: Target): Answer | undefined {
    const answer = accessRefusal(request, target, { hosts: this.#config.hosts, token: this.#token });
    if (answer !== undefined && answer.status !== 303) this.#logRefusal(request, target, answer.status);
    return answer;
  }

  /** Who asks for too much may ask often: a few lines of each kind. */
  #logRefusal({ socket }: IncomingMessage, { path }: Target, status: number): void {
    this.#refused[status] = (this.#refused[status] ?? 0) + 1;
    const more = this.#limiter.admit(`http ${status}`, monotonicClock.nowMs());
    if (more === undefined) return;
    const from = socket.remoteAddress ?? "a Unix socket";
    const reason = refusalTexts[status] ?? "";
    this.#options.log.info(
      { event: "http-refused", status, from },
      `refused a request over HTTP from ${from} for ${printableExcerpt(path)}: ${status}, ${reason}${more}`,
    );
  }
}

/** TABLE: why requests are refused, for the log. */
const refusalTexts: Readonly<Record<number, string>> = {
  401: "no token, or another one",
  403: "caused by a page of another site",
  405: "a method that would change something",
  421: "for another Host than ours",
};
