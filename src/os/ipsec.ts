import { NetlinkError, SystemError } from "./errors.ts";
import {
  decodeIpsecPolicy,
  type Flow,
  holdsFor,
  type IpsecDefaults,
  type IpsecPolicy,
  POLICY_OCTETS,
} from "./ipsec-policies.ts";
import { type Netlink, type Operation, withNetlink } from "./netlink.ts";
import { decodeAttributes } from "./netlink-attributes.ts";
import { type NetlinkWatch, watchNetlink } from "./netlink-watch.ts";

/** TABLE: of linux/netlink.h and linux/xfrm.h. */
const XFRM_MSG_GETPOLICY = 21;
const XFRM_MSG_GETDEFAULT = 40;
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
      policies.#watch = watchNetlink({ family: "xfrm", groups, pauseMs: BETWEEN_READINGS_MS }, () => {
        if (policies.#read()) changed();
      });
    } catch (error) {
      if (error instanceof SystemError && error.errno === "EPROTONOSUPPORT") return policies;
      throw error;
    }
    try {
      policies.#read();
    } catch (error) {
      policies.close();
      throw error;
    }
    return policies;
  }

  /** Reads them once. Throws SystemError. */
  static read(): IpsecPolicies {
    const policies = new IpsecPolicies();
    try {
      policies.#read();
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== "EPROTONOSUPPORT") throw error;
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

  /** Reads the policies; returns whether anything changed. */
  #read(): boolean {
    const database = readDatabase();
    const text = JSON.stringify(database);
    const isOther = text !== this.#text;
    this.#text = text;
    this.#database = database;
    return isOther;
  }
}

/** Throws SystemError. */
function readDatabase(): Database {
  const operation = {
    operation: "read IPsec policies",
    target: "of this network namespace",
    hints: { EPERM: "needs CAP_NET_ADMIN" },
  };
  return withNetlink("xfrm", (netlink) => {
    const payload = new Uint8Array(POLICY_ID_OCTETS);
    const found = netlink.dump(operation, { type: XFRM_MSG_GETPOLICY, payload });
    const policies = found.flatMap((octets) => {
      const policy = decodeIpsecPolicy(octets, decodeAttributes(octets.subarray(POLICY_OCTETS)));
      return policy === undefined ? [] : [policy];
    });
    return { policies, defaults: readDefaults(netlink, operation) };
  });
}

/** Before Linux 5.15 there is no such request, and packets that match no policy pass. */
function readDefaults(netlink: Netlink, operation: Operation): IpsecDefaults {
  try {
    const payload = new Uint8Array(DEFAULT_OCTETS);
    const [defaults] = netlink.request(operation, { type: XFRM_MSG_GETDEFAULT, payload });
    const action = (octet: number | undefined) => (octet === DEFAULT_BLOCK ? "block" : "accept");
    return { in: action(defaults?.[0]), out: action(defaults?.[2]) };
  } catch (error) {
    if (error instanceof NetlinkError && error.errno !== "EPERM") return EMPTY.defaults;
    throw error;
  }
}
