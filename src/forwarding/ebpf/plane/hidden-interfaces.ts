import { createHash } from "node:crypto";
import {
  createInterfacePair,
  deleteInterfacePair,
  findInterface,
  type PairEnd,
  type PairKind,
} from "../../../os/interface-pairs.ts";

/** Hidden interfaces: those that the plane needs besides a circuit's device. */

/** The largest MTU of a veth pair, longer than any frame. */
export const VETH_MTU = 65_535;

/**
 * TABLE: prefixes of the names of hidden interfaces. Four digits of the daemon's owner follow, by which it
 * recognises its own, and eight digits of a hash of the device's name.
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

/** The name of a device's hidden interface. */
export function hiddenName(kind: keyof typeof prefixes, owner: string, name: string): string {
  const digits = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return prefixes[kind] + owner.slice(0, OWNER_DIGITS) + digits;
}

/** Whether a name is that of a device's hidden interface of this kind, whoever's it is. */
export function isHiddenName(kind: keyof typeof prefixes, name: string, device: string): boolean {
  const owner = name.slice(prefixes[kind].length, prefixes[kind].length + OWNER_DIGITS);
  return name === hiddenName(kind, owner, device);
}

/** A veth pair, by the interface indexes of its ends. */
export interface VethPair {
  readonly entry: number;
  readonly exit: number;
}

/**
 * Creates an interface pair unless one of this kind with these names is there already: by its names that is
 * ours. Rejects with SystemError.
 */
export async function ensurePair(entry: PairEnd, exit: PairEnd, kind: PairKind = "veth"): Promise<void> {
  const found = await findInterface(entry.name);
  if (found?.peer?.name === exit.name && found.kind === kind) return;
  if (found?.peer?.name === exit.name) await deleteInterfacePair(entry.name);
  await createInterfacePair(entry, exit, kind);
}
