import type { Config } from "../config/config.ts";
import { circuitLockName, daemonLockName, lockPrefixes } from "../daemon/locks.ts";
import { boundSockets, lockedNames } from "../os/bound-sockets.ts";
import { errnoOf, SystemError } from "../os/errors.ts";
import { isThere, readText } from "../os/files.ts";
import { type NamedProcess, processesNamed } from "../os/processes.ts";
import { programOutput } from "../os/program-output.ts";
import { type ServiceUnit, serviceUnit } from "../os/service-unit.ts";
import type { Facts, KernelTunnel, Seen } from "./facts.ts";
import { iptablesChains } from "./firewall/iptables-save.ts";
import { nftChains } from "./firewall/nft-json.ts";
import type { FilterChain } from "./firewall/ruleset.ts";
import { see, seeWithin } from "./limit.ts";
import { l2tpServices } from "./peer-check-table.ts";

/** How long each program may take. */
const LIMIT_MS = 3000;
/** IP protocol of L2TPv3 (RFC 3931 §4.1.1). */
const PROTOCOL = 115;

/** The packet filters of this network namespace: those of nft, and of iptables-legacy where it has any. */
export async function gatherFilters(): Promise<Facts["filters"]> {
  return seeWithin(2 * LIMIT_MS, async () => {
    const nft = await unlessMissing(["nft", "-j", "list", "ruleset"], nftChains);
    const legacy = await Promise.all(
      (["ip", "ip6"] as const).map((kind) => {
        const program = `${kind}tables-legacy` as const;
        // Without a table in use, reading one would make it.
        const tables = see(() => readText(`/proc/net/${kind}_tables_names`)).value ?? "";
        if (tables.trim() === "") return [];
        return unlessMissing([`${program}-save`], (text) => iptablesChains(text, program));
      }),
    );
    return [...nft, ...legacy.flat()];
  });
}

async function unlessMissing(
  words: readonly string[],
  read: (text: string) => readonly FilterChain[],
): Promise<readonly FilterChain[]> {
  try {
    return parsed(words, await programOutput(words, LIMIT_MS), read);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** What a program printed, which may be no JSON; throws SystemError then. */
function parsed<T>(words: readonly string[], text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const detail = { errno: "EBADMSG", target: words.join(" "), hint: "it printed no JSON", cause: error };
    throw new SystemError(`run ${words[0]}`, detail);
  }
}

/** What other programs have of what tunnels need; `ownPid` is the daemon's. */
export function gatherPrograms(
  config: Config | undefined,
  socket: string,
  ownPid: number | undefined,
): Pick<Facts, "sockets" | "otherDaemons" | "circuitOwners" | "otherPrograms"> {
  const ports = new Set((config?.tunnels ?? []).map(({ localPort }) => localPort));
  const isOther = ({ owner }: { readonly owner?: NamedProcess | undefined }) =>
    owner === undefined || (owner.pid !== ownPid && owner.pid !== process.pid);
  const locks = see(() => lockedNames(Object.values(lockPrefixes)));
  return {
    sockets: see(() =>
      boundSockets(({ kind, port }) => (kind === "udp" ? ports.has(port) : port === PROTOCOL)).filter(
        isOther,
      ),
    ),
    otherDaemons: mapped(locks, (all) =>
      all
        .filter(({ name }) => name.startsWith(lockPrefixes.daemon) && name !== daemonLockName(socket))
        .filter(isOther)
        .map(({ owner }) => owner),
    ),
    circuitOwners: mapped(locks, (all) => {
      const taken = new Map(all.filter(isOther).map(({ name, owner }) => [name, owner]));
      return ownersOf(config, taken);
    }),
    otherPrograms: see(() => processesNamed(Object.keys(l2tpServices))),
  };
}

/** By pseudowire, those whose frames somebody else has. */
function ownersOf(
  config: Config | undefined,
  taken: ReadonlyMap<string, NamedProcess | undefined>,
): ReadonlyMap<string, NamedProcess | undefined> {
  const found = new Map<string, NamedProcess | undefined>();
  for (const { pseudowires } of taken.size === 0 ? [] : (config?.tunnels ?? []))
    for (const { name, circuit } of pseudowires) {
      const whole = circuitLockName({ device: circuit.device });
      const own = circuitLockName(circuit);
      const names = [...taken.keys()].filter(
        (each) =>
          each === whole || each === own || (circuit.vlan === undefined && each.startsWith(`${whole}/`)),
      );
      const [first] = names;
      if (first !== undefined) found.set(name, taken.get(first));
    }
  return found;
}

function mapped<T, U>(seen: Seen<T>, act: (value: T) => U): Seen<U> {
  return seen.unseen === undefined ? { value: act(seen.value as T) } : seen;
}

/** Tunnels of the kernel's own L2TP; none where its module is not loaded, which asking would load. */
export async function gatherKernelTunnels(): Promise<Seen<readonly KernelTunnel[]>> {
  if (!isThere("/sys/module/l2tp_netlink")) return { value: [] };
  return seeWithin(LIMIT_MS, async () => {
    const words = ["ip", "-j", "l2tp", "show", "tunnel"];
    const found = parsed(words, await programOutput(words, LIMIT_MS), (text) =>
      JSON.parse(text.trim() === "" ? "[]" : text),
    ) as readonly Readonly<Record<string, unknown>>[];
    return found.map(({ tunnel_id: id, local, peer }) => ({
      ...{ id: Number(id), local: String(local), remote: String(peer) },
    }));
  });
}

/** The unit of systemd. */
export function gatherUnit(): Promise<Seen<ServiceUnit | undefined>> {
  return seeWithin(LIMIT_MS, () => serviceUnit("wirespan.service", LIMIT_MS));
}
