import { OperationalError } from "../../bytes/errors.ts";
import { SerialQueue } from "../../bytes/serial-queue.ts";
import { run } from "../command.ts";
import { inNode } from "../nodes.ts";
import { Bypass, endForwarding, type LinkEnd, mirrorFrames } from "./bypass.ts";
import { conditionProblems, isPerfect, type LinkConditions, withoutZeros } from "./conditions.ts";
import {
  addDiscipline,
  endForwardingWithLoss,
  forwardWithLoss,
  kernelCounters,
  type LinkCounters,
  probeCapabilities,
  removeDiscipline,
} from "./kernel-conditions.ts";
import { type LinkCapabilities, type LinkMechanism, mechanismsFor } from "./realisation.ts";
import type { RelayPath } from "./relay-messages.ts";
import { RelayProcess } from "./relay-process.ts";

/** The namespace that the links of a lab share. Its name sorts before those of nodes, and is none of them. */
export const LINKS_NAMESPACE = ".links";

/** TABLE: directions of a link: from the node into the segment, and from the segment to the node. */
const linkDirections = ["out", "in"] as const;
export type LinkDirection = (typeof linkDirections)[number];

/** A change of a link: a direction that is given gets these conditions instead of those that it had. */
export interface LinkChange {
  readonly out?: LinkConditions | undefined;
  readonly in?: LinkConditions | undefined;
  /** Whether both ends have lost their carrier. */
  readonly down?: boolean | undefined;
}

/** One direction of a link. */
export interface LinkDirectionReport {
  readonly conditions: LinkConditions;
  /** By what the conditions are realised; nothing where there are none. */
  readonly realisedBy: readonly LinkMechanism[];
  /** Since the conditions were set; undefined where there are none. */
  readonly counters: LinkCounters | undefined;
}

/** A link as it is. */
export interface LinkReport {
  readonly link: LinkEnd;
  readonly down: boolean;
  readonly out: LinkDirectionReport;
  readonly in: LinkDirectionReport;
}

interface DirectionState {
  readonly conditions: LinkConditions;
  readonly mechanisms: readonly LinkMechanism[];
}

interface LinkState {
  readonly end: LinkEnd;
  bypass: Bypass | undefined;
  /** Stays without conditions too. */
  kept: boolean;
  down: boolean;
  readonly directions: Record<LinkDirection, DirectionState>;
}

const PERFECT: DirectionState = { conditions: {}, mechanisms: [] };

/** How a LinkControl differs from what a lab wants. */
export interface LinkControlOptions {
  /** The namespace that the links share; it is made when a link needs it. */
  readonly namespace?: string;
  /** Mechanisms that are not used although the kernel has them. */
  readonly without?: readonly (keyof LinkCapabilities)[];
}

/**
 * Conditions, loss of carrier and counters of the links of a lab, changed while frames flow. It must run in
 * the lab's namespaces, with the rights over them. One operation runs at a time, in the order they were asked
 * for. They reject with CommandError for what a program refused, SystemError for what the kernel did, and
 * OperationalError for conditions that contradict each other.
 */
export class LinkControl {
  readonly #queue = new SerialQueue();
  readonly #links = new Map<string, LinkState>();
  readonly #namespace: string;
  readonly #without: readonly (keyof LinkCapabilities)[];
  readonly #relay: RelayProcess;
  #capabilities: LinkCapabilities | undefined;
  #number = 0;

  /** Makes nothing before a link needs it. */
  constructor({ namespace = LINKS_NAMESPACE, without = [] }: LinkControlOptions = {}) {
    this.#namespace = namespace;
    this.#without = without;
    this.#relay = new RelayProcess(namespace);
  }

