import { fileURLToPath } from "node:url";
import type { Config } from "../config/config.ts";
import type { Issue } from "../config/issues.ts";
import { afterRelease } from "../daemon/bridge-records.ts";
import { loadConfig } from "../daemon/configuration-file.ts";
import { machineNotes } from "../daemon/machine-notes.ts";
import { readAddresses } from "../os/addresses.ts";
import { bridgeValuesIn } from "../os/bridge-attributes.ts";
import { ethtoolFeatures } from "../os/ethtool-features.ts";
import { absolutePath } from "../os/files.ts";
import { readHostNetwork } from "../os/host-network.ts";
import { readLinks } from "../os/link-message.ts";
import { withNetlink } from "../os/netlink.ts";
import { PathMtus } from "../os/path-mtus.ts";
import { runsAsRoot } from "../os/this-machine.ts";
import type { Facts, InterfaceFacts, Seen } from "./facts.ts";
import { askDaemon, gatherDaemon } from "./gather-daemon.ts";
import { gatherMachine, interfaceParameters } from "./gather-machine.ts";
import { gatherFilters, gatherKernelTunnels, gatherPrograms, gatherUnit } from "./gather-programs.ts";
import { gatherSecrets } from "./gather-secrets.ts";
import { gatherTunnels } from "./gather-tunnels.ts";
import { see, seeWithin } from "./limit.ts";

/** Looks at this machine, a file and the daemon, without changing any of them. */

/** Reading the interfaces of a large machine takes so long at most. */
const READ_LIMIT_MS = 5000;
/** TABLE: features of interfaces that checks ask for. */
const wantedFeatures = ["rx-lro", "rx-vlan-filter"] as const;
/** Features are asked of so many circuits at most. */
const MOST_ASKED = 512;

/** What is looked at, and how long. */
export interface GatherOptions {
  /** Absent: the one that the daemon runs, if one runs and says which. */
  readonly file?: string | undefined;
  /** The control socket; absent: that of the file. */
  readonly socket?: string | undefined;
  /** Where neither says any. */
  readonly defaultSocket: string;
  /** Whether peers are asked for an echo, and the daemon a second time after a second. */
  readonly isThorough: boolean;
}

/** What was seen, and where keys of the file are: as "file:line:column", and as lines of issues. */
export interface Gathered {
  readonly facts: Facts;
  placeOf(path: readonly PropertyKey[]): string | undefined;
  linesOf(issues: readonly Issue[]): readonly string[];
}

/** Rejects with SystemError for a file that was named and cannot be read. */
export async function gather({
  file: given,
  socket,
  defaultSocket,
  isThorough,
}: GatherOptions): Promise<Gathered> {
  const named = given === undefined ? undefined : readFile(given);
  const at = socket ?? named?.config?.lcce.controlSocket ?? defaultSocket;
  const asked = await askDaemon(at);
  const running = asked.status?.value;
  const read = named ?? readOfDaemon(running?.configuration?.file);
  const { config } = read;
  const [interfaces, filters, kernelTunnels, unit, daemon, machine] = await Promise.all([
    seeWithin(READ_LIMIT_MS, async () => readInterfaces(config)),
    gatherFilters(),
    gatherKernelTunnels(),
    gatherUnit(),
    gatherDaemon(at, asked, read.files.map(absolutePath), isThorough),
    gatherMachine(config, at, running && { pid: running.pid, plane: running.plane.name }, runsAsRoot()),
  ]);
  const tunnels = config === undefined ? [] : await gatherTunnels(config, interfaces.value ?? [], isThorough);
  const facts: Facts = {
    ...{ file: read.file, fileProblems: read.problems, config, machine, interfaces, tunnels },
    ...{ filters, kernelTunnels, unit, daemon },
    packageFolder: fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, ""),
    notes: config === undefined ? { value: [] } : await notesOn(config),
    secrets: config === undefined ? [] : gatherSecrets(config),
    ...gatherPrograms(config, at, running?.pid),
  };
  return { facts, placeOf: (path) => read.placeOf(path), linesOf: (issues) => read.linesOf(issues) };
}

