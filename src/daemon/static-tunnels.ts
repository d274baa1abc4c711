import { type PsnPath, pathKey, type SessionParameters } from "../wire/session-parameters.ts";
import { pathOf, staticSessionOf } from "./settings.ts";
import { isPeerAt } from "./static-following.ts";
import type { Tunnel, TunnelContext } from "./tunnel-state.ts";

type StaticContext = Pick<TunnelContext, "circuits" | "following" | "input" | "log" | "staticClosed">;

/** The static sessions of tunnels that are open, and where their peers are. */
export class StaticTunnels {
  readonly #context: StaticContext;
  /** By the local ids of sessions. */
  readonly #ofSessions = new Map<number, Tunnel>();

  constructor(context: StaticContext) {
    this.#context = context;
  }

  /** A session of a tunnel begins: its id is taken, and it forwards. */
  add(tunnel: Tunnel, session: SessionParameters): void {
    const { localSessionId } = session;
    this.#context.input({ kind: "reserve-session-id", localSessionId });
    this.#ofSessions.set(localSessionId, tunnel);
    this.#context.circuits.add(session);
  }

  remove(pseudowire: string, localSessionId: number): void {
    this.#ofSessions.delete(localSessionId);
    this.#context.circuits.remove(localSessionId);
    this.#context.input({ kind: "release-session-id", localSessionId });
    this.#context.staticClosed(pseudowire);
  }

  /** Gives the sessions of a tunnel another path; those of a control connection get it by that. */
  takePath({ pseudowires }: Tunnel, path: PsnPath): void {
    for (const pseudowire of pseudowires.values()) {
      const session = staticSessionOf(pseudowire, path);
      if (session !== undefined) this.#context.circuits.update(session);
    }
  }

  /**
   * Takes in that messages with a session's cookie came from elsewhere than its peer, as many within one
   * second. A static tunnel may follow its peer there, with all its sessions; of a negotiated session the
   * control plane is told.
   */
  heardElsewhere(localSessionId: number, path: PsnPath, octets: number, messages: number): void {
    const tunnel = this.#ofSessions.get(localSessionId);
    if (tunnel === undefined)
      return this.#context.input({ kind: "data-elsewhere", localSessionId, path, octets });
    const { config, opened } = tunnel;
    if (opened?.follow === undefined) return;
    const { follow, held } = opened;
    const { log } = this.#context;
    const from = pathOf(config, held.inUse);
    // Told before the tunnel followed its peer there.
    if (pathKey(from) === pathKey(path)) return;
    const sessions = [...tunnel.pseudowires.values()].flatMap(
      (one) => one.staticSession?.localSessionId ?? [],
    );
    const peer = { name: config.name, follow, path: from, sessions };
    if (!isPeerAt(peer, path, messages, { ...this.#context.following, log })) return;
    opened.peerMoves = { count: follow.moves, lastMs: follow.movedMs ?? 0, from };
    held.peerMoved({ ...held.inUse, remoteAddress: path.remoteAddress, remotePort: path.remotePort });
    this.takePath(tunnel, pathOf(config, held.inUse));
  }
}
