import type { CircuitConfig, Config, TunnelConfig } from "../config/config.ts";
import type { MachineNote } from "../daemon/machine-notes.ts";
import type { FrameSizeStatus, StatusReport } from "../daemon/status.ts";
import type { BrokenAddOn } from "../os/add-ons.ts";
import type { BoundSocket } from "../os/bound-sockets.ts";
import type { BpfFileSystemState } from "../os/bpf-file-system.ts";
import type { MissingFeature } from "../os/bpf-probe.ts";
import type { SendError } from "../os/path-mtus.ts";
import type { ProcessLimits } from "../os/process-limits.ts";
import type { NamedProcess } from "../os/processes.ts";
import type { ServiceUnit } from "../os/service-unit.ts";
import type { FilterChain } from "./firewall/ruleset.ts";

/** What was seen of this machine, the file and the running daemon, as values: checks judge nothing else. */

/** A value, or why it could not be looked at. */
export type Seen<T> =
  | { readonly value: T; readonly unseen?: undefined }
  | { readonly unseen: string; readonly value?: undefined };

export interface Facts {
  /** The path of the file as it was given, or as the daemon has it. */
  readonly file: string | undefined;
  /** What is wrong with the file, a line each, with its location. */
  readonly fileProblems: readonly string[];
  /** Where the command's own package is: the unit of systemd is in it. */
  readonly packageFolder: string;
  /** The file, or its valid parts; undefined without a file, and where nothing of it is valid. */
  readonly config: Config | undefined;
  readonly machine: MachineFacts;
  /** What of the file waits for something on this machine. */
  readonly notes: Seen<readonly MachineNote[]>;
  readonly secrets: readonly SecretFacts[];
  readonly interfaces: Seen<readonly InterfaceFacts[]>;
  readonly tunnels: readonly TunnelFacts[];
  /** The packet filters; without any program for them there are none that can be seen. */
  readonly filters: Seen<readonly FilterChain[]>;
  /** UDP ports and IP protocol 115 in use by others than the daemon of this control socket. */
  readonly sockets: Seen<readonly BoundSocket[]>;
  /** Other daemons of this program, and who carries circuits of the file; both without the one running. */
  readonly otherDaemons: Seen<readonly (NamedProcess | undefined)[]>;
  readonly circuitOwners: Seen<ReadonlyMap<string, NamedProcess | undefined>>;
  /** Other programs that speak L2TP or hold IPsec keys, by what runs. */
  readonly otherPrograms: Seen<readonly NamedProcess[]>;
  /** Tunnels of the kernel's own L2TP. */
  readonly kernelTunnels: Seen<readonly KernelTunnel[]>;
  readonly unit: Seen<ServiceUnit | undefined>;
  readonly daemon: DaemonFacts;
}

/** A tunnel of the kernel's own L2TP (`ip l2tp`). */
export interface KernelTunnel {
  readonly id: number;
  readonly local: string;
  readonly remote: string;
}

export interface MachineFacts {
  readonly isRoot: boolean;
  /** Such as "6.1.0-18-amd64". */
  readonly kernel: string;
  /** Such as "v20.20.2". */
  readonly node: string;
  readonly brokenAddOns: readonly BrokenAddOn[];
  /** Features that the eBPF plane misses; unseen without the right to try. */
  readonly missingBpf: Seen<readonly MissingFeature[]>;
  readonly bpfFileSystem: Seen<BpfFileSystemState>;
  /** Of the daemon that runs, or else of this process. */
  readonly limits: Seen<ProcessLimits>;
  readonly limitsOf: "daemon" | "this process";
  readonly hasTun: boolean;
  /** Octets that are free where the control socket is, or will be. */
  readonly freeOctets: Seen<{ readonly path: string; readonly octets: number }>;
  readonly isClockSynchronised: Seen<boolean>;
  /** net.bridge.bridge-nf-call-iptables and -ip6tables that are on, by their names. */
  readonly bridgeFilters: readonly string[];
}

/** A secret of the file: never its octets. */
export interface SecretFacts {
  readonly tunnel: string;
  readonly path: readonly string[];
  /** Of a secret in a file. */
  readonly file: string | undefined;
  /** Why it cannot be read: the name of an errno. */
  readonly errno: string | undefined;
  readonly octets: number | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly index: number;
  readonly isOn: boolean;
  /** Switched on, with a carrier. */
  readonly isUp: boolean;
  readonly mtu: number;
  readonly kind: string | undefined;
  readonly master: number | undefined;
  readonly lower: number | undefined;
  /** All of it, also where the interface is off. */
  readonly addresses: readonly string[];
  readonly promiscuity: number;
  /** Of a bridge. */
  readonly hasStp: boolean;
  /** Features that are on, of those that checks ask for, and can be changed. */
  readonly features: readonly string[];
  /** IPv6 is switched off on it, or its MTU there is less than its own (router advertisements). */
  readonly isIpv6Off: boolean;
  readonly ipv6Mtu: number | undefined;
  /** net.ipv4.conf.NAME.rp_filter and that of "all": the greater counts. */
  readonly reversePathFilter: number;
}

/** The route to a peer. */
export interface PathFacts {
  readonly interfaceName: string;
  readonly nextHop: string;
  readonly mtu: number;
  readonly interfaceMtu: number;
  readonly completesOffloads: boolean;
  readonly hardware: string;
}

export interface TunnelFacts {
  readonly config: TunnelConfig;
  /** What was said of the peer's name, or what failed; absent for an address. */
  readonly name?: { readonly addresses: readonly string[]; readonly problem: string | undefined } | undefined;
  /** The ends as they are now; unseen says why there are none. Undefined with `remote: any`. */
  readonly ends: Seen<{ readonly local: string; readonly remote: string }> | undefined;
  /** The kernel's verdict on sending there; undefined where packets leave. */
  readonly sendError: SendError | undefined;
  readonly path: Seen<PathFacts> | undefined;
  /** Whether an IPsec policy is for its packets. */
  readonly hasIpsec: Seen<boolean>;
  /** Whether the peer answered an ICMP echo request, or its next hop does not answer at all. */
  readonly echo: Seen<"answered" | "silent" | "next hop silent"> | undefined;
  readonly circuits: readonly CircuitFacts[];
}

export interface CircuitFacts {
  readonly pseudowire: string;
  readonly circuit: CircuitConfig;
  readonly frameSize: FrameSizeStatus;
}

/** The daemon of the control socket. */
export interface DaemonFacts {
  readonly socket: string;
  readonly version: string;
  /** Undefined where none runs; unseen without the right to ask. */
  readonly status: Seen<StatusReport> | undefined;
  /** What is wrong with one that runs and gives no status. */
  readonly problem: string | undefined;
  /** The status some time later. */
  readonly later: StatusReport | undefined;
  /** Whether forwarding goes on without it, and why not. */
  readonly goesOn:
    | Seen<{ readonly goesOn: boolean; readonly plane: string; readonly reason: string }>
    | undefined;
  /** Its file was written after it was read; undefined where that is not known. */
  readonly isFileNewer: boolean | undefined;
}
