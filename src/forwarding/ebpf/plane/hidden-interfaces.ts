import { createHash } from "node:crypto";
import { SystemError } from "../../../os/errors.ts";
import {
  createInterfacePair,
  deleteInterfacePair,
  findInterface,
  type PairEnd,
  type PairKind,
} from "../../../os/interface-pairs.ts";
import { ifNameToIndex } from "../../../os/libc.ts";

/** Interfaces that a circuit's device needs beside itself. */

/** The most that a veth pair takes, and more than any frame has. */
export const VETH_MTU = 65_535;

/**
 * TABLE: what the hidden interfaces are called: a prefix, four digits of the daemon's owner, by which it knows its own, and eight made
 * of the device's name.
 */
export const prefixes = {
  exceptionEntry: "wsa",
  exceptionExit: "wsb",
  segmenterEntry: "wsc",
  segmenterExit: "wsd",
  coalescerExit: "wse",
  coalescerEntry: "wsf",
  hostPeer: "wst",
  networkEntry: "wsg",
  networkExit: "wsh",
} as const;
export const OWNER_DIGITS = 4;

/** What a device's hidden interface is called. */
export function hiddenName(kind: keyof typeof prefixes, owner: string, name: string): string {
  const digits = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return prefixes[kind] + owner.slice(0, OWNER_DIGITS) + digits;
}

/** A veth pair, by the interface indexes of its ends. */
export interface VethPair {
  readonly entry: number;
  readonly exit: number;
}

/** Makes a pair. One that is there already, with these very names, was ours: it stays if it is of this kind. Rejects with SystemError. */
export async function ensurePair(entry: PairEnd, exit: PairEnd, kind: PairKind = "veth"): Promise<void> {
  const found = await findInterface(entry.name);
  if (found?.peer?.name === exit.name && found.kind === kind) return;
  if (found?.peer?.name === exit.name) await deleteInterfacePair(entry.name);
  await createInterfacePair(entry, exit, kind);
}

/** The index of an interface. Throws SystemError where there is none of that name. */
export function interfaceIndexOf(name: string): number {
  const index = ifNameToIndex(name);
  if (index !== 0) return index;
  throw new SystemError("open an interface", {
    errno: "ENODEV",
    target: `interface ${name}`,
    hint: "it does not exist",
  });
}
