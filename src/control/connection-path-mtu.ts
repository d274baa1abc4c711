import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import type { Flushable, LcceContext } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import type { HelloRefusal } from "./hello-refusal.ts";
import type { PathMtuSnapshot } from "./path-mtu.ts";
import type { FoundPathMtu, PathMtuMemory } from "./path-mtu-memory.ts";
import { type EchoRequest, PathProber, type ProberPort } from "./path-prober.ts";
import type { ProbeCarrier } from "./probe-carriers.ts";
import type { PeerSettings } from "./settings.ts";

interface Owner {
  readonly settings: PeerSettings;
  readonly helloRefusal: HelloRefusal;
  readonly pathMtuMemory: PathMtuMemory;
}

interface Connection extends Flushable {
  readonly path: PsnPath;
  /** Has a session in whose control channel the peer answers ICMP echo, if there is one. */
  readonly sessions: { readonly echoing: { readonly parameters: SessionParameters } | undefined };
}

/**
 * The path MTU of one control connection, which its sessions share. With a secret, probes are padded HELLOs
 * (RFC 3931 §6.5 has HELLO carry Random Vector AVPs): they are acknowledged by any peer, and nobody else can;
 * they go while nothing else is to be delivered, and what is retransmitted of them is not padded. Without
 * one, they are ICMP echo requests in the control channel of a session, where both ends agreed on it, and
 * else padded HELLOs. A peer that does not answer or refuses them is asked by ICMP echo to its address.
 */
export class ConnectionPathMtu {
  readonly #context: LcceContext;
  readonly #owner: Owner;
  readonly #connection: Connection;
  readonly #prober: PathProber;

  constructor(
    context: LcceContext,
    owner: Owner,
    connection: Connection,
    delivery: Pick<Delivery<unknown>, "probe">,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#connection = connection;
    const port: ProberPort = {
      get nowMs() {
        return context.nowMs;
      },
      random: context.random,
      sendHello: (probe) => delivery.probe({ name: "HELLO", avps: {} }, probe),
      sendEcho: (request) => this.#sendEcho(request),
      found: (found) => this.#report(found),
    };
    this.#prober = new PathProber(port, owner.pathMtuMemory);
  }

  /** What is known; undefined while nothing is searched for. */
  get snapshot(): PathMtuSnapshot | undefined {
    return this.#prober.snapshot;
  }

  /** When `expire` is next due; undefined for never. */
  get deadlineMs(): number | undefined {
    return this.#prober.deadlineMs;
  }

  /** The peer closed the connection now: if that was upon a padded HELLO, it gets no more of them. */
  closedByPeer(): void {
    if (this.#prober.isUponHello) this.#owner.helloRefusal.note(this.#context.nowMs);
  }

  /** A data message of a session came or went. */
  dataPassed(): void {
    this.#prober.dataPassed();
  }

  /** An ICMP echo reply came, whose data end with this nonce. */
  answered(nonce: Uint8Array): void {
    this.#prober.answered(nonce);
    this.#context.markDirty(this.#connection);
  }

  expire(): void {
    this.#prober.expire();
  }

  /**
   * Follows the state, path and limits of the connection, and sends the probe that is wanted, if the delivery
   * has nothing else. Called before each transmission.
   */
  update(isReady: boolean): void {
    const { pathLimits: limits } = this.#owner.settings;
    const { path } = this.#connection;
    const probed = isReady && limits !== undefined ? { path, limits, carriers: this.#carriers } : undefined;
    this.#prober.update(probed);
  }

  get #carriers(): readonly ProbeCarrier[] {
    const { pathMtu, authentication } = this.#owner.settings;
    if (pathMtu === "none") return [];
    const vccv: readonly ProbeCarrier[] = this.#connection.sessions.echoing === undefined ? [] : ["vccv"];
    const isRefused = pathMtu === "echo" || this.#owner.helloRefusal.isInForce(this.#context.nowMs);
    if (isRefused) return [...vccv, "echo"];
    if (authentication.mode !== "digest") return [...vccv, "hello", "echo"];
    // Anybody on the path may answer the others: they do for a peer alone that takes no long HELLOs.
    return this.#prober.takesHellos ? ["hello"] : ["hello", ...vccv, "echo"];
  }

  #sendEcho(request: EchoRequest): void {
    const session = request.by === "vccv" ? this.#connection.sessions.echoing?.parameters : undefined;
    // The session of the channel may have gone since: then nothing is sent, and nothing is answered.
    if (request.by === "vccv" && session === undefined) return;
    const { name: peer } = this.#owner.settings;
    this.#context.emit({ kind: "echo-request", peer, ...request, ...(session && { session }) });
  }

  #report(found: FoundPathMtu): void {
    const { name: peer } = this.#owner.settings;
    this.#context.emit({ kind: "report", event: { event: "path-mtu", peer, ...found } });
  }
}
