import { OperationalError } from "../bytes/errors.ts";
import { SystemError } from "./errors.ts";
import { isPair } from "./interface-pairs.ts";
import { type LinkMessage, linkAttribute, readLink, readLinks, setLink } from "./link-message.ts";
import { bridgeProblem } from "./link-problems.ts";
import { Netlink, withNetlink } from "./netlink.ts";
import { type Attribute, u32Payload } from "./netlink-attributes.ts";
import { type NetlinkWatch, watchNetlink } from "./netlink-watch.ts";

/** The state of an interface. */
export type LinkState = Pick<
  LinkMessage,
  "name" | "index" | "up" | "isOn" | "mtu" | "kind" | "kindData" | "portData" | "alias" | "master"
> &
  Partial<Pick<LinkMessage, "link" | "isLinkElsewhere" | "address">>;

export type LinkListener = (name: string, state: LinkState | undefined) => void;

/** RTNLGRP_LINK (linux/rtnetlink.h). */
const LINK_GROUP = 1;
/** Pause between readings while notifications come one after another. */
const PAUSE_MS = 50;
const READ = { operation: "list interfaces", target: "this network namespace" };

/** The interfaces of a network namespace and their changes, by rtnetlink. */
export class Links {
  readonly #netlink: Netlink;
  readonly #watch: NetlinkWatch;
  readonly #listeners: LinkListener[] = [];
  readonly #readingListeners: (() => void)[] = [];
  #states = new Map<string, LinkState>();
  /** The reading that has been asked for and has not begun. */
  #next: Promise<void> | undefined;
  #isClosed = false;

  private constructor(netlink: Netlink) {
    this.#netlink = netlink;
    // A notification only causes a reading of all, so that none can be misread, and losses do not matter.
    const options = { family: "route", groups: [LINK_GROUP], pauseMs: PAUSE_MS } as const;
    this.#watch = watchNetlink(options, () => this.reread());
  }

  static async open(): Promise<Links> {
    const links = new Links(Netlink.open("route"));
    await links.reread();
    return links;
  }

  get(name: string): LinkState | undefined {
    return this.#states.get(name);
  }

  /** All interfaces, in no order. */
  all(): readonly LinkState[] {
    return [...this.#states.values()];
  }

  /** Calls the listener for each later change; `state` is undefined for an interface that is gone. */
  watch(listener: LinkListener): void {
    this.#listeners.push(listener);
  }

  /** Calls the listener after each reading, whatever changed, after those of `watch`. */
  watchReadings(listener: () => void): void {
    this.#readingListeners.push(listener);
  }

  /** Switches an interface on or off. Rejects with SystemError. */
  async setUp(name: string, up: boolean): Promise<void> {
    await this.#change(`set ${up ? "up" : "down"} an interface`, name, { up });
  }

  /**
   * Gives a TAP device its carrier, or takes it away. One end of a pair of interfaces has it while the other
   * end is switched on. Rejects with SystemError, also where the driver has no such choice.
   */
  async setCarrier(name: string, on: boolean): Promise<void> {
    await this.reread();
    const { kind = "", link, isLinkElsewhere = false } = this.#states.get(name) ?? {};
    const operation = `switch the carrier of an interface ${on ? "on" : "off"}`;
    if (!isPair(kind) || link === undefined || isLinkElsewhere) {
      const carrier: Attribute = [linkAttribute.carrier, Uint8Array.of(on ? 1 : 0)];
      return this.#change(operation, name, {}, [carrier]);
    }
    const target = `the other end of interface ${name}`;
    this.#netlink.request({ operation, target }, setLink({ index: link, up: on }));
    await this.reread();
  }

  /** Whether an interface was a port of a bridge at the last reading. */
  isPort(name: string, bridge: string): boolean {
    const master = this.#states.get(name)?.master;
    return master !== undefined && master === this.#states.get(bridge)?.index;
  }

  /**
   * Reads all interfaces and tells the listeners of changes. Resolves when a reading that began after this
   * call is done; calls before it begins share it. Rejects with SystemError.
   */
  reread(): Promise<void> {
    this.#next ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#next = undefined;
        try {
          if (!this.#isClosed) this.#compare(this.#read());
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    return this.#next;
  }

  /**
   * Reads one interface and tells the listeners of `watch` what changed: of many interfaces each costs no
   * reading of all. The kernel's notification causes one of these soon after. Throws SystemError.
   */
  readOne(name: string): void {
    if (this.#isClosed) return;
    const now = readLink(this.#netlink, { ...READ, target: `interface ${name}` }, name);
    const old = this.#states.get(name);
    if (now === undefined) this.#states.delete(name);
    else this.#states.set(name, now);
    if (old !== undefined && now?.index !== old.index) this.#tell(name, undefined);
    if (now !== undefined && !isSameState(old, now)) this.#tell(name, now);
  }

  /**
   * Makes an interface a port of a bridge, or with undefined of none. `joined` is called with its index
   * before anything else happens, to give the port its attributes. Rejects with OperationalError.
   */
  async setMaster(name: string, bridge: string | undefined, joined?: (index: number) => void): Promise<void> {
    if (bridge === undefined)
      return this.#change("take an interface out of its bridge", name, {}, [masterAttribute(0)]);
    await this.reread();
    const found = this.#states.get(bridge);
    const problem = bridgeProblem(bridge, found);
    if (found === undefined || problem !== undefined) throw new OperationalError(problem);
    const attributes = [masterAttribute(found.index)];
    await this.#change(`put an interface into bridge ${bridge}`, name, {}, attributes, joined);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listeners.length = 0;
    this.#readingListeners.length = 0;
    this.#watch.close();
    this.#netlink[Symbol.dispose]();
  }

  async #change(
    operation: string,
    name: string,
    change: { readonly up?: boolean },
    attributes: readonly Attribute[] = [],
    done?: (index: number) => void,
  ): Promise<void> {
    this.readOne(name);
    const target = `interface ${name}`;
    const index = this.#states.get(name)?.index;
    if (index === undefined) throw new SystemError(operation, { errno: "ENODEV", target });
    this.#netlink.request({ operation, target }, setLink({ index, ...change }, attributes));
    done?.(index);
    this.readOne(name);
  }

  #read(): Map<string, LinkState> {
    return new Map(readLinks(this.#netlink, READ).map((link) => [link.name, link]));
  }

  #compare(now: Map<string, LinkState>): void {
    const before = this.#states;
    this.#states = now;
    for (const [name, state] of before) {
      if (now.get(name)?.index !== state.index) this.#tell(name, undefined);
    }
    for (const [name, state] of now) {
      if (!isSameState(before.get(name), state)) this.#tell(name, state);
    }
    for (const listener of this.#readingListeners) listener();
  }

  #tell(name: string, state: LinkState | undefined): void {
    for (const listener of this.#listeners) listener(name, state);
  }
}

function isSameState(old: LinkState | undefined, { index, up, isOn, master }: LinkState): boolean {
  return old?.index === index && old.up === up && old.isOn === isOn && old.master === master;
}

function masterAttribute(index: number): Attribute {
  return [linkAttribute.master, u32Payload(index)];
}

export function openLinks(): Promise<Links> {
  return Links.open();
}

/** All interfaces of this network namespace as they are now. Throws SystemError. */
export function readLinkStates(): readonly LinkState[] {
  return withNetlink("route", (netlink) => readLinks(netlink, READ));
}
