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

/** The most that a virtual cable takes, and more than any frame has. */
export const DETOUR_MTU = 65_535;

/**
 * TABLE: what the hidden interfaces are called: a prefix, four digits of the daemon's owner, by which it knows its own, and eight made
 * of the device's name.
 */
export const prefixes = {
  near: "wsa",
  far: "wsb",
  cutterNear: "wsc",
  cutterFar: "wsd",
  joinerNear: "wse",
  joinerFar: "wsf",
  twin: "wst",
  networkNear: "wsg",
  networkFar: "wsh",
} as const;
export const OWNER_DIGITS = 4;

/** What a device's hidden interface is called. */
export function hidden(kind: keyof typeof prefixes, owner: string, name: string): string {
  const digits = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return prefixes[kind] + owner.slice(0, OWNER_DIGITS) + digits;
}

/** A virtual cable, by the interface indexes of its ends. */
export interface Cable {
  readonly near: number;
  readonly far: number;
}

/** Makes a pair. One that is there already, with these very names, was ours: it stays if it is of this kind. Rejects with SystemError. */
export async function havePair(near: PairEnd, far: PairEnd, kind: PairKind = "veth"): Promise<void> {
  const found = await findInterface(near.name);
  if (found?.peer?.name === far.name && found.kind === kind) return;
  if (found?.peer?.name === far.name) await deleteInterfacePair(near.name);
  await createInterfacePair(near, far, kind);
}

/** The index of an interface. Throws SystemError where there is none of that name. */
export function indexOf(name: string): number {
  const index = ifNameToIndex(name);
  if (index !== 0) return index;
  throw new SystemError("open an interface", {
    errno: "ENODEV",
    target: `interface ${name}`,
    hint: "it does not exist",
  });
}
