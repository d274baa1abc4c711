import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import type { Links } from "../os/links.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { frameSizeStatus } from "./frame-size-status.ts";
import type { Note } from "./notes.ts";
import { type EndsInUse, pathOf, staticSessionOf } from "./settings.ts";
import { sizeNote } from "./size-note.ts";
import type { StatusSources } from "./status-sources.ts";

/** Notes on pseudowires whose full-size frames do not cross as they should, in either plane. */
export class SizeNotes {
  readonly #links: Pick<Links, "get">;
  readonly #pathMtuOf: (path: PsnPath) => number | undefined;

  /** `pathMtuOf`: the largest packet that a path takes, as far as it is known; undefined without a route. */
  constructor(links: Pick<Links, "get">, pathMtuOf: (path: PsnPath) => number | undefined) {
    this.#links = links;
    this.#pathMtuOf = pathMtuOf;
  }

  /** What it says for the status report. */
  get sources(): Pick<StatusSources, "sizeNote" | "deviceMtu"> {
    return {
      sizeNote: (...of) => this.noteOf(...of),
      deviceMtu: (device) => this.deviceMtu(device),
    };
  }

  /** The MTU of the interface of that name, in octets; undefined where there is none. */
  deviceMtu(device: string): number | undefined {
    return this.#links.get(device)?.mtu;
  }

  /** The notes of all pseudowires. */
  *all(
    { tunnels }: Config,
    { pseudowires }: LcceSnapshot,
    endsOf: (tunnel: string) => EndsInUse | undefined,
  ): Iterable<Note> {
    const snapshots = new Map(pseudowires.map((one) => [one.pseudowire, one]));
    for (const tunnel of tunnels) {
      for (const pseudowire of tunnel.pseudowires) {
        const { name } = pseudowire;
        const text = this.noteOf(tunnel, pseudowire, snapshots.get(name), endsOf(tunnel.name));
        if (text !== undefined) yield { kind: "pseudowire", name, text };
      }
    }
  }

  /**
   * The note of one pseudowire (`sizeNote`); undefined too while it has no session, no interface, or no route
   * to its peer.
   */
  noteOf(
    tunnel: TunnelConfig,
    pseudowire: PseudowireConfig,
    snapshot: PseudowireSnapshot | undefined,
    ends: EndsInUse | undefined,
  ): string | undefined {
    const { device } = pseudowire.circuit;
    const agreed = snapshot?.state === "established" ? snapshot.session : undefined;
    const session = (ends && staticSessionOf(pseudowire, pathOf(tunnel, ends))) ?? agreed;
    const deviceMtu = this.deviceMtu(device);
    const pathMtu = session && deviceMtu && this.#pathMtuOf(session.path);
    if (session === undefined || deviceMtu === undefined || pathMtu === undefined) return undefined;
    const { path } = session;
    const frameSize = frameSizeStatus(tunnel, pseudowire, session, path, deviceMtu);
    return sizeNote({ device, frameSize, remoteAddress: path.remoteAddress, pathMtu });
  }
}
