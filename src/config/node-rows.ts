import { z } from "zod";
import { dottedQuad } from "../bytes/ip-address.ts";
import { hashOf, routerIdOf } from "./address.ts";
import { rowsFor } from "./rows.ts";
import { UNIX_PATH_OCTETS } from "./unix-path.ts";
import { textOrUnsigned32 } from "./value-schemas.ts";

/** What values of a node's keys depend on beside themselves. */
export interface NodeContext {
  readonly hostName: string;
  /** First IPv4 address that a tunnel has as `local`, as a router id. */
  readonly firstV4: number | undefined;
}

const row = rowsFor<NodeContext, "identity" | "daemon">();

/**
 * TABLE: keys of `lcce:`. Consumers: "identity" is what peers are told (`LcceIdentity`), "daemon" the
 * daemon's own.
 */
export const lcceRows = {
  host_name: row(
    z
      .string()
      .min(1)
      .max(255)
      .regex(
        /^[\x21-\x7e]+$/,
        "wanted US-ASCII without blanks: the name goes to peers as it is, such as lcce-a.example.org",
      )
      .optional(),
    {
      name: "hostName",
      consumer: "identity",
      reload: "replace",
      value: (name, { hostName }) => name ?? hostName,
      help: "Host Name that we tell peers; default: the machine's.",
    },
  ),
  router_id: row(textOrUnsigned32.optional(), {
    name: "routerId",
    consumer: "identity",
    reload: "replace",
    value: (id, { hostName, firstV4 }): number =>
      (id === undefined ? firstV4 : routerIdOf(id)) ?? hashOf(hostName),
    inFile: dottedQuad,
    help:
      "Router ID that we tell peers, a dotted quad or a number; " +
      "default: the first IPv4 `local` of the file, else made from the host name. " +
      "Set it where tunnels come and go: a change of it sets all of them up again.",
  }),
  control_socket: row(
    z
      .string()
      .min(1)
      .refine((path) => new TextEncoder().encode(path).length <= UNIX_PATH_OCTETS, {
        error:
          `longer than ${UNIX_PATH_OCTETS} octets, ` +
          `which is all that the kernel takes of the path of a Unix socket`,
      })
      .default("/run/wirespan/wirespan.sock"),
    {
      name: "controlSocket",
      consumer: "daemon",
      reload: "next start",
      help: "Unix socket of `wirespan status` and `wirespan reload`.",
    },
  ),
} as const;

/** TABLE: keys of `log:`. */
export const logRows = {
  level: row(z.enum(["trace", "debug", "info", "warn", "error"]).default("info"), {
    name: "level",
    consumer: "daemon",
    reload: "in place",
    help: "The least severe messages that are logged; `trace` has each control message.",
  }),
  format: row(z.enum(["auto", "text", "json"]).default("auto"), {
    name: "format",
    consumer: "daemon",
    reload: "next start",
    help: "`auto`: text on a terminal, else JSON lines.",
  }),
} as const;

/** TABLE: keys of `metrics:`. */
export const metricsRows = {
  sessions: row(z.boolean().default(true), {
    name: "sessions",
    consumer: "daemon",
    reload: "in place",
    help:
      "Whether metrics have series of each pseudowire, at least 10 of them; those of tunnels have sums of " +
      "their sessions in any case.",
  }),
} as const;

/** TABLE: keys at the top of the file, but for mappings. */
export const topRows = {
  plane: row(z.enum(["auto", "userspace", "ebpf"]).default("auto"), {
    name: "plane",
    consumer: "daemon",
    reload: "next start",
    help:
      "What forwards: eBPF programs in the kernel (`ebpf`, needs root), " +
      "a thread of the daemon (`userspace`), or the former where it is available (`auto`). " +
      "`wirespan status` shows which one does, and why.",
  }),
} as const;
