import { existsSync, readdirSync, readFileSync } from "node:fs";

/** What becomes of packets that an interface was given unfinished, by what the kernel says of it in sysfs. */

const LOWER = "lower_";

/** TABLE: kinds of interfaces that send by others, as those do it: a bridge by any of its ports. */
const stacked: readonly string[] = ["vlan", "bond", "bridge"];

/**
 * Whether packets leave an interface, such as "eth0", cut and with their checksums finished, whatever it was given: hardware does so, or has
 * the kernel do it. A virtual cable, macvlan, ipvlan or a tap hands a packet as it is to who is behind it within this machine. What is not
 * known is taken for such.
 */
export function completesOffloads(name: string, folder = "/sys/class/net"): boolean {
  const path = `${folder}/${name}`;
  try {
    if (existsSync(`${path}/device`)) return true;
    const kind = /^DEVTYPE=(.*)$/m.exec(readFileSync(`${path}/uevent`, "utf8"))?.[1] ?? "";
    if (!stacked.includes(kind)) return false;
    const lower = readdirSync(path).filter((entry) => entry.startsWith(LOWER));
    return lower.length > 0 && lower.every((entry) => completesOffloads(entry.slice(LOWER.length), folder));
  } catch {
    return false;
  }
}
