import { OperationalError } from "../bytes/errors.ts";
import type { TunnelConfig } from "../config/config.ts";
import { familiesOf } from "../config/ends.ts";
import type { PsnTransport } from "../forwarding/transport.ts";
import type { Lock } from "../os/locks.ts";
import {
  type ChosenEnds,
  chooseEnds,
  chooseEndsForAny,
  type EndAddresses,
  type OwnEndsSource,
} from "./choose-ends.ts";
import { lockEnds } from "./locks.ts";
import type { Log } from "./log.ts";
import type { PeerNames } from "./peer-names.ts";
import { type EndsInUse, endpointOf, endsInFile } from "./settings.ts";

/** What a tunnel holds for its two ends while it has them: its share of the socket, and the lock. */
interface Held {
  readonly ends: EndsInUse;
  readonly lock: Lock;
}

/** Ours: what the peer still sends to the ends before is received for so long. */
const LINGER_MS = 5000;

export interface TunnelEndsContext {
  readonly transport: PsnTransport;
  readonly log: Log;
}

/** The addresses that a tunnel has just now, or why it has none. */
export function endsNow(
  config: TunnelConfig,
  inUse: EndAddresses | undefined,
  names: Pick<PeerNames, "addresses" | "problem">,
  own: OwnEndsSource,
): ChosenEnds {
  const fixed = endsInFile(config);
  if (fixed !== undefined) return fixed;
  const { name, local, remote } = config;
  if (remote.kind === "any") {
    const families = familiesOf(local).filter((family) => familiesOf(remote).includes(family));
    return chooseEndsForAny(local, families, inUse, own);
  }
  const remotes = remote.kind === "address" ? [remote.address] : names.addresses(name);
  if (remotes.length === 0) return { problem: names.problem(name) };
  return chooseEnds(local, remotes, inUse, own);
}

/**
 * The two ends of one open tunnel: the ones in use, and for a moment those that were before. `inTurn` runs
 * what closes those after whatever goes on with the tunnel.
 */
export class TunnelEnds {
  readonly #context: TunnelEndsContext;
  readonly #inTurn: (act: () => Promise<void>) => Promise<void>;
  #config: TunnelConfig;
  #held: Held;
  #peerMoved: EndsInUse | undefined;
  readonly #former = new Map<Held, NodeJS.Timeout>();

  private constructor(
    context: TunnelEndsContext,
    inTurn: (act: () => Promise<void>) => Promise<void>,
    config: TunnelConfig,
    held: Held,
  ) {
    this.#context = context;
    this.#inTurn = inTurn;
    this.#config = config;
    this.#held = held;
  }

  /** Rejects with OperationalError, and then nothing of it is left. */
  static async open(
    context: TunnelEndsContext,
    inTurn: (act: () => Promise<void>) => Promise<void>,
    config: TunnelConfig,
    chosen: EndAddresses,
  ): Promise<TunnelEnds> {
    return new TunnelEnds(context, inTurn, config, await hold(context, config, chosen));
  }

  /** With the peer's end where it was followed to. */
  get inUse(): EndsInUse {
    return this.#peerMoved ?? this.#held.ends;
  }

  /** As they were chosen last. */
  get chosen(): EndsInUse {
    return this.#held.ends;
  }

  /** The peer is elsewhere, until other ends are chosen. */
  peerMoved(ends: EndsInUse): void {
    this.#peerMoved = ends;
  }

  /** Takes other addresses. Rejects with OperationalError, and then nothing has changed. */
  async move(chosen: EndAddresses): Promise<void> {
    const back = [...this.#former.keys()].find(({ ends }) => isSame(ends, chosen));
    const next = back ?? (await hold(this.#context, this.#config, chosen));
    if (back !== undefined) {
      clearTimeout(this.#former.get(back));
      this.#former.delete(back);
    }
    const before = this.#held;
    this.#held = next;
    this.#peerMoved = undefined;
    const closing = setTimeout(() => void this.#inTurn(() => this.#closeFormer(before)), LINGER_MS).unref();
    this.#former.set(before, closing);
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    for (const former of [...this.#former.keys()]) await this.#closeFormer(former);
    await this.#release(this.#held);
  }

  async #closeFormer(former: Held): Promise<void> {
    if (!this.#former.has(former)) return;
    clearTimeout(this.#former.get(former));
    this.#former.delete(former);
    await this.#release(former);
  }

  async #release({ ends, lock }: Held): Promise<void> {
    await this.#context.transport.closeEndpoint(endpointOf(this.#config, ends.localAddress));
    lock[Symbol.dispose]();
  }
}

/** Two ends as text. */
export function endsText({ localAddress, remoteAddress }: EndAddresses): string {
  return `${localAddress} -> ${remoteAddress}`;
}

/** Whether two pairs of addresses are the same. */
export function isSame(one: EndAddresses, other: EndAddresses): boolean {
  return one.localAddress === other.localAddress && one.remoteAddress === other.remoteAddress;
}

async function hold(
  { transport, log }: TunnelEndsContext,
  config: TunnelConfig,
  { localAddress: local, remoteAddress: remote }: EndAddresses,
): Promise<Held> {
  const { name, control } = config;
  const prefixes = config.remote.kind === "any" ? config.remote.prefixes : [];
  const peer = [control?.peerHostName, control?.peerRouterId, ...prefixes];
  const { claim, neighbour } = lockEnds({ ...config, local, remote, peer });
  if (claim.problem !== undefined) throw new OperationalError(claim.problem);
  if (neighbour !== undefined) log.warn({ event: "tunnel", tunnel: name }, `tunnel ${name}: ${neighbour}`);
  try {
    const { port: localPort } = await transport.openEndpoint(endpointOf(config, local));
    return { ends: { localAddress: local, localPort, remoteAddress: remote }, lock: claim.lock };
  } catch (error) {
    claim.lock[Symbol.dispose]();
    throw error;
  }
}
