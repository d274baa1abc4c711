import type { bridgeRows, memberRows, portRows } from "./bridge-rows.ts";
import type { httpRows } from "./http-rows.ts";
import type { lcceRows, logRows, metricsRows, topRows } from "./node-rows.ts";
import type { circuitRows, pseudowireRows, staticRows } from "./pseudowire-rows.ts";
import type { FieldsOf } from "./rows.ts";
import type { SecretSource } from "./secret-source.ts";
import type { tunnelRows } from "./tunnel-rows.ts";

/**
 * A configuration that passed every check: frozen, complete (all defaults filled in), and without any secret.
 * Fields come from the rows of `*-rows.ts`, which say what they mean; here is what several keys make
 * together.
 */
export interface Config extends FieldsOf<typeof topRows, "daemon"> {
  readonly lcce: LcceConfig;
  readonly log: LogConfig;
  readonly http: HttpConfig;
  readonly metrics: MetricsConfig;
  /** Those of `bridges:`, and others that circuits name. */
  readonly bridges: readonly BridgeConfig[];
  /** Those that are enabled, with their enabled pseudowires. */
  readonly tunnels: readonly TunnelConfig[];
  readonly disabled: DisabledConfig;
  /** Which pseudowires have which circuit; derived from those of the tunnels. */
  readonly forwarders: readonly ForwarderConfig[];
}

/** What the file has with `enabled: false`: nothing of it is opened. */
export interface DisabledConfig {
  /** With all their pseudowires. */
  readonly tunnels: readonly TunnelConfig[];
  /** Pseudowires of tunnels that are enabled, each with the name of its tunnel. */
  readonly pseudowires: readonly { readonly tunnel: string; readonly pseudowire: PseudowireConfig }[];
}

/** A circuit with its pseudowires (RFC 4664 §3.4): with several, one forwards and the others stand by. */
export interface ForwarderConfig {
  readonly circuit: CircuitConfig;
  readonly mode: "single" | "redundant";
  /** The lowest priority is preferred. */
  readonly members: readonly { readonly pseudowire: string; readonly priority: number }[];
}

/** A bridge of the kernel, with the interfaces that belong in it; pseudowires name it in their circuits. */
export interface BridgeConfig extends FieldsOf<typeof bridgeRows, "bridge"> {
  readonly name: string;
  /** Whether the file has it below `bridges:`; else only a circuit names it. */
  readonly isDeclared: boolean;
  readonly interfaces: readonly MemberConfig[];
}

/** How a device is a port of a bridge. */
export interface PortConfig extends FieldsOf<typeof portRows, "port"> {}

/** An interface that belongs in a bridge. */
export interface MemberConfig extends PortConfig, FieldsOf<typeof memberRows, "port"> {
  readonly device: string;
}

export interface LcceConfig extends FieldsOf<typeof lcceRows, "identity" | "daemon"> {}

export interface LogConfig extends FieldsOf<typeof logRows, "daemon"> {}

/** Where metrics, status and events may be read over HTTP, and by whom; nowhere where `listen` is empty. */
export interface HttpConfig extends FieldsOf<typeof httpRows, "daemon"> {}

export interface MetricsConfig extends FieldsOf<typeof metricsRows, "daemon"> {}

/** A tunnel. Ports are 0 with encapsulation "ip"; `localPort` 0 with "udp" means any free port. */
export interface TunnelConfig extends FieldsOf<typeof tunnelRows, "path" | "path MTU" | "endpoint"> {
  readonly name: string;
  /** Absent for a tunnel of static pseudowires only. */
  readonly control?: ControlConfig;
  readonly pseudowires: readonly PseudowireConfig[];
}

/** How the control connection of a tunnel is negotiated. */
export interface ControlConfig extends FieldsOf<typeof tunnelRows, "peer"> {
  readonly authentication: AuthenticationConfig;
  readonly delivery: FieldsOf<typeof tunnelRows, "delivery">;
}

export interface AuthenticationConfig extends FieldsOf<typeof tunnelRows, "authentication"> {
  /** One or two with mode "digest" (either is accepted, the first is preferred); empty otherwise. */
  readonly secrets: readonly SecretSource[];
}

export interface PseudowireConfig extends FieldsOf<typeof pseudowireRows, "session" | "attachment"> {
  /** Unique in the file. */
  readonly name: string;
  readonly circuit: CircuitConfig;
  /**
   * Octets of the longest frame that is put together of fragments: by `mtu`. Present exactly with
   * `fragmentation: pseudowire` of the tunnel.
   */
  readonly mrru?: number;
  /** Which of the peer's sequence numbers are new. */
  readonly sequenceRule: FieldsOf<typeof pseudowireRows, "sequence rule">;
  /** Present exactly in tunnels without `control`. */
  readonly staticSession?: StaticSessionConfig;
}

/**
 * A static session: ids and cookies agreed by hand, no control connection (RFC 3931 §3). Sublayer and
 * sequencing here are of what we send; those of what we receive are the pseudowire's.
 */
export interface StaticSessionConfig extends FieldsOf<typeof staticRows, "session"> {}

export interface CircuitConfig extends FieldsOf<typeof circuitRows, "circuit" | "attachment"> {
  readonly kind: "tap" | "interface";
  readonly device: string;
  /** Present with a bridge. */
  readonly port?: PortConfig;
  /** Absent: the whole port. */
  readonly vlan?: {
    readonly id: number;
    readonly idOnPseudowire: number;
    readonly protocol: 0x8100 | 0x88a8;
  };
}

/** Something wrong in a configuration text. Line and column count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the key, such as `tunnels.branch.remote`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}
