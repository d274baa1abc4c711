import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import type { Clock } from "../environment.ts";
import type { Links } from "../os/links.ts";
import { PathMtus } from "../os/path-mtus.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { sizeNote } from "./frame-size.ts";
import type { Note } from "./notes.ts";
import { pathOf, staticSessionOf } from "./settings.ts";

/**
 * How long the kernel's answer about a path is kept, unless routes or interfaces change: many sessions share
 * one.
 */
const HOLDS_MS = 2000;

/**
 * Notes on pseudowires whose full-size frames do not fit the path MTU that the kernel knows, in either plane.
 */
export class SizeNotes implements Disposable {
  readonly #links: Pick<Links, "get" | "all">;
  readonly #clock: Clock;
  readonly #pathMtus = PathMtus.open();
  /** MTUs of paths by their two addresses, and of interfaces by their index, as they were at a moment. */
  readonly #known = new Map<string, number | undefined>();
  #interfaces = new Map<number, number>();
  #knownMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(links: Pick<Links, "get" | "all">, clock: Clock) {
    this.#links = links;
    this.#clock = clock;
  }

  /** Drops what is known, after routes or interfaces changed. */
  forget(): void {
    this.#knownMs = Number.NEGATIVE_INFINITY;
  }

  /** The notes of all pseudowires. */
  *all({ tunnels }: Config, { pseudowires }: LcceSnapshot): Iterable<Note> {
    const snapshots = new Map(pseudowires.map((one) => [one.pseudowire, one]));
    for (const tunnel of tunnels) {
      for (const pseudowire of tunnel.pseudowires) {
        const { name } = pseudowire;
        const text = this.noteOf(tunnel, pseudowire, snapshots.get(name));
        if (text !== undefined) yield { kind: "pseudowire", name, text };
      }
    }
  }

  /**
   * The note of one pseudowire; undefined too while it has no session, no interface, or no route to its peer.
   */
  noteOf(
    tunnel: TunnelConfig,
    pseudowire: PseudowireConfig,
    snapshot: PseudowireSnapshot | undefined,
  ): string | undefined {
    const { device, vlan } = pseudowire.circuit;
    const agreed = snapshot?.state === "established" ? snapshot.session : undefined;
    const session = staticSessionOf(pseudowire, pathOf(tunnel, tunnel.localPort)) ?? agreed;
    const link = this.#links.get(device);
    const pathMtu = this.#isClosed ? undefined : session && link && this.#pathMtu(session.path);
    if (session === undefined || link === undefined || pathMtu === undefined) return undefined;
    return sizeNote({
      format: session,
      device,
      mtu: Math.min(link.mtu, pseudowire.mtu),
      isTagged: vlan !== undefined,
      pathMtu,
      fragmentation: tunnel.fragmentation,
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#pathMtus[Symbol.dispose]();
  }

  #pathMtu({ remoteAddress, localAddress }: PsnPath): number | undefined {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#knownMs > HOLDS_MS) {
      this.#known.clear();
      this.#interfaces = new Map(this.#links.all().map(({ index, mtu }) => [index, mtu]));
      this.#knownMs = nowMs;
    }
    const key = `${localAddress} ${remoteAddress}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#ask({ remoteAddress, localAddress }));
    return this.#known.get(key);
  }

  #ask(path: Pick<PsnPath, "remoteAddress" | "localAddress">): number | undefined {
    const [found] = this.#pathMtus.query([path]);
    if (found === undefined) return undefined;
    const own = this.#interfaces.get(found.interfaceIndex);
    return found.mtu === undefined || own === undefined ? (found.mtu ?? own) : Math.min(found.mtu, own);
  }
}