  /** Changes a link. Conditions that are given replace those of the direction; {} takes all away. */
  set(end: LinkEnd, change: LinkChange): Promise<LinkReport> {
    return this.#queue.run(async () => {
      const link = this.#linkOf(end);
      for (const direction of linkDirections) checkConditions(end, change[direction] ?? {});
      if (linkDirections.some((direction) => !isPerfect(change[direction] ?? {}))) await this.#insert(link);
      for (const direction of linkDirections) {
        const conditions = change[direction];
        if (conditions !== undefined) await this.#apply(link, direction, withoutZeros(conditions));
      }
      if (change.down !== undefined) await this.#setDown(link, change.down);
      await this.#removeIfIdle(link);
      return this.#reportOf(link);
    });
  }

  /**
   * Makes a link ready for conditions before it has any, so that later ones do not change the port of its
   * bridge: one with STP would listen and learn first. It stays so.
   */
  prepare(end: LinkEnd): Promise<void> {
    return this.#queue.run(async () => {
      const link = this.#linkOf(end);
      link.kept = true;
      await this.#insert(link);
    });
  }

  /** Forgets a link, which is as if it had never had conditions; its devices may be gone already. */
  remove(end: LinkEnd): Promise<void> {
    return this.#queue.run(async () => {
      const link = this.#links.get(keyOf(end));
      if (link === undefined) return;
      this.#links.delete(keyOf(end));
      const { bypass } = link;
      if (bypass === undefined) return;
      for (const direction of linkDirections) {
        if (link.directions[direction].mechanisms.includes("relay"))
          await this.#relay.remove(pathOf(bypass, direction));
      }
      await bypass.remove();
    });
  }

  /** All links that were ever changed. */
  report(): Promise<readonly LinkReport[]> {
    return this.#queue.run(async () => {
      const reports: LinkReport[] = [];
      for (const link of this.#links.values()) reports.push(await this.#reportOf(link));
      return reports;
    });
  }

  /** Pid of the relay, as this process sees it; undefined while no link needs it. */
  get relayPid(): number | undefined {
    return this.#relay.pid;
  }

  /** Ends the relay, and all links that have conditions: it is for the end of a lab. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.run(async () => {
      await this.#relay[Symbol.asyncDispose]();
      if (this.#capabilities !== undefined) await run(["ip", "netns", "del", this.#namespace]);
      this.#capabilities = undefined;
      this.#links.clear();
    });
  }

  #linkOf(end: LinkEnd): LinkState {
    const present = this.#links.get(keyOf(end));
    if (present !== undefined) return present;
    const link = {
      end,
      bypass: undefined,
      kept: false,
      down: false,
      directions: { out: PERFECT, in: PERFECT },
    };
    this.#links.set(keyOf(end), link);
    return link;
  }

  /** Makes the shared namespace, and finds out what the kernel can do, once. */
  async #begin(): Promise<LinkCapabilities> {
    if (this.#capabilities !== undefined) return this.#capabilities;
    const namespace = this.#namespace;
    await run(["ip", "netns", "add", namespace]);
    // Its interfaces are none of a host: nobody there may send router solicitations.
    const key = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    await run(inNode(namespace, "sh", "-c", 'test ! -e "$1" || echo 1 >"$1"', "sh", key));
    const found = await probeCapabilities(namespace);
    const refused = Object.fromEntries(this.#without.map((mechanism) => [mechanism, false]));
    this.#capabilities = { ...found, ...refused };
    return this.#capabilities;
  }

  async #insert(link: LinkState): Promise<void> {
    if (link.bypass !== undefined) return;
    await this.#begin();
    this.#number += 1;
    link.bypass = await Bypass.insert(link.end, this.#namespace, this.#number);
    if (link.down) await this.#setDown(link, true);
  }

  async #removeIfIdle(link: LinkState): Promise<void> {
    const { bypass, kept, directions } = link;
    if (bypass === undefined || kept || bypass.hasSpanningTree) return;
    if (linkDirections.some((direction) => !isPerfect(directions[direction].conditions))) return;
    await bypass.remove();
    link.bypass = undefined;
  }

  /** Both ends have no carrier: that of the node, and the port of the bridge. */
  async #setDown(link: LinkState, down: boolean): Promise<void> {
    const state = down ? "down" : "up";
    const { segmentNamespace, farDevice, carrierDevice = farDevice } = link.end;
    await run(["ip", "-n", segmentNamespace, "link", "set", "dev", carrierDevice, state]);
    if (link.bypass !== undefined)
      await run(["ip", "-n", this.#namespace, "link", "set", "dev", link.bypass.portSide, state]);
    link.down = down;
  }

  async #apply(link: LinkState, direction: LinkDirection, conditions: LinkConditions): Promise<void> {
    const { bypass } = link;
    if (bypass === undefined) return;
    const path = pathOf(bypass, direction);
    const mechanisms = mechanismsFor(conditions, await this.#begin());
    const before = link.directions[direction].mechanisms;
    const [was, is] = [forwarderOf(before), forwarderOf(mechanisms)];
    const namespace = this.#namespace;
    if (was === "relay" && is === "relay") await this.#relay.set(path, conditions);
    else {
      link.directions[direction] = PERFECT;
      // Two at once would send frames twice.
      if (was !== is) await this.#endForwarding(path, was);
      try {
        await removeDiscipline(namespace, path.to, before);
        await addDiscipline(namespace, path.to, conditions, mechanisms, bypass.frameOctets);
        if (is === "relay") await this.#relay.set(path, conditions);
        if (is === "nftables") await forwardWithLoss(namespace, path, conditions);
        if (is === "mirred" && was !== "mirred") await mirrorFrames(namespace, path.from, path.to);
      } catch (error) {
        if (was !== is) await mirrorFrames(namespace, path.from, path.to);
        throw error;
      }
    }
    link.directions[direction] = { conditions, mechanisms };
  }

  async #endForwarding(path: RelayPath, forwarder: Forwarder): Promise<void> {
    if (forwarder === "relay") await this.#relay.remove(path);
    if (forwarder === "nftables") await endForwardingWithLoss(this.#namespace, path);
    if (forwarder === "mirred") await endForwarding(this.#namespace, path.from);
  }

  async #reportOf(link: LinkState): Promise<LinkReport> {
    const { end, down, bypass, directions } = link;
    const reportOf = async (direction: LinkDirection): Promise<LinkDirectionReport> => {
      const { conditions, mechanisms } = directions[direction];
      const counters = bypass && (await this.#counters(pathOf(bypass, direction), mechanisms));
      return { conditions, realisedBy: mechanisms, counters };
    };
    return { link: end, down, out: await reportOf("out"), in: await reportOf("in") };
  }

  #counters(path: RelayPath, mechanisms: readonly LinkMechanism[]): Promise<LinkCounters | undefined> {
    if (mechanisms.includes("relay")) return this.#relay.counters(path);
    return kernelCounters(this.#namespace, path, mechanisms);
  }
}

/** Who takes frames from one device of the shared namespace to the other. */
type Forwarder = "mirred" | "nftables" | "relay";

function forwarderOf(mechanisms: readonly LinkMechanism[]): Forwarder {
  if (mechanisms.includes("relay")) return "relay";
  return mechanisms.includes("nftables") ? "nftables" : "mirred";
}

/** Where frames of a direction come in and go out in the shared namespace. */
function pathOf({ nodeSide, portSide }: Bypass, direction: LinkDirection): RelayPath {
  return direction === "out" ? { from: nodeSide, to: portSide } : { from: portSide, to: nodeSide };
}

function keyOf({ segmentNamespace, farDevice }: LinkEnd): string {
  return `${segmentNamespace} ${farDevice}`;
}

function checkConditions({ segmentNamespace, farDevice }: LinkEnd, conditions: LinkConditions): void {
  const [problem] = conditionProblems(conditions);
  if (problem === undefined) return;
  const { key, message } = problem;
  throw new OperationalError(
    `put conditions on the link of ${farDevice} in ${segmentNamespace}: ${key}: ${message}`,
  );
}
