import { PrefixTable } from "../bytes/prefix-table.ts";
import { type RawControlMessage, rawHostName, rawRouterId } from "../wire/raw-message.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { PeerSettings } from "./settings.ts";

/** A peer, as far as it is found by its settings. */
export interface ListedPeer {
  readonly settings: PeerSettings;
}

/** Who an SCCRQ says its sender is; what it hides or leaves out is undefined. */
interface ClaimedIdentity {
  readonly hostName: string | undefined;
  readonly routerId: number | undefined;
}

/** Peers of one address, or of one local end, by the identity that their settings ask for. */
type ByIdentity<Found> = Map<string, Found>;

const EVERYWHERE = ["0.0.0.0/0", "::/0"];
/** Key of the peers whose settings ask for no identity. */
const NOBODY_IN_PARTICULAR = identityKey({ hostName: undefined, routerId: undefined });

/**
 * The peers of an LCCE, found by name, by address and by the identity that an SCCRQ claims. Nothing is
 * verified here: the choice says whose secret is to verify the message (RFC 3931 §5.4.1), so that a stranger
 * costs one verification, and not one for each peer. What a look-up costs does not grow with their number.
 */
export class PeerDirectory<P extends ListedPeer> {
  readonly #byName = new Map<string, P>();
  /** Peers of a configured address: by both addresses, identity and the peer's UDP port. */
  readonly #configured = new Map<string, ByIdentity<Map<number, P>>>();
  /** Peers of any address: by our end, identity and prefix. */
  readonly #any = new Map<string, ByIdentity<PrefixTable<P>>>();
  /** The settings under which each peer is listed. */
  readonly #listed = new Map<P, PeerSettings>();

  get all(): Iterable<P> {
    return this.#byName.values();
  }

  get(name: string): P | undefined {
    return this.#byName.get(name);
  }

  add(peer: P): void {
    const { settings } = peer;
    this.#byName.set(settings.name, peer);
    this.#list(peer, settings);
  }

  remove(name: string): void {
    const peer = this.#byName.get(name);
    if (peer === undefined) return;
    this.#byName.delete(name);
    this.#unlist(peer);
  }

  /** A peer has other settings under its present name. */
  changed(peer: P): void {
    this.#unlist(peer);
    this.#list(peer, peer.settings);
  }

  /** Peers have other names, by their former ones. */
  rename(newNames: ReadonlyMap<string, string>): void {
    const peers = [...this.#byName];
    this.#byName.clear();
    for (const [before, peer] of peers) this.#byName.set(newNames.get(before) ?? before, peer);
  }

  /**
   * The peer whose SCCRQ this may be. One that is named counts before one that is not, and one at its address
   * before one of any address. Without any of these a peer at this address that expects another name: it is
   * told so, once its digest is verified.
   */
  findByClaim(path: PsnPath, sccrq: RawControlMessage): P | undefined {
    const here = this.#configured.get(addressKey(path));
    const anywhere = this.#any.get(localKey(path));
    const named = keysOfClaim({ hostName: rawHostName(sccrq), routerId: rawRouterId(sccrq) });
    const unnamed = [NOBODY_IN_PARTICULAR];
    const atAddress = (keys: readonly string[]) => first(keys, (key) => atPort(here?.get(key), path));
    const ofAny = (keys: readonly string[]) =>
      first(keys, (key) => anywhere?.get(key)?.find(path.remoteAddress));
    return atAddress(named) ?? ofAny(named) ?? atAddress(unnamed) ?? ofAny(unnamed) ?? this.findByPath(path);
  }

  /** A peer that is configured with this address, and this UDP port if one is. */
  findByPath(path: PsnPath): P | undefined {
    const here = [...(this.#configured.get(addressKey(path))?.values() ?? [])];
    return first(here, (ports) => ports.get(path.remotePort)) ?? first(here, (ports) => atPort(ports, path));
  }

  #list(peer: P, settings: PeerSettings): void {
    this.#listed.set(peer, settings);
    const identity = identityKey({ hostName: settings.peerHostName, routerId: settings.peerRouterId });
    if (settings.from === undefined) {
      const here = entry(this.#configured, addressKey(settings.path), () => new Map());
      const ports = entry(here, identity, () => new Map<number, P>());
      if (!ports.has(settings.path.remotePort)) ports.set(settings.path.remotePort, peer);
      return;
    }
    const anywhere = entry(this.#any, localKey(settings.path), () => new Map());
    const table = entry(anywhere, identity, () => new PrefixTable<P>());
    for (const prefix of prefixesOf(settings)) table.add(prefix, peer);
  }

  #unlist(peer: P): void {
    const settings = this.#listed.get(peer);
    if (settings === undefined) return;
    this.#listed.delete(peer);
    const identity = identityKey({ hostName: settings.peerHostName, routerId: settings.peerRouterId });
    const { path } = settings;
    const ports = this.#configured.get(addressKey(path))?.get(identity);
    if (settings.from === undefined && ports?.get(path.remotePort) === peer) ports.delete(path.remotePort);
    prune(this.#configured, addressKey(path), identity, ports?.size === 0);
    const table = this.#any.get(localKey(path))?.get(identity);
    for (const prefix of prefixesOf(settings)) table?.delete(prefix, peer);
    prune(this.#any, localKey(path), identity, table?.isEmpty === true);
  }
}

/** The prefixes that a peer of any address may come from; none for a peer of a configured address. */
function prefixesOf({ from }: PeerSettings): readonly string[] {
  return from?.length === 0 ? EVERYWHERE : (from ?? []);
}

function localKey({ encapsulation, localAddress, localPort }: PsnPath): string {
  return `${encapsulation} ${localAddress} ${localPort}`;
}

function addressKey(path: PsnPath): string {
  return `${localKey(path)} ${path.remoteAddress}`;
}

/** A number never has a blank in it, so that no two identities have the same key. */
function identityKey({ hostName, routerId }: ClaimedIdentity): string {
  return `${routerId ?? "-"} ${hostName === undefined ? "" : `=${hostName}`}`;
}

/** The identities that settings may ask for and this one has: both names, or one of them. */
function keysOfClaim({ hostName, routerId }: ClaimedIdentity): readonly string[] {
  const keys = [
    { hostName, routerId },
    { hostName, routerId: undefined },
    { hostName: undefined, routerId },
  ];
  return keys.map(identityKey).filter((key) => key !== NOBODY_IN_PARTICULAR);
}

/** The peer of a port, or else the first one. */
function atPort<P>(ports: ReadonlyMap<number, P> | undefined, { remotePort }: PsnPath): P | undefined {
  return ports?.get(remotePort) ?? ports?.values().next().value;
}

function first<From, To>(all: readonly From[], find: (one: From) => To | undefined): To | undefined {
  for (const one of all) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The value of a key, which is made where there is none. */
function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

/** Takes an empty table out, and the table that it is the last of. */
function prune<Inner>(
  outer: Map<string, Map<string, Inner>>,
  key: string,
  innerKey: string,
  isEmpty: boolean,
): void {
  const inner = outer.get(key);
  if (isEmpty) inner?.delete(innerKey);
  if (inner?.size === 0) outer.delete(key);
}
