import { z } from "zod";
import { hostAddressProblem, interfaceAddressProblem, networkSubnetProblem } from "../../bytes/subnets.ts";

/**
 * Schemas of values that several keys of a topology file take, with messages that say what to write. The
 * `form` of a schema is what documents call it.
 */

/** Name of a node or segment: it is that of a namespace, and part of the names of interfaces. */
export const nodeName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,11}$/,
    "wanted a name of up to 12 lower-case letters, digits and dashes, a letter first",
  )
  .meta({ form: "name" });

/** Name of an interface in a node, as the kernel allows it. */
export const portName = z
  .string()
  .regex(
    /^[a-z][a-zA-Z0-9._-]{0,14}$/,
    "wanted the name of an interface: up to 15 letters, digits, dots and dashes",
  )
  .meta({ form: "name of an interface" });

/** Text of a form, with what to write instead of anything else. */
export function formed(pattern: RegExp, wanted: string, form: string): z.ZodString {
  return z
    .string({ error: ({ input }) => (input === undefined ? "missing" : wanted) })
    .regex(pattern, wanted)
    .meta({ form });
}

/** Text with a form that editors check, and a rule that says what is wrong with it. */
function ruled(
  pattern: RegExp,
  wanted: string,
  form: string,
  problemOf: (text: string) => string | undefined,
) {
  return z
    .string({ error: wanted })
    .regex(pattern, { error: ({ input }) => problemOf(String(input)) ?? wanted, abort: true })
    .refine((text) => problemOf(text) === undefined, {
      error: ({ input }) => problemOf(String(input)) ?? wanted,
    })
    .meta({ form });
}

/** A mapping that is not empty. */
export function filled<Schema extends z.ZodRecord>(schema: Schema, wanted: string) {
  return schema.refine((mapping) => Object.keys(mapping as object).length > 0, { error: wanted });
}

const PREFIXED = /^[0-9a-fA-F.:]+\/\d{1,3}$/;

/** Text in one line, such as a title. */
export const lineText = z
  .string({ error: "wanted text in one line" })
  .min(1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/, {
    error: "a control character or a line end is in it: write text in one line",
  });

/** Whether a text begins as an option of a program does. */
export function beginsLikeOption(text: string): boolean {
  return text.trimStart().startsWith("-");
}

/** A filter of tcpdump. */
export const captureFilter = z
  .string({ error: "wanted a filter of tcpdump, such as udp port 1701" })
  .regex(/^(?!\s*-)[^\0]*$/, {
    error: ({ input }) =>
      String(input).includes("\0")
        ? "the character NUL can be in no filter"
        : "a filter of tcpdump begins with no dash: write what packets it lets in, such as udp port 1701",
  })
  .meta({ form: "filter of tcpdump" });

/** Address of an interface with its prefix length. */
export const addressWithPrefix = ruled(
  PREFIXED,
  "wanted an address with its prefix length, such as 192.0.2.1/24",
  "address with prefix length",
  interfaceAddressProblem,
);

/** A subnet. */
export const subnet = ruled(
  PREFIXED,
  "wanted a subnet, such as 192.0.2.0/24",
  "subnet",
  networkSubnetProblem,
);

/** Address of an interface; without prefix length where its segment has a subnet. */
const address = ruled(
  /^[0-9a-fA-F.:]+(\/\d{1,3})?$/,
  "wanted an address, such as 192.0.2.1/24",
  "address",
  (text) => (text.includes("/") ? interfaceAddressProblem(text) : hostAddressProblem(text)),
);

/** One address of a port, or several: IPv4 and IPv6, say. */
export const addresses = z.union([address, z.array(address).min(1)], {
  error: "wanted an address with its prefix length, such as 192.0.2.1/24, or a list of them",
});

export const nextHop = ruled(
  /^[0-9a-fA-F.:]+$/,
  "wanted an address without prefix length, such as 192.0.2.1",
  "address without prefix length",
  hostAddressProblem,
);

/** Names with their addresses, as a name server has them. */
export const dnsRecords = filled(
  z.record(
    z
      .string()
      .max(253)
      .regex(
        /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
        "wanted a DNS name in lower-case letters, such as hub.example",
      ),
    z.union([nextHop, z.array(nextHop).min(1)], {
      error: "wanted an address without prefix length, such as 203.0.113.1, or a list of them",
    }),
  ),
  "wanted at least one name with its address, such as { hub.example: 203.0.113.1 }",
);

export const mtu = z.int().min(576).max(9216);
/** A VLAN of a host; 0 means untagged. */
export const hostVlan = z.int().min(0).max(4094);
export const tagVlan = z.int().min(1).max(4094);
/** Path of a file; a relative one counts from the folder of the topology file. */
export const filePath = z.string().min(1).meta({ form: "path" });
/** Commands for `sh`. */
export const shellText = z
  .string()
  .regex(/^[^\0]*[^\0\s][^\0]*$/, "wanted a path or a command line")
  .meta({ form: "path or command line" });
/** Configuration of a Wirespan; the parser of configurations is what checks it. */
export const configuration = z
  .record(z.string(), z.unknown())
  .meta({ form: "configuration", configuration: true });

export const nodePair = z.tuple([nodeName, nodeName], {
  error: "wanted the names of two nodes, such as [a10, b10]",
});

/** A word of a command: the kernel ends words at NUL. */
export const commandWord = z.string().regex(/^[^\0]*$/, "a word of a command cannot have a NUL in it");

/** A time with its unit. */
export const seconds = formed(
  /^\d+(\.\d+)?(ms|s)$/,
  "wanted a time with its unit, such as 500ms or 5s",
  "time",
);
