import { readText } from "./files.ts";

/** What a process may do and use, by /proc: of this one, or with the right to see it of another. */

/** TABLE: capabilities by their numbers (linux/capability.h). */
const capabilityNumbers = {
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
export type CapabilityName = keyof typeof capabilityNumbers;

/** What a process may do. */
export interface ProcessLimits {
  readonly capabilities: readonly CapabilityName[];
  /** Files that it may open, and octets that it may lock in memory; undefined without a limit. */
  readonly openFiles: number | undefined;
  readonly lockedOctets: number | undefined;
}

/** Of a process by its pid, or "self". Throws SystemError. */
export function processLimits(process: number | "self"): ProcessLimits {
  const status = readText(`/proc/${process}/status`, "latin1");
  const limits = readText(`/proc/${process}/limits`, "latin1");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const limitOf = (name: string) => {
    const text = new RegExp(`^${name}\\s+(\\S+)`, "m").exec(limits)?.[1];
    return text === undefined || text === "unlimited" ? undefined : Number(text);
  };
  return {
    capabilities: (Object.keys(capabilityNumbers) as CapabilityName[]).filter(
      (name) => ((effective >> BigInt(capabilityNumbers[name])) & 1n) === 1n,
    ),
    openFiles: limitOf("Max open files"),
    lockedOctets: limitOf("Max locked memory"),
  };
}
