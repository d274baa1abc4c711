import { turnOffTransmitOffloads } from "../../os/device-features.ts";
import { CommandError, run } from "../command.ts";
import { portOptions, readLinkDetails, readPortVlans, vlanCommands } from "./bridge-port.ts";

/**
 * The bypass of a link, on which its conditions are: the far end of its veth pair is taken out of the bridge
 * of its segment, and its frames go through a namespace that all links of a lab share:
 *
 *     node.port == far -mirred- node side == node side | port side == port side in the bridge
 *     (node's)     (segment's namespace)      (shared namespace)     (segment's namespace)
 *
 * The ends in the segment's namespace have no transmit offloads. So in the shared namespace, whoever sent
 * them, packets are single and checksums are finished: loss, rate and queue count packets as those of a link.
 * It has no addresses, so nobody there answers. mirred forwards all frames, those too that a bridge keeps.
 */

/** Who is at the other end of a link: the far end of a node's veth pair, in the namespace of a segment. */
export interface LinkEnd {
  readonly segmentNamespace: string;
  /** A port of the segment's bridge. */
  readonly farDevice: string;
  /** The far end where another device, which tags, is between it and the bridge. */
  readonly carrierDevice?: string;
}

/** Octets of a frame beyond the MTU: addresses, type, and several tags in the frame. */
const ABOVE_MTU_OCTETS = 64;

/** Exit statuses of `ip` and `tc` that find no namespace, device or discipline, and of success. */
const GONE = [0, 1, 2, 255];

/** Runs commands of `ip`, `tc` or `bridge` in one process, in a namespace. Rejects with CommandError. */
async function batch(
  program: "ip" | "tc" | "bridge",
  namespace: string,
  commands: readonly string[],
): Promise<void> {
  if (commands.length === 0) return;
  await run([program, "-n", namespace, "-batch", "-"], { input: `${commands.join("\n")}\n` });
}

/** Commands of tc that make a device give all frames that come in to another one, itself or as copies. */
function forwarding(from: string, to: string, kind: "redirect" | "mirror"): readonly string[] {
  return [
    `qdisc add dev ${from} ingress`,
    // Every kernel that forwards by filters has u32; many have matchall as well.
    `filter add dev ${from} ingress protocol all prio 1 u32 match u32 0 0 ` +
      `action mirred egress ${kind} dev ${to}`,
  ];
}

/**
 * Makes a device give copies of all frames that come in to another one; the frames themselves end there, as
 * nobody has an address. A copy belongs to no socket. A frame would still belong to that of its sender, whom
 * the kernel stops while too many of his frames wait: before a rate he would wait instead of losing any, as
 * none does on a link. Rejects with CommandError.
 */
export async function mirrorFrames(namespace: string, from: string, to: string): Promise<void> {
  await batch("tc", namespace, forwarding(from, to, "mirror"));
}

/** Ends what `mirrorFrames` began; nothing where it did not. Rejects with CommandError. */
export async function endForwarding(namespace: string, from: string): Promise<void> {
  await run(["tc", "-n", namespace, "qdisc", "del", "dev", from, "ingress"], { accept: GONE });
}

/** A bypass that is in place. */
export class Bypass {
  readonly end: LinkEnd;
  /** Devices in the shared namespace: one leads to the node, the other into the bridge. */
  readonly nodeSide: string;
  readonly portSide: string;
  readonly #shared: string;
  readonly #bridge: string;
  /** Octets of the longest frame. */
  readonly frameOctets: number;
  readonly hasSpanningTree: boolean;

  private constructor(
    end: LinkEnd,
    shared: string,
    names: { nodeSide: string; portSide: string },
    bridge: { name: string; mtu: number; hasSpanningTree: boolean },
  ) {
    this.end = end;
    this.#shared = shared;
    this.nodeSide = names.nodeSide;
    this.portSide = names.portSide;
    this.#bridge = bridge.name;
    this.frameOctets = bridge.mtu + ABOVE_MTU_OCTETS;
    this.hasSpanningTree = bridge.hasSpanningTree;
  }

