import { lookup, Resolver } from "node:dns/promises";
import { canonicalAddress } from "../bytes/ip-address.ts";
import { SerialQueue } from "../bytes/serial-queue.ts";
import { errnoOf } from "./errors.ts";
import { HostsFile } from "./hosts-file.ts";

/** Addresses of host names, by this machine's resolver, without blocking the event loop or other look-ups. */

/** An address of a name, and for how many seconds it may be used without asking again. */
export interface NameAddress {
  readonly address: string;
  readonly ttlS: number;
}

/** What was said of the addresses of one family; that there are none is an answer too. */
export type FamilyAnswer =
  | { readonly addresses: readonly NameAddress[] }
  | { readonly addresses?: undefined; readonly problem: string };

export type NameAnswer = ReadonlyMap<4 | 6, FamilyAnswer>;

/** One try, and the number of tries: an answer or a failure comes within a second. */
const TIMEOUT_MS = 500;
const TRIES = 2;
/** Names that are asked at one time; further ones wait for their turn. */
const MOST_AT_ONCE = 32;
/** Addresses of a family that are looked at; servers may give thousands. */
export const MOST_ADDRESSES = 16;
/** What other sources say holds so long: they know no TTL. To look at /etc/hosts again costs nothing. */
const OTHER_TTL_S = 30;
const HOSTS_TTL_S = 5;
/** `lookup` runs in the thread pool, where a dead resolver may hold it longer: it is waited for so long. */
const LOOKUP_LIMIT_MS = 3000;

/** TABLE: what errors of the resolver mean, by their codes. */
const meanings: Readonly<Record<string, string>> = {
  ETIMEOUT: "the name server does not answer",
  ECONNREFUSED: "nobody answers at the name server's address, or /etc/resolv.conf has none",
  ESERVFAIL: "the name server could not find out",
  EREFUSED: "the name server refuses to answer",
  ENOTFOUND: "there is no such name",
  ENODATA: "the name has no address of this family",
  EBADRESP: "the name server's answer is malformed",
  EBADNAME: "this is no name that can be asked",
};

/** Codes that say that the name or its addresses do not exist. */
const absent: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA"]);

/** Looks up names: several at a time, and a name that is being asked is not asked again. */
export class NameLookups {
  readonly #asked = new Map<string, Promise<NameAnswer>>();
  readonly #waiting: (() => void)[] = [];
  readonly #hosts = new HostsFile();
  /** One look-up at a time, so that the other threads of the pool stay free. */
  readonly #others = new SerialQueue();
  #running = 0;

  /** Resolves to the addresses of a name, or to what failed; never rejects. */
  ask(name: string, families: readonly (4 | 6)[]): Promise<NameAnswer> {
    const key = `${name} ${families.join()}`;
    const known = this.#asked.get(key);
    if (known !== undefined) return known;
    const asked = this.#ask(name, families).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #ask(name: string, families: readonly (4 | 6)[]): Promise<NameAnswer> {
    const hosts = this.#hosts.addresses(name);
    const inFile = new Map(families.map((family) => [family, ofFamily(hosts, family, HOSTS_TTL_S)] as const));
    if (hasAddresses(inFile)) return inFile;
    const answers = await this.#inTurn(() => {
      // Made anew each time: it reads /etc/resolv.conf, which may be another by now.
      const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
      return Promise.all(families.map((family) => resolve(resolver, name, family)));
    });
    const isAbsent = answers.every(({ code }) => code !== undefined && absent.has(code));
    const found = isAbsent ? await this.#lookUp(name) : undefined;
    return new Map(
      families.map((family, index) => [
        family,
        found === undefined
          ? (answers[index]?.answer ?? { addresses: [] })
          : ofFamily(found, family, OTHER_TTL_S),
      ]),
    );
  }

  /**
   * What other sources of nsswitch.conf(5) know, such as the search domains of resolv.conf(5) and mDNS;
   * undefined where there is nothing, or its turn and the answer do not come in time.
   */
  async #lookUp(name: string): Promise<readonly string[] | undefined> {
    let isAwaited = true;
    const done = this.#others.run(() => (isAwaited ? addressesElsewhere(name) : undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolveLate) => {
      timer = setTimeout(() => resolveLate(undefined), LOOKUP_LIMIT_MS);
    });
    try {
      return await Promise.race([done, late]);
    } finally {
      isAwaited = false;
      clearTimeout(timer);
    }
  }
}

async function addressesElsewhere(name: string): Promise<readonly string[] | undefined> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    errnoOf(error);
    return undefined;
  }
}

function hasAddresses(answer: NameAnswer): boolean {
  return [...answer.values()].some(({ addresses = [] }) => addresses.length > 0);
}

async function resolve(
  resolver: Resolver,
  name: string,
  family: 4 | 6,
): Promise<{ readonly answer: FamilyAnswer; readonly code?: string }> {
  try {
    const records = await (family === 4
      ? resolver.resolve4(name, { ttl: true })
      : resolver.resolve6(name, { ttl: true }));
    const addresses = records
      .slice(0, MOST_ADDRESSES)
      .map(({ address, ttl }) => ({ address: canonicalAddress(address)?.text ?? address, ttlS: ttl }));
    return { answer: { addresses } };
  } catch (error) {
    const code = errnoOf(error);
    if (absent.has(code)) return { answer: { addresses: [] }, code };
    return { answer: { problem: `${code} (${meanings[code] ?? "the resolver failed"})` }, code };
  }
}

function ofFamily(addresses: readonly string[], family: 4 | 6, ttlS: number): FamilyAnswer {
  const own = addresses.flatMap((address) => {
    const known = canonicalAddress(address);
    return known?.family === family ? [{ address: known.text, ttlS }] : [];
  });
  return { addresses: own.slice(0, MOST_ADDRESSES) };
}
