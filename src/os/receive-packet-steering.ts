import { toHex } from "../bytes/hex.ts";
import { ignoreErrno } from "./errors.ts";
import { namesInDirectory, readText, writeText } from "./files.ts";
import { type LinkMessage, readLink } from "./link-message.ts";
import { withNetlink } from "./netlink.ts";
import { processorCount } from "./processors.ts";

const BITS_OF_WORD = 32;

/** A set of all processors in sysfs notation: words of 32 bits in hexadecimal, the highest first. */
export function maskOf(processors: number): string {
  const masks: string[] = [];
  for (let left = processors; left > 0; left -= BITS_OF_WORD) {
    const bits = Math.min(left, BITS_OF_WORD);
    masks.unshift((2 ** bits - 1).toString(16));
  }
  return masks.join(",");
}

/**
 * Turns on receive packet steering: the kernel distributes what an interface receives over all processors,
 * each flow to one. Returns whether that worked: not where /sys is read-only or of another network namespace.
 * Only speed depends on it.
 */
export function steerReceived(name: string): boolean {
  const operation = { operation: "look up an interface", target: `interface ${name}` };
  const link = withNetlink("route", (netlink) => readLink(netlink, operation, name));
  return link !== undefined && steerReceivedOf(link);
}

/**
 * Does it for an interface of this network namespace. /sys/class/net shows the namespace of its mount, and
 * nothing tells which one that is: files below its name are those of the interface if index and MAC address
 * are, which the kernel chose at random for pairs.
 */
export function steerReceivedOf(
  { name, index, address }: Pick<LinkMessage, "name" | "index" | "address">,
  sysfs = "/sys/class/net",
): boolean {
  const folder = `${sysfs}/${name}`;
  try {
    if (address === undefined || Number(readText(`${folder}/ifindex`)) !== index) return false;
    if (readText(`${folder}/address`).trim().replaceAll(":", "") !== toHex(address)) return false;
    const queues = namesInDirectory(`${folder}/queues`).filter((queue) => queue.startsWith("rx-"));
    for (const queue of queues) writeText(`${folder}/queues/${queue}/rps_cpus`, maskOf(processorCount()));
    return true;
  } catch (error) {
    ignoreErrno(error);
    return false;
  }
}
