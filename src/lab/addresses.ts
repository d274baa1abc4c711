import { runForJson } from "./command.ts";

/** The addresses of nodes as they are now. */

/** An interface as `ip -json address` tells of it. */
interface LinkAddresses {
  readonly ifname: string;
  readonly mtu: number;
  /** Its MAC address. */
  readonly address?: string;
  readonly addr_info?: readonly {
    readonly family: "inet" | "inet6";
    readonly local?: string;
    readonly prefixlen?: number;
    readonly scope: string;
  }[];
}

/** All interfaces of a namespace with their addresses. Rejects with CommandError. */
export function linkAddresses(namespace: string): Promise<readonly LinkAddresses[]> {
  return runForJson<readonly LinkAddresses[]>(["ip", "-n", namespace, "-json", "address", "show"]);
}

/** The interfaces of a namespace with their addresses, link-local ones and loopback aside. */
export async function addressesIn(namespace: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const links = await linkAddresses(namespace);
  const entries = links.flatMap(({ ifname, addr_info = [] }) => {
    const addresses = addr_info.flatMap(({ local, prefixlen, scope }) =>
      local === undefined || scope !== "global" ? [] : [`${local}/${prefixlen}`],
    );
    return addresses.length === 0 ? [] : [[ifname, addresses] as const];
  });
  return Object.fromEntries(entries);
}