  /**
   * Puts it in. `number` tells it from others of the shared namespace. The link forwards nothing for some
   * milliseconds; where the bridge has STP, as long as a new port listens and learns. Rejects with
   * CommandError, and throws SystemError; the link is as before then.
   */
  static async insert(end: LinkEnd, shared: string, number: number): Promise<Bypass> {
    const { segmentNamespace: segment, farDevice: far } = end;
    const link = await readLinkDetails(segment, far);
    const { master, mtu, address } = link;
    if (master === undefined)
      throw new CommandError(["ip", "link", "show", "dev", far], undefined, notInBridge(end), "");
    const bridge = await readLinkDetails(segment, master);
    const hasSpanningTree = bridge.linkinfo?.info_data?.["stp_state"] !== 0;
    const names = { nodeSide: `link${number}-node`, portSide: `link${number}-port` };
    const bypass = new Bypass(end, shared, names, { name: master, mtu, hasSpanningTree });
    try {
      await bypass.#addPairs(mtu + ABOVE_MTU_OCTETS, address);
      // Its ports have a larger MTU from now on, which must not become that of the bridge.
      await run(["ip", "-n", segment, "link", "set", "dev", master, "mtu", `${bridge.mtu}`]);
      await bypass.#moveIn();
    } catch (error) {
      if (error instanceof CommandError) await bypass.remove();
      throw error;
    }
    return bypass;
  }

  async #addPairs(mtu: number, farAddress: string): Promise<void> {
    const { segmentNamespace: segment } = this.end;
    const [node, port] = [this.nodeSide, this.portSide];
    for (const name of [node, port]) {
      const peer = `peer name ${name} mtu ${mtu} netns ${this.#shared}`;
      await run(["ip", ...`link add ${name} mtu ${mtu} type veth ${peer}`.split(" ")]);
      // Here, in the namespace of this process, features can be changed; the device keeps them as it moves.
      turnOffTransmitOffloads(name);
      await run(["ip", "link", "set", "dev", name, "netns", segment]);
    }
    const quiet = [node, port].map((name) => `link set dev ${name} addrgenmode none`);
    // With the address of the far end the bridge keeps its own, which is the lowest of its ports.
    await batch("ip", segment, [...quiet, `link set dev ${port} address ${farAddress}`]);
    await batch("ip", this.#shared, [...quiet, `link set dev ${node} up`, `link set dev ${port} up`]);
    await batch("tc", this.#shared, [
      ...forwarding(node, port, "mirror"),
      ...forwarding(port, node, "mirror"),
    ]);
  }

  async #moveIn(): Promise<void> {
    const { segmentNamespace: segment, farDevice: far } = this.end;
    const [node, port, bridge] = [this.nodeSide, this.portSide, this.#bridge];
    await batch("tc", segment, forwarding(node, far, "redirect"));
    await moveMembership(segment, far, port, bridge);
    await batch("tc", segment, forwarding(far, node, "redirect"));
    await batch("ip", segment, [`link set dev ${node} up`, `link set dev ${port} up`]);
  }

  /** Takes it out: the far end is a port of the bridge again. Rejects with CommandError. */
  async remove(): Promise<void> {
    const { segmentNamespace: segment, farDevice: far } = this.end;
    const [node, port, bridge] = [this.nodeSide, this.portSide, this.#bridge];
    await endForwarding(segment, far);
    const isThere = async (device: string): Promise<boolean> =>
      (await run(["ip", "-n", segment, "link", "show", "dev", device], { accept: GONE })).status === 0;
    const present = await isThere(port);
    if (await isThere(far)) {
      const isPort = present && (await readLinkDetails(segment, port)).master === bridge;
      // The far end forwards from here on, and nothing may come twice.
      if (present) await run(["ip", "-n", segment, "link", "set", "dev", port, "down"]);
      if (isPort) await moveMembership(segment, port, far, bridge);
      else await run(["ip", "-n", segment, "link", "set", "dev", far, "master", bridge]);
    }
    for (const device of [node, port]) {
      // Where the segment is gone, so are its devices; a veth pair goes with either end.
      for (const namespace of [segment, this.#shared])
        await run(["ip", "-n", namespace, "link", "del", "dev", device], { accept: GONE });
    }
    await run(["ip", "link", "del", "dev", node], { accept: GONE });
    await run(["ip", "link", "del", "dev", port], { accept: GONE });
  }
}

function notInBridge({ segmentNamespace, farDevice }: LinkEnd): string {
  return `interface ${farDevice} of ${segmentNamespace} is in no bridge: conditions are put on links to one`;
}

/** Makes `to` a port of the bridge like `from`, which then is none. */
async function moveMembership(segment: string, from: string, to: string, bridge: string): Promise<void> {
  const options = portOptions(await readLinkDetails(segment, from)).join(" ");
  const vlans = await readPortVlans(segment, from);
  await batch("ip", segment, [
    // Both are ports for a moment, so that the bridge keeps its address.
    `link set dev ${to} master ${bridge}`,
    `link set dev ${to} type bridge_slave ${options}`,
    `link set dev ${from} nomaster`,
  ]);
  await batch("bridge", segment, vlanCommands(to, vlans));
}
