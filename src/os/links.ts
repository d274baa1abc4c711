import netlink, { type RtNetlinkSocket } from "netlink";
import { SystemError } from "./errors.ts";
import { kindOf, masterOf } from "./link-attributes.ts";
import { bridgeProblem } from "./link-problems.ts";
import { type NetlinkWatch, watchNetlink } from "./netlink-watch.ts";

/** How an interface stands. */
export interface LinkState {
  readonly name: string;
  readonly index: number;
  /** Whether frames pass: switched on, and its lower layer says so. */
  readonly up: boolean;
  readonly mtu: number;
  /** Kind of a virtual interface, such as "bridge" (ip link show type); undefined for hardware. */
  readonly kind: string | undefined;
  /** Index of the bridge, bond or VRF that it is a port of. */
  readonly master: number | undefined;
}

export type LinkListener = (name: string, state: LinkState | undefined) => void;

/** RTNLGRP_LINK (linux/rtnetlink.h). */
const LINK_GROUP = 1;
/** Ours: a reading that takes longer is given up, and one that went wrong is tried again after a pause. */
const READ_LIMIT_MS = 10_000;
const PAUSE_MS = 200;
/** Between readings while notifications come one after another. */
const BETWEEN_READINGS_MS = 50;

/** The interfaces of this network namespace, by rtnetlink, and what becomes of them. */
export class Links {
  readonly #socket: RtNetlinkSocket;
  /**
   * Notifications have a socket of their own: one that came between the parts of a dump would spoil the dump.
   */
  readonly #watch: NetlinkWatch;
  readonly #listeners: LinkListener[] = [];
  #states = new Map<string, LinkState>();
  /** The reading at work, and the one that is to follow it. */
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #closed = false;

  private constructor(socket: RtNetlinkSocket) {
    this.#socket = socket;
    // What a notification says is read anew from the kernel, so that none can be misread or missed.
    const options = { family: "route", groups: [LINK_GROUP], pauseMs: BETWEEN_READINGS_MS } as const;
    this.#watch = watchNetlink(options, () => this.#catchUp());
  }

  static async open(): Promise<Links> {
    const links = new Links(netlink.createRtNetlink());
    links.#socket.socket.on("error", () => void links.#catchUp());
    await links.#refresh();
    return links;
  }

  get(name: string): LinkState | undefined {
    return this.#states.get(name);
  }

  /** All that there are, in no order. */
  all(): readonly LinkState[] {
    return [...this.#states.values()];
  }

  /** Tells every change from now on; `state` is undefined for an interface that is gone. */
  watch(listener: LinkListener): void {
    this.#listeners.push(listener);
  }

  async setUp(name: string, up: boolean): Promise<void> {
    await this.#change(`set ${up ? "up" : "down"} an interface`, name, (index) =>
      this.#socket.setLink({ index, flags: up ? { up: true } : {}, change: { up: true } }),
    );
  }

  /** Whether an interface is a port of a bridge, as far as was read. */
  isPort(name: string, bridge: string): boolean {
    const master = this.#states.get(name)?.master;
    return master !== undefined && master === this.#states.get(bridge)?.index;
  }

  /**
   * Resolves when a reading that began after this call is done. Rejects where the kernel could not be read.
   */
  reread(): Promise<void> {
    return this.#refresh();
  }

  /**
   * Puts an interface into a bridge, whatever it was a port of before; or out of that, where `bridge` is
   * undefined.
   */
  async setMaster(name: string, bridge: string | undefined): Promise<void> {
    if (bridge === undefined)
      return this.#change("take an interface out of its bridge", name, (index) =>
        this.#socket.setLink({ index }, { master: 0 }),
      );
    await this.#refresh();
    const found = this.#states.get(bridge);
    const problem = bridgeProblem(bridge, found);
    if (found === undefined || problem !== undefined) throw new Error(problem);
    await this.#change(`put an interface into bridge ${bridge}`, name, (index) =>
      this.#socket.setLink({ index }, { master: found.index }),
    );
  }

  close(): void {
    this.#closed = true;
    this.#listeners.length = 0;
    this.#watch.close();
    // A question that is cut off would keep its time limit, and the process with it.
    void this.#reading.then(() => this.#socket.socket.close());
  }

  async #change(operation: string, name: string, act: (index: number) => Promise<unknown>): Promise<void> {
    await this.#refresh();
    const index = this.#states.get(name)?.index;
    const target = `interface ${name}`;
    if (index === undefined) throw new SystemError(operation, { errno: "ENODEV", target });
    try {
      await act(index);
    } catch (error) {
      const errno = /E[A-Z]+/.exec(String(error))?.[0] ?? "EIO";
      throw new SystemError(operation, { errno, target, cause: error });
    }
    await this.#refresh();
  }

  /** Reads all interfaces because something changed, until that succeeds. */
  async #catchUp(): Promise<void> {
    while (!this.#closed) {
      try {
        return await this.#refresh();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
      }
    }
  }

  /**
   * Resolves when a reading that began after this call is done; calls that come while one is at work share
   * the next one.
   */
  #refresh(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#reading.then(async () => {
      this.#next = undefined;
      this.#compare(await this.#read());
    });
    this.#next = next;
    this.#reading = next.catch(() => undefined);
    return next;
  }

  async #read(): Promise<Map<string, LinkState>> {
    const states = new Map<string, LinkState>();
    for (const { data, attrs } of await this.#socket.getLinks({}, {}, { timeout: READ_LIMIT_MS })) {
      const { ifname: name, mtu } = attrs;
      if (name === undefined || data.index === undefined) continue;
      const up = data.flags?.up === true && data.flags.lowerUp === true;
      const [kind, master] = [kindOf(attrs), masterOf(attrs)];
      states.set(name, { name, index: data.index, up, mtu: mtu ?? 0, kind, master });
    }
    return states;
  }

  #compare(now: Map<string, LinkState>): void {
    const before = this.#states;
    this.#states = now;
    for (const [name, state] of before) {
      if (now.get(name)?.index !== state.index) this.#tell(name, undefined);
    }
    for (const [name, state] of now) {
      const old = before.get(name);
      const { index, up, master } = state;
      if (old?.index !== index || old.up !== up || old.master !== master) this.#tell(name, state);
    }
  }

  #tell(name: string, state: LinkState | undefined): void {
    for (const listener of this.#listeners) listener(name, state);
  }
}

export function openLinks(): Promise<Links> {
  return Links.open();
}
