import { addressText } from "../../bytes/ip-address.ts";
import type { PsnPath } from "../../wire/session-parameters.ts";
import type { Arena } from "./arena.ts";
import type { Hint, WorkerEndpoint } from "./commands.ts";
import type { ForwardedSession, SessionHints } from "./tables.ts";

/** A session's hints are told no faster. */
const TELL_EACH_MS = 1000;
/** Hints told in one second, of all sessions: more could keep the main thread from its work. */
export const MOST_HINTS_A_SECOND = 1000;

/** The main thread, to which hints are given. */
export interface HintTaker {
  /** Whether it takes them, and not too many wait there. */
  takesHint(): boolean;
  postHint(hint: Hint): void;
}

/**
 * Tells the main thread of messages with a right cookie from elsewhere than the session's peer, which may
 * have moved: of the first in each second. Everything about it may be forged by who has seen a message of the
 * session, so it is bounded for each session and for all of them, and nothing is allocated for what is not
 * told.
 */
export class WorkerHints {
  readonly #arena: Arena;
  readonly #mainThread: HintTaker;
  readonly #nowMs: () => number;
  /** Since when `#told` counts. */
  #sinceMs = Number.NEGATIVE_INFINITY;
  #told = 0;

  /** `nowMs` is the worker's clock. */
  constructor(arena: Arena, mainThread: HintTaker, nowMs = () => performance.now()) {
    this.#arena = arena;
    this.#mainThread = mainThread;
    this.#nowMs = nowMs;
  }

  /** Takes a message in; `name` is the offset of its sender's socket address in the arena's tables. */
  receive(endpoint: WorkerEndpoint, session: ForwardedSession, name: number, octets: number): void {
    const port = this.#arena.tables.view.getUint16(name + 2);
    // Nothing can be sent to port 0.
    if (port === 0 && endpoint.encapsulation === "udp") return;
    const nowMs = this.#nowMs();
    const { hints } = session;
    if (hints === undefined) return this.#tell(endpoint, session, name, octets, nowMs, 1);
    const isSame = this.#isSender(hints, endpoint, name, port);
    const ageMs = nowMs - hints.toldMs;
    if (ageMs < TELL_EACH_MS) {
      if (isSame) hints.messages += 1;
      return;
    }
    // A count of long ago says nothing of now.
    const messages = isSame && ageMs < 2 * TELL_EACH_MS ? hints.messages : 1;
    this.#tell(endpoint, session, name, octets, nowMs, messages);
  }

  #tell(
    endpoint: WorkerEndpoint,
    session: ForwardedSession,
    name: number,
    octets: number,
    nowMs: number,
    messages: number,
  ): void {
    if (nowMs - this.#sinceMs >= TELL_EACH_MS) {
      this.#sinceMs = nowMs;
      this.#told = 0;
    }
    if (this.#told >= MOST_HINTS_A_SECOND || !this.#mainThread.takesHint()) return;
    this.#told += 1;
    const { tables } = this.#arena;
    const localSessionId = session.localSessionId >>> 0;
    this.#mainThread.postHint({
      localSessionId,
      path: pathFrom(tables, endpoint, name),
      octets,
      messages,
    });
    session.hints ??= { toldMs: 0, port: 0, words: new Int32Array(4), messages: 0 };
    const { hints } = session;
    hints.toldMs = nowMs;
    hints.port = tables.view.getUint16(name + 2);
    for (let word = 0; word < wordsOf(endpoint); word += 1)
      hints.words[word] = tables.view.getInt32(addressAt(endpoint, name) + 4 * word);
    hints.messages = 1;
  }

  #isSender(hints: SessionHints, endpoint: WorkerEndpoint, name: number, port: number): boolean {
    const { view } = this.#arena.tables;
    let difference = hints.port ^ port;
    for (let word = 0; word < wordsOf(endpoint); word += 1)
      difference |= (hints.words[word] as number) ^ view.getInt32(addressAt(endpoint, name) + 4 * word);
    return difference === 0;
  }
}

/** Words of an address. */
function wordsOf({ isV6 }: WorkerEndpoint): number {
  return isV6 ? 4 : 1;
}

/** Where the address is in the socket address at `name`. */
function addressAt({ isV6 }: WorkerEndpoint, name: number): number {
  return name + (isV6 ? 8 : 4);
}

/** The path on which a datagram came whose sender's socket address is at `name`. */
export function pathFrom({ octets, view }: Arena["tables"], endpoint: WorkerEndpoint, name: number): PsnPath {
  const { encapsulation, address, port } = endpoint;
  const at = addressAt(endpoint, name);
  return {
    encapsulation,
    localAddress: address,
    localPort: port,
    remoteAddress: addressText(octets.subarray(at, at + 4 * wordsOf(endpoint))),
    remotePort: encapsulation === "udp" ? view.getUint16(name + 2) : 0,
  };
}
