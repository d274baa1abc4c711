import type { FileText } from "../format/add-nodes.ts";
import type { LinkMechanism } from "../links/realisation.ts";
import type { ProgramState } from "../programs/node-program.ts";

/** What commands ask the first process of a lab that is up: HTTP on a Unix socket, JSON in and out. */

/** A program of a node. */
export interface ProgramReport {
  readonly name: string;
  readonly state: ProgramState;
  /** Its process, as the lab numbers it, while it runs. */
  readonly pid?: number | undefined;
  /** How it ended by itself, such as "ended by SIGKILL". */
  readonly ending?: string | undefined;
  /** Path in the lab of the file with its output. */
  readonly log: string;
  /** What its log says is wrong, where it ended and should not have. */
  readonly problem?: string | undefined;
}

/** A tunnel of a daemon, or a pseudowire. */
export interface ConnectionReport {
  readonly name: string;
  readonly state: string;
  readonly whyNot?: string | undefined;
}

/** A tunnel with its pseudowires. */
export interface TunnelReport extends ConnectionReport {
  readonly pseudowires: readonly ConnectionReport[];
}

/** A node of a lab, or a segment. */
export interface NodeReport {
  readonly name: string;
  readonly kind: "host" | "router" | "lcce" | "network" | "lan";
  /** Each interface with its addresses, as they are now. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Whether its programs are started by hand. */
  readonly byHand: boolean;
  readonly programs: readonly ProgramReport[];
  /** Of a Wirespan that answers. */
  readonly tunnels?: readonly TunnelReport[] | undefined;
}

/** A direction of a link, with its conditions as they are written. */
export interface LinkSideReport {
  readonly conditions: Readonly<Record<string, string>>;
  readonly realisedBy: readonly LinkMechanism[];
}

/** A link that has conditions, or has no carrier. */
export interface LinkStateReport {
  /** NODE.PORT. */
  readonly name: string;
  readonly down: boolean;
  /** From the node into the segment. */
  readonly out: LinkSideReport;
  readonly in: LinkSideReport;
}

/** A lab that is up. */
export interface LabReport {
  readonly name: string;
  readonly title: string;
  /** Absolute path of its topology. */
  readonly path: string;
  /** When it was brought up, as ISO 8601 has it. */
  readonly since: string;
  readonly nodes: readonly NodeReport[];
  readonly links: readonly LinkStateReport[];
}

/** A change of a link, as it is written on the command line. */
export interface LinkRequest {
  /** NODE.PORT, or NODE of a node with a single port. */
  readonly link: string;
  readonly direction: "both" | "out" | "in";
  /** Conditions by their keys; they are put beside those that are there. */
  readonly conditions: Readonly<Record<string, string>>;
  /** Whether all former conditions go first. */
  readonly clear: boolean;
  readonly down?: boolean | undefined;
}

/** What each route is asked with, and what it answers. */
export interface LabCalls {
  status: { readonly asks: object; readonly answers: LabReport };
  start: { readonly asks: { readonly node: string }; readonly answers: NodeReport };
  stop: { readonly asks: { readonly node: string; readonly kill: boolean }; readonly answers: NodeReport };
  restart: { readonly asks: { readonly node: string }; readonly answers: NodeReport };
  add: { readonly asks: FileText; readonly answers: { readonly nodes: readonly NodeReport[] } };
  /** Lets the NAT of a router forget its flows. */
  forget: { readonly asks: { readonly node: string }; readonly answers: NodeReport };
  link: { readonly asks: LinkRequest; readonly answers: LinkStateReport };
}

/** The name of a route. */
export type LabCall = keyof LabCalls;

/** HTTP status of an answer that tells mistakes of a topology. */
export const INVALID_TOPOLOGY = 400;

/** TABLE: the routes; those that change something are POST, and have what they are asked with as body. */
export const labRoutes: { readonly [Call in LabCall]: { readonly method: string; readonly path: string } } = {
  status: { method: "GET", path: "/v1/status" },
  start: { method: "POST", path: "/v1/start" },
  stop: { method: "POST", path: "/v1/stop" },
  restart: { method: "POST", path: "/v1/restart" },
  link: { method: "POST", path: "/v1/link" },
  add: { method: "POST", path: "/v1/add" },
  forget: { method: "POST", path: "/v1/forget" },
};

/** What carries out the calls. */
export type LabHandlers = {
  readonly [Call in LabCall]: (asked: LabCalls[Call]["asks"]) => Promise<LabCalls[Call]["answers"]>;
};
