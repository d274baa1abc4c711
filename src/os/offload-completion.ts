import { ignoreErrno } from "./errors.ts";
import { isThere, namesInDirectory, readText } from "./files.ts";

/** Whether an interface completes the offloads of a packet, by its kind in sysfs. */

const LOWER = "lower_";

/**
 * TABLE: kinds of interfaces that send through others and behave like those: a bridge like any of its ports.
 */
const stacked: readonly string[] = ["vlan", "bond", "bridge"];

/**
 * Whether packets leave an interface, such as "eth0", segmented and with finished checksums, whatever it was
 * given: hardware does that, or the kernel for it. veth, macvlan, ipvlan and TAP pass a packet on as it is
 * within this machine. An unknown kind counts as one that does.
 */
export function completesOffloads(name: string, folder = "/sys/class/net"): boolean {
  const path = `${folder}/${name}`;
  try {
    if (isThere(`${path}/device`)) return true;
    const kind = /^DEVTYPE=(.*)$/m.exec(readText(`${path}/uevent`))?.[1] ?? "";
    if (!stacked.includes(kind)) return false;
    const lower = namesInDirectory(path).filter((entry) => entry.startsWith(LOWER));
    return lower.length > 0 && lower.every((entry) => completesOffloads(entry.slice(LOWER.length), folder));
  } catch (error) {
    ignoreErrno(error);
    return false;
  }
}
