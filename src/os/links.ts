import netlink, { type RtNetlinkSocket } from "netlink";
import { SystemError } from "./errors.ts";

/** How an interface stands. */
export interface LinkState {
  readonly name: string;
  readonly index: number;
  /** Whether frames pass: switched on, and its lower layer says so. */
  readonly up: boolean;
  readonly mtu: number;
}

export type LinkListener = (name: string, state: LinkState | undefined) => void;

/** The interfaces of this network namespace, by rtnetlink, and what becomes of them. */
export class Links {
  readonly #socket: RtNetlinkSocket;
  readonly #listeners: LinkListener[] = [];
  #states = new Map<string, LinkState>();
  #refreshing = false;
  #again = false;

  private constructor(socket: RtNetlinkSocket) {
    this.#socket = socket;
  }

  static async open(): Promise<Links> {
    const links = new Links(netlink.createRtNetlink());
    links.#socket.addMembership("LINK");
    // What an event says is read anew from the kernel, so that none can be misread or missed.
    links.#socket.on("message", () => void links.#refresh());
    await links.#refresh();
    return links;
  }

  get(name: string): LinkState | undefined {
    return this.#states.get(name);
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

  /** Puts an interface into a bridge. */
  async setMaster(name: string, bridge: string): Promise<void> {
    await this.#refresh();
    const master = this.#states.get(bridge)?.index;
    if (master === undefined) {
      throw new SystemError(`put ${name} into a bridge`, {
        errno: "ENODEV",
        target: `bridge ${bridge}`,
        hint: `create it: ip link add ${bridge} type bridge`,
      });
    }
    await this.#change(`put an interface into bridge ${bridge}`, name, (index) =>
      this.#socket.setLink({ index }, { master }),
    );
  }

  close(): void {
    this.#listeners.length = 0;
    this.#socket.socket.close();
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

  /** Reads all interfaces; asked again meanwhile, it reads once more. */
  async #refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      return;
    }
    this.#refreshing = true;
    try {
      do {
        this.#again = false;
        this.#compare(await this.#read());
      } while (this.#again);
    } finally {
      this.#refreshing = false;
    }
  }

  async #read(): Promise<Map<string, LinkState>> {
    const states = new Map<string, LinkState>();
    for (const { data, attrs } of await this.#socket.getLinks({})) {
      const { ifname: name, mtu } = attrs;
      if (name === undefined || data.index === undefined) continue;
      const up = data.flags?.up === true && data.flags.lowerUp === true;
      states.set(name, { name, index: data.index, up, mtu: mtu ?? 0 });
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
      if (old === undefined || old.index !== state.index || old.up !== state.up) this.#tell(name, state);
    }
  }

  #tell(name: string, state: LinkState | undefined): void {
    for (const listener of this.#listeners) listener(name, state);
  }
}

export function openLinks(): Promise<Links> {
  return Links.open();
}
