import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { bpfFileSystemState } from "../os/bpf-file-system.ts";
import { probeBpf } from "../os/bpf-probe.ts";
import { isClockSynchronised } from "../os/clock-discipline.ts";
import { freeOctets, isThere } from "../os/files.ts";
import { kernelParameter } from "../os/kernel-parameters.ts";
import { processLimits } from "../os/process-limits.ts";
import { kernelRelease } from "../os/this-machine.ts";
import type { InterfaceFacts, MachineFacts, Seen } from "./facts.ts";
import { see, seeWithin } from "./limit.ts";

/** How long the kernel may take to say what programs it takes. */
const PROBE_LIMIT_MS = 5000;

/** What there is to know of the machine itself. */
export async function gatherMachine(
  config: Config | undefined,
  socket: string,
  daemon: { readonly pid: number; readonly plane: string } | undefined,
  isRoot: boolean,
): Promise<MachineFacts> {
  return {
    isRoot,
    kernel: kernelRelease(),
    node: process.version,
    // Or this would not be read.
    brokenAddOns: [],
    missingBpf: await missingBpf(daemon?.plane, isRoot),
    bpfFileSystem: see(bpfFileSystemState),
    limits: see(() => processLimits(daemon?.pid ?? "self")),
    limitsOf: daemon === undefined ? "this process" : "daemon",
    hasTun: isThere("/dev/net/tun"),
    freeOctets: see(() => freeAt(dirname(config?.lcce.controlSocket ?? socket))),
    isClockSynchronised: see(isClockSynchronised),
    bridgeFilters: bridgeFilters(),
  };
}

/** Nothing is tried where a daemon forwards by eBPF already, for that says it all. */
async function missingBpf(plane: string | undefined, isRoot: boolean): Promise<MachineFacts["missingBpf"]> {
  if (plane === "ebpf") return { value: [] };
  if (!isRoot) return { unseen: "programs can be tried by root alone" };
  return seeWithin(PROBE_LIMIT_MS, probeBpf);
}

/** Of a directory, or the nearest one above it that is there. */
function freeAt(folder: string): { readonly path: string; readonly octets: number } {
  let path = folder;
  while (!isThere(path) && dirname(path) !== path) path = dirname(path);
  return { path, octets: freeOctets(path) };
}

function bridgeFilters(): readonly string[] {
  const names = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"];
  return names
    .filter((name) => see(() => kernelParameter(["net", "bridge", name])).value === 1)
    .map((name) => `net.bridge.${name}`);
}

/** What the kernel's parameters say of an interface. */
export function interfaceParameters(
  name: string,
): Pick<InterfaceFacts, "isIpv6Off" | "ipv6Mtu" | "reversePathFilter"> {
  const read = (...path: readonly string[]): number | undefined => {
    const seen: Seen<number | undefined> = see(() => kernelParameter(["net", ...path]));
    return seen.value;
  };
  const filters = ["all", name].map((each) => read("ipv4", "conf", each, "rp_filter") ?? 0);
  return {
    isIpv6Off: read("ipv6", "conf", name, "disable_ipv6") === 1,
    ipv6Mtu: read("ipv6", "conf", name, "mtu"),
    reversePathFilter: Math.max(...filters),
  };
}
