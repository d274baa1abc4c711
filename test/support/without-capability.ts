import { readFileSync } from "node:fs";
import { addressOf, capset } from "../../src/os/libc.ts";

/** TABLE: numbers of capabilities (linux/capability.h). */
const numbers = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n } as const;
/** _LINUX_CAPABILITY_VERSION_3: two words of 32 bits each. */
const CAPABILITY_VERSION = 0x2008_0522;

/** Does something with this thread, which must not wait meanwhile, while it lacks a capability. */
export function withoutCapability<T>(name: keyof typeof numbers, act: () => T): T {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  const setOf = (set: string) => BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1]}`);
  const [effective, permitted, inheritable] = [setOf("CapEff"), setOf("CapPrm"), setOf("CapInh")];
  const set = (now: bigint) => {
    const header = new Uint8Array(Uint32Array.of(CAPABILITY_VERSION, 0).buffer);
    const sets = [now, permitted, inheritable];
    const words = [...sets.map((one) => one & 0xffff_ffffn), ...sets.map((one) => one >> 32n)].map(Number);
    const data = new Uint8Array(Uint32Array.from(words).buffer);
    if (capset(addressOf(header), addressOf(data)) < 0) throw new Error(`set capabilities without ${name}`);
  };
  set(effective & ~(1n << numbers[name]));
  try {
    return act();
  } finally {
    set(effective);
  }
}
