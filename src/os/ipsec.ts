import netlink from "netlink";
import { SystemError } from "./errors.ts";
import {
  decodeIpsecPolicy,
  type Flow,
  holdsFor,
  type IpsecDefaults,
  type IpsecPolicy,
  POLICY_OCTETS,
} from "./ipsec-policies.ts";
import { type NetlinkWatch, netlinkFamily, watchNetlink } from "./netlink-watch.ts";
import { attributesIn, errnoOf } from "./rtnetlink.ts";

/** TABLE: of linux/netlink.h and linux/xfrm.h. */
const XFRM_MSG_GETPOLICY = 21;
const XFRM_MSG_GETDEFAULT = 40;
const DUMP = 0x300;
/** struct xfrm_userpolicy_id, all zero: every policy. */
const POLICY_ID_OCTETS = 64;
/** Of struct xfrm_userpolicy_default, in its order: in, fwd, out; and what means that packets are dropped. */
const DEFAULT_OCTETS = 3;
const DEFAULT_BLOCK = 1;
/**
 * XFRMNLGRP_EXPIRE, XFRMNLGRP_POLICY and XFRMNLGRP_MIGRATE: policies that come, go, end or change their
 * addresses.
 */
const groups = [2, 4, 7] as const;
/** A program that loads a thousand policies is followed by some readings, not by a thousand. */
const BETWEEN_READINGS_MS = 100;
const ANSWER_LIMIT_MS = 10_000;

interface Database {
  readonly policies: readonly IpsecPolicy[];
  readonly defaults: IpsecDefaults;
}

const EMPTY: Database = { policies: [], defaults: { in: "accept", out: "accept" } };

/** The IPsec policies of this network namespace, as they are now. A kernel without IPsec has none. */
export class IpsecPolicies {
  #database = EMPTY;
  #text = JSON.stringify(EMPTY);
  #watch: NetlinkWatch | undefined;

  private constructor() {}

  /** Reads them, and from then on calls after every change. Rejects with SystemError. */
  static async open(changed: () => void): Promise<IpsecPolicies> {
    const policies = new IpsecPolicies();
    try {
      // The watching begins first: what changes while they are read is read again.
      policies.#watch = watchNetlink({ family: "xfrm", groups, pauseMs: BETWEEN_READINGS_MS }, async () => {
        if (await policies.#read()) changed();
      });
    } catch (error) {
      if ((error as SystemError).errno === "EPROTONOSUPPORT") return policies;
      throw error;
    }
    try {
      await policies.#read();
    } catch (error) {
      policies.close();
      throw error;
    }
    return policies;
  }

  /** Whether packets of a flow are to be blocked or transformed. */
  holdFor(flow: Flow): boolean {
    return holdsFor(flow, this.#database.policies, this.#database.defaults);
  }

  close(): void {
    this.#watch?.close();
  }

  /** Says whether anything is different now. */
  async #read(): Promise<boolean> {
    const database = await readDatabase();
    const text = JSON.stringify(database);
    const isOther = text !== this.#text;
    this.#text = text;
    this.#database = database;
    return isOther;
  }
}

async function readDatabase(): Promise<Database> {
  const socket = netlink.createNetlink(netlinkFamily.xfrm);
  try {
    const ask = async (type: number, octets: number, flags: number): Promise<readonly Buffer[]> => {
      const options = { flags, timeout: ANSWER_LIMIT_MS };
      const [answers] = await socket.request(type, [Buffer.alloc(octets)], options);
      return answers.map(({ data }) => Buffer.from(data as Uint8Array));
    };
    const found = await ask(XFRM_MSG_GETPOLICY, POLICY_ID_OCTETS, DUMP);
    const policies = found.flatMap((octets) => {
      const policy = decodeIpsecPolicy(octets, attributesIn(octets.subarray(POLICY_OCTETS)));
      return policy === undefined ? [] : [policy];
    });
    // Before Linux 5.15 there is no such question, and what no policy matches passes.
    const [defaults] = await ask(XFRM_MSG_GETDEFAULT, DEFAULT_OCTETS, 0).catch(() => []);
    const word = (octet: number | undefined) => (octet === DEFAULT_BLOCK ? "block" : "accept");
    return { policies, defaults: { in: word(defaults?.[0]), out: word(defaults?.[2]) } };
  } catch (cause) {
    const errno = errnoOf(cause);
    const hint = errno === "EPERM" ? "needs CAP_NET_ADMIN" : "see: ip xfrm policy";
    throw new SystemError("read IPsec policies", { errno, target: "of this network namespace", hint, cause });
  } finally {
    socket.close();
  }
}
