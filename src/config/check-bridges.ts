import type { RawBridge, RawConfig, RawPort, RawPseudowire, RawTunnel } from "./fields.ts";
import type { Issue, ReportIssue } from "./issues.ts";

/** A pseudowire whose device is a port of a bridge, with the path of its keys. */
interface BridgedPseudowire {
  readonly name: string;
  readonly bridge: string;
  readonly path: readonly string[];
  readonly pseudowire: RawPseudowire;
  /** Whether it is one beside the others: one that is not takes nothing from them. */
  readonly isEnabled: boolean;
}

/** Issues between bridges, and between them and the pseudowires. */
export function checkBridges(
  bridges: RawConfig["bridges"],
  tunnels: readonly [string, RawTunnel][],
): readonly Issue[] {
  const issues: Issue[] = [];
  const report: ReportIssue = (path, message, of = []) => issues.push({ path, message, of });
  const circuits = devicesOf(tunnels);
  const bridgeOfInterface = new Map<string, string>();
  for (const [name, bridge] of Object.entries(bridges)) {
    if (bridge.loops === "block" && bridge.stp === true)
      report(["bridges", name, "loops"], "with stp: true the kernel blocks ports: use report, or no stp");
    if (circuits.get(name) === "tap")
      report(["bridges", name], `${name} is the TAP device of a pseudowire: a bridge needs another name`);
    for (const [device, member] of Object.entries(bridge.interfaces)) {
      const path = ["bridges", name, "interfaces", device];
      const other = bridgeOfInterface.get(device);
      if (other !== undefined) report(path, `bridge ${other} has it too`);
      bridgeOfInterface.set(device, name);
      checkMember(path, device, bridges, circuits, report);
      checkVlans(path, member, name, bridge, report);
    }
  }
  checkPseudowires(bridges, tunnels, report);
  return issues;
}

/** The devices of circuits, with the kind of each. */
function devicesOf(tunnels: readonly [string, RawTunnel][]): ReadonlyMap<string, "tap" | "interface"> {
  const all = tunnels.flatMap(([, { enabled, pseudowires }]) =>
    Object.values(pseudowires).filter((pseudowire) => enabled && pseudowire.enabled),
  );
  return new Map([
    ...all.map(({ circuit }) => [circuit.interface ?? "", "interface"] as const),
    ...all.map(({ circuit }) => [circuit.tap ?? "", "tap"] as const),
  ]);
}

function checkMember(
  path: readonly string[],
  device: string,
  bridges: RawConfig["bridges"],
  circuits: ReadonlyMap<string, "tap" | "interface">,
  report: ReportIssue,
): void {
  const kind = circuits.get(device);
  if (kind === "tap")
    report(path, `${device} is the TAP device of a pseudowire: name its bridge in its circuit`);
  if (kind === "interface")
    report(path, `${device} is the attachment circuit of a pseudowire, which takes all its frames`);
  if (Object.hasOwn(bridges, device)) report(path, `${device} is a bridge itself`);
}

/** `pvid` and `vlans` need a bridge that looks at VLANs; of one that exists it is not known. */
function checkVlans(
  path: readonly string[],
  port: RawPort,
  name: string,
  bridge: RawBridge | undefined,
  report: ReportIssue,
): void {
  const isFiltering = bridge === undefined || (bridge.vlan_filtering ?? !bridge.create);
  for (const key of ["pvid", "vlans"] as const) {
    if (port[key] !== undefined && !isFiltering)
      report([...path, key], `needs vlan_filtering: true of bridge ${name}`, [
        ["bridges", name, "vlan_filtering"],
        ["bridges", name, "create"],
      ]);
  }
}

function checkPseudowires(
  bridges: RawConfig["bridges"],
  tunnels: readonly [string, RawTunnel][],
  report: ReportIssue,
): void {
  const ports = new Map<string, BridgedPseudowire>();
  const first = new Map<string, BridgedPseudowire>();
  for (const one of bridgedPseudowires(tunnels, report)) {
    const { bridge, path, pseudowire } = one;
    const { circuit } = pseudowire;
    const declared = Object.hasOwn(bridges, bridge) ? bridges[bridge] : undefined;
    const port = circuit.port ?? {};
    checkVlans([...path, "circuit", "port"], port, bridge, declared, report);
    if (!one.isEnabled) continue;
    const device = circuit.tap ?? "";
    const same = ports.get(device);
    if (same === undefined) ports.set(device, one);
    else if (!isSamePort(same.pseudowire.circuit.port ?? {}, port))
      report([...path, "circuit"], `pseudowire ${same.name} gives the port ${device} another \`port\``, [
        [...same.path, "circuit", "port"],
        [...path, "circuit", "port"],
      ]);
    if (declared === undefined) continue;
    const former = first.get(bridge);
    if (former === undefined) first.set(bridge, one);
    const wanted = declared.mtu ?? former?.pseudowire.mtu ?? pseudowire.mtu;
    if (wanted === pseudowire.mtu) continue;
    const whose = declared.mtu === undefined ? `pseudowire ${former?.name} of ` : "";
    report(
      [...path, "mtu"],
      `${pseudowire.mtu}, but ${whose}bridge ${bridge} has ${wanted}: ` +
        "all pseudowires of a bridge have one MTU (RFC 4762 §6.1.1)",
      [["bridges", bridge, "mtu"], ...(former === undefined ? [] : [[...former.path, "mtu"]])],
    );
  }
}

function isSamePort(one: RawPort, other: RawPort): boolean {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof RawPort>;
  return [...keys].every((key) => JSON.stringify(one[key]) === JSON.stringify(other[key]));
}

/** The pseudowires whose device is put into a bridge; `port` without one is reported. */
function bridgedPseudowires(
  tunnels: readonly [string, RawTunnel][],
  report: ReportIssue,
): readonly BridgedPseudowire[] {
  return tunnels.flatMap(([tunnel, { enabled, pseudowires }]) =>
    Object.entries(pseudowires).flatMap(([name, pseudowire]) => {
      const path = ["tunnels", tunnel, "pseudowires", name];
      const { bridge, port } = pseudowire.circuit;
      if (bridge !== undefined)
        return [{ name, bridge, path, pseudowire, isEnabled: enabled && pseudowire.enabled }];
      if (port !== undefined)
        report([...path, "circuit", "port"], "needs bridge: the device is a port of none", [
          [...path, "circuit", "bridge"],
        ]);
      return [];
    }),
  );
}
