import { z } from "zod";
import { canonicalAddress } from "../bytes/ip-address.ts";
import { type DscpName, dscpNames } from "../wire/dscp.ts";
import { localProblem, prefixProblem, remoteProblem } from "./ends.ts";

/** Schemas of values that several keys take, with messages that say what to write instead. */

/** Names that the kernel gives no interface: they stand for all of them in /proc/sys/net. */
const reservedNames: ReadonlySet<string> = new Set(["all", "default"]);

/** Name of an interface as the kernel allows it (dev_valid_name), in US-ASCII only. */
export const deviceName = z
  .string()
  .min(1)
  .max(15)
  .regex(
    /^(?!\.\.?$)[!-$&-.0-9;-~]*$/,
    "an interface name is US-ASCII without blanks, slash, colon and percent",
  )
  .superRefine((name, context) => {
    if (reservedNames.has(name))
      context.addIssue({
        code: "custom",
        message: `the kernel gives no interface the name ${name}: choose another one`,
      });
  });

const withoutBrackets = ({ input }: { readonly input?: unknown }) =>
  Array.isArray(input) ? "write the address without brackets" : undefined;

/** Text that one function of `ends.ts` judges. */
const judged = (problemOf: (text: string) => string | undefined) =>
  z.string({ error: withoutBrackets }).superRefine((text, context) => {
    const message = problemOf(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

/** Our end of a tunnel: an address, or the name of an interface. */
export const localEnd = judged(
  (text) => localProblem(text) ?? (canonicalAddress(text) === undefined ? interfaceProblem(text) : undefined),
);

function interfaceProblem(text: string): string | undefined {
  const { error } = deviceName.safeParse(text);
  if (error === undefined) return undefined;
  const [issue] = error.issues;
  return issue?.code === "custom" || issue?.code === "invalid_format"
    ? issue.message
    : "wanted an IPv4 or IPv6 address, or the name of an interface, which has up to 15 characters";
}

/** The peer's end of a tunnel: an address, a DNS name, or any address, maybe of some prefixes. */
export const remoteEnd = z.union(
  [judged(remoteProblem), z.strictObject({ any: z.array(judged(prefixProblem)).min(1).max(256) })],
  { error: withoutBrackets },
);

/** Message for several VLAN IDs in one pseudowire. */
export const WANTED_ONE_VLAN =
  "wanted one VLAN ID: a pseudowire carries one VLAN, or the whole port without this key; make one for each";

/** One VLAN ID; 0 means priority tags. */
export const vlanId = z
  .int({
    error: ({ input }) =>
      Array.isArray(input) || (typeof input === "string" && /^\d+\s*[-,]/.test(input))
        ? WANTED_ONE_VLAN
        : undefined,
  })
  .min(0)
  .max(4094);

export const unsigned32 = z.int().min(0).max(0xffff_ffff);
/** Session ids: 0 is that of control messages. */
export const sessionId = z.int().min(1).max(0xffff_ffff);
export const localPort = z.int().min(0).max(65_535);
export const remotePort = z.int().min(1).max(65_535);

const textOrNumber = { error: "wanted text or a number in range" };
/** Text, or a number that the program keeps in 32 bits. */
export const textOrUnsigned32 = z.union([z.string(), unsigned32], textOrNumber);
export const nonEmptyTextOrUnsigned32 = z.union([z.string().min(1), unsigned32], textOrNumber);

const dscpNameList = Object.keys(dscpNames) as [DscpName, ...DscpName[]];
const dscpNumber = z.int().min(0).max(63);
const wantedDscp = (...more: string[]) => ({
  error: `wanted 0 to 63, or one of ${[...more, ...dscpNameList].join(", ")}`,
});
/** A differentiated services code point, by name or number. */
export const dscp = z.union([z.enum(dscpNameList), dscpNumber], wantedDscp());
export const dscpOrCopy = z.union([z.enum(["copy", ...dscpNameList]), dscpNumber], wantedDscp("copy"));

/** The number of a code point. */
export function codePointOf(choice: DscpName | number): number {
  return typeof choice === "number" ? choice : dscpNames[choice];
}

/** To what the MSS of TCP is lowered: by what the pseudowire takes, not at all, or to an MSS of IPv4. */
export const mssClamp = z.union(
  [z.enum(["auto", "off"]), z.int().min(88).max(65_495)],
  "wanted auto, off, or an MSS from 88 to 65495 octets",
);

export const hexOctets = z
  .string()
  .regex(/^([0-9a-fA-F]{2})*$/, "wanted pairs of hexadecimal digits, without 0x");

/** Names of tunnels and pseudowires. */
export const nameRule = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

const secretKinds = ["file", "credential", "env"] as const;
const wantedSecret = "{ file: PATH }, { credential: NAME } or { env: NAME }";
/** Message for a secret in the file itself. */
export const WANTED_SECRET = `wanted ${wantedSecret}: the secret itself does not belong in this file`;

/** Where a secret is read from. */
export const secretFields = z
  .strictObject(
    {
      file: z
        .string()
        .min(1)
        .refine((path) => !path.startsWith("~"), "~ is not expanded here: write the whole path")
        .optional()
        .describe(
          "File that holds the secret; one newline at its end is not part of it. A relative path counts " +
            "from the directory in which `wirespan run` was started. Keep it to its owner (`chmod 600`).",
        ),
      credential: z
        .string()
        .regex(/^(?!\.\.?$)[^/]+$/, "a credential is named as in LoadCredential=, without slash")
        .optional()
        .describe(
          "Credential of the systemd unit that holds the secret (`LoadCredential=NAME:PATH`): a file " +
            "of this name in the directory that the environment variable CREDENTIALS_DIRECTORY names.",
        ),
      env: z
        .string()
        .min(1)
        .optional()
        .describe("Environment variable of the daemon that holds the secret; a reload sees no other value."),
    },
    {
      error: ({ code, input }) => {
        if (code !== "invalid_type" || input === undefined) return undefined;
        return input === null ? `wanted ${wantedSecret}` : WANTED_SECRET;
      },
    },
  )
  .refine((secret) => secretKinds.filter((kind) => secret[kind] !== undefined).length === 1, {
    error: `wanted exactly one of ${secretKinds.join(", ")}`,
  })
  .describe(
    "The shared secret, the same at both ends: exactly one of `file`, `credential` and `env`, " +
      "read at the start and at each reload.",
  );

export type RawSecret = z.output<typeof secretFields>;

const WANTED_PATHS = "wanted the path of a file or directory, or a list of them";

/** One entry of `include`. */
export const includedPath = z
  .string({ error: WANTED_PATHS })
  .min(1, { error: WANTED_PATHS })
  .regex(/^(?:[^*]*\/)?[^/]*$/, {
    error: "`*` can only be in the last part of a path, as in tunnels.d/*.yaml",
  });

/** Files that are parts of the configuration. */
export const include = z.union([includedPath, z.array(includedPath)], { error: WANTED_PATHS });