interface ReadFile {
  readonly file: string | undefined;
  /** With those that it includes; the main one first. */
  readonly files: readonly string[];
  readonly config: Config | undefined;
  readonly problems: readonly string[];
  placeOf(path: readonly PropertyKey[]): string | undefined;
  linesOf(issues: readonly Issue[]): readonly string[];
}

const noFile: ReadFile = {
  file: undefined,
  files: [],
  config: undefined,
  problems: [],
  placeOf: () => undefined,
  linesOf: () => [],
};

/** Throws SystemError for a file that cannot be read. */
function readFile(file: string): ReadFile {
  const loaded = loadConfig(file);
  const problems = "problems" in loaded ? loaded.problems : [];
  const parts = "problems" in loaded ? loaded.validParts : loaded;
  const config = "problems" in loaded ? loaded.validParts?.config() : loaded.config;
  const linesOf = (issues: readonly Issue[]) => parts?.linesOf(issues) ?? [];
  const placeOf = (path: readonly PropertyKey[]) => {
    const [line] = linesOf([{ path, message: "" }]);
    const place = line?.slice(0, line.indexOf("  "));
    return place === undefined || place === "" ? undefined : place;
  };
  const files = "problems" in loaded ? [file] : loaded.files.map((one) => one.file);
  return { file, files, config, problems, placeOf, linesOf };
}

/** The file of a running daemon; nothing where it has none that can be read. */
function readOfDaemon(file: string | undefined): ReadFile {
  return file === undefined ? noFile : (see(() => readFile(file)).value ?? noFile);
}

function notesOn(config: Config): Promise<Facts["notes"]> {
  return seeWithin(READ_LIMIT_MS, async () => {
    using routes = PathMtus.open();
    const interfaces = afterRelease(config, await readHostNetwork());
    return machineNotes(config, interfaces, (path) => routes.sendErrors([path])[0]).map((note) => ({
      ...note,
      message: note.message.replace(/^on this machine: /, ""),
    }));
  });
}

function readInterfaces(config: Config | undefined): readonly InterfaceFacts[] {
  const operation = { operation: "read the interfaces", target: "this machine" };
  const asked = new Set(
    (config?.tunnels ?? [])
      .flatMap(({ pseudowires }) => pseudowires.map(({ circuit }) => circuit))
      .filter(({ kind }) => kind === "interface")
      .map(({ device }) => device)
      .slice(0, MOST_ASKED),
  );
  const { links, addresses } = withNetlink("route", (netlink) => ({
    links: readLinks(netlink, operation),
    addresses: readAddresses(netlink),
  }));
  const byName = new Map<string, string[]>();
  for (const { interfaceName, address } of addresses)
    byName.set(interfaceName, [...(byName.get(interfaceName) ?? []), address]);
  return links.map((link) => {
    const { name, index, isOn, up: isUp, mtu, kind, master, promiscuity } = link;
    return {
      ...{ name, index, isOn, isUp, mtu, kind, master, promiscuity },
      lower: link.isLinkElsewhere || kind === "veth" ? undefined : link.link,
      addresses: byName.get(name) ?? [],
      hasStp: (bridgeValuesIn(link).stpState ?? 0) !== 0,
      features: asked.has(name) ? featuresOf(name) : [],
      ...interfaceParameters(name),
    };
  });
}

/** Those that are on and can be switched off. */
function featuresOf(name: string): readonly string[] {
  const seen: Seen<ReturnType<typeof ethtoolFeatures>> = see(() => ethtoolFeatures(name));
  return wantedFeatures.filter((feature) => {
    const found = seen.value?.get(feature);
    return found?.isOn === true && !found.isFixed;
  });
}
