import type { Config } from "../../src/config/config.ts";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { frameSizeStatus } from "../../src/daemon/frame-size-status.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import type { Facts, InterfaceFacts, MachineFacts, PathFacts, TunnelFacts } from "../../src/doctor/facts.ts";

/** Facts of a machine on which all is well, for tests of what `wirespan doctor` makes of them. */

/** The machine's file: a tunnel with a secret from 192.0.2.1 at eth0 to 192.0.2.2, its circuit eth1. */
const FILE = `plane: auto
tunnels:
  hq:
    local: 192.0.2.1
    remote: 192.0.2.2
    secret: { file: /etc/wirespan.secret }
    pseudowires:
      lan: { mtu: 1400, circuit: { interface: eth1 } }
`;

/** The configuration of a text. Throws where it is not in order. */
export function configOf(text: string): Config {
  const { config, problems } = parseConfig(text, "wirespan.yaml", { hostName: "here" });
  if (config === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return config;
}

export function interfaceFacts(
  name: string,
  index: number,
  other: Partial<InterfaceFacts> = {},
): InterfaceFacts {
  return {
    ...{
      name,
      index,
      isOn: true,
      isUp: true,
      mtu: 1500,
      kind: undefined,
      master: undefined,
      lower: undefined,
    },
    ...{ addresses: [], promiscuity: 1, hasStp: false, features: [], isIpv6Off: false, ipv6Mtu: undefined },
    reversePathFilter: 0,
    ...other,
  };
}

export const goodPath: PathFacts = {
  ...{ interfaceName: "eth0", nextHop: "192.0.2.2", mtu: 1500, interfaceMtu: 1500 },
  ...{ completesOffloads: true, hardware: "ETHER" },
};

export const goodMachine: MachineFacts = {
  ...{ isRoot: true, kernel: "6.12.1-amd64", node: "v24.1.0", brokenAddOns: [], missingBpf: { value: [] } },
  bpfFileSystem: { value: { isMounted: true, isCovered: false, caveat: undefined, isOnTop: false } },
  limits: {
    value: {
      capabilities: ["CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON", "CAP_BPF"],
      ...{ openFiles: 65_536, lockedOctets: undefined },
    },
  },
  ...{ limitsOf: "this process", hasTun: true, freeOctets: { value: { path: "/run", octets: 1e9 } } },
  ...{ isClockSynchronised: { value: true }, bridgeFilters: [] },
};

/** The tunnels of a configuration, with ends and route as those of the file above. */
export function tunnelsOf(config: Config, other: Partial<TunnelFacts> = {}): readonly TunnelFacts[] {
  return config.tunnels.map((tunnel) => ({
    config: tunnel,
    ends: { value: { local: "192.0.2.1", remote: "192.0.2.2" } },
    ...{
      sendError: undefined,
      path: { value: goodPath },
      hasIpsec: { value: false },
      echo: { value: "answered" },
    },
    circuits: tunnel.pseudowires.map((pseudowire) => ({
      ...{ pseudowire: pseudowire.name, circuit: pseudowire.circuit },
      frameSize: frameSizeStatus(tunnel, pseudowire, undefined, undefined, undefined),
    })),
    ...other,
  }));
}

/** A status in which all is up. */
export function goodStatus(other: object = {}): StatusReport {
  const connection = { tunnel: "hq", state: "established", notes: [] };
  const pseudowire = { name: "lan", tunnel: "hq", state: "established", localCircuit: "up", discards: {} };
  return {
    ...{
      apiVersion: 1,
      version: "1.2.3",
      pid: 812,
      uptimeMs: 60_000,
      hostName: "here",
      routerId: "192.0.2.1",
    },
    plane: { name: "ebpf", reason: "eBPF is available" },
    ...{ controlConnections: [connection], pseudowires: [pseudowire], discards: {}, control: {} },
    log: { lostLines: 0, leftOutLines: 0 },
    ...other,
  } as unknown as StatusReport;
}

/** Facts on which no check has anything to say. `text` is the file. */
export function goodFacts(other: Partial<Facts> = {}, text = FILE): Facts {
  const config = configOf(text);
  return {
    ...{ file: "/etc/wirespan.yaml", fileProblems: [], packageFolder: "/usr/lib/wirespan", config },
    ...{ machine: goodMachine, notes: { value: [] }, tunnels: tunnelsOf(config) },
    secrets: [
      {
        ...{ tunnel: "hq", path: ["tunnels", "hq", "secret", "file"], file: "/etc/wirespan.secret" },
        ...{ errno: undefined, octets: 32, mode: 0o100600, uid: 0 },
      },
    ],
    interfaces: {
      value: [
        interfaceFacts("lo", 1, { addresses: ["127.0.0.1"] }),
        interfaceFacts("eth0", 2, { addresses: ["192.0.2.1"] }),
        interfaceFacts("eth1", 3, { mtu: 1400 }),
      ],
    },
    ...{ filters: { value: [] }, sockets: { value: [] }, otherDaemons: { value: [] } },
    ...{ circuitOwners: { value: new Map() }, otherPrograms: { value: [] }, kernelTunnels: { value: [] } },
    unit: {
      value: {
        ...{ isLoaded: true, fileState: "enabled", isActive: true, openFiles: 65_536 },
        command: "/usr/local/bin/wirespan run -c /etc/wirespan.yaml",
        runtimeDirectories: ["wirespan"],
      },
    },
    daemon: {
      ...{ socket: "/run/wirespan/wirespan.sock", version: "1.2.3", problem: undefined },
      ...{ status: { value: goodStatus() }, later: goodStatus({ uptimeMs: 61_000 }) },
      goesOn: { value: { goesOn: true, plane: "ebpf", reason: "eBPF is available" } },
      isFileNewer: false,
    },
    ...other,
  };
}
