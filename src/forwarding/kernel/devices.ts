import { createHash } from "node:crypto";
import { SystemError } from "../../os/errors.ts";
import { ifNameToIndex } from "../../os/libc.ts";
import {
  createVirtualPair,
  deleteVirtualPair,
  findInterface,
  interfaceNames,
  type VirtualEnd,
} from "../../os/virtual-pairs.ts";
import type { CircuitDevice } from "../plane.ts";
import type { Place } from "./attachments.ts";

/** The most that a virtual cable takes, and more than any frame has. */
const DETOUR_MTU = 65_535;

/**
 * TABLE: what the hidden interfaces are called: a prefix, four digits of the daemon's owner, by which it knows its own, and eight made
 * of the device's name.
 */
const prefixes = { near: "wsa", far: "wsb", cutterNear: "wsc", cutterFar: "wsd", twin: "wst" } as const;
const OWNER_DIGITS = 4;

/** A virtual cable, by the interface indexes of its ends. */
export interface Cable {
  readonly near: number;
  readonly far: number;
}

/** A circuit's device as programs and the userspace plane share it. */
export interface KernelDevice {
  readonly device: CircuitDevice;
  /** Where frames from the attached hosts meet the programs. */
  readonly place: Place;
  /** Whether frames for the attached hosts leave by the device, or are as if it had received them. */
  readonly delivery: "out" | "in";
  /**
   * The detour, a virtual cable: what goes in at the near end comes out of the far one cut into frames with finished checksums,
   * and meets the programs again; what goes in at the far end comes out of the near one, where the userspace plane reads.
   */
  readonly detour: Cable;
  /**
   * The cutter, a virtual cable made when it is first asked for: super-frames that go in at the near end come out of the far one cut
   * into packets, whose checksums are left to the next device; segments that go in at the far end come out of the near one joined.
   * Rejects with SystemError.
   */
  cutter(): Promise<Cable>;
  /** What the userspace plane opens. */
  readonly opened: CircuitDevice;
}

function hidden(kind: keyof typeof prefixes, owner: string, name: string): string {
  const digits = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return prefixes[kind] + owner.slice(0, OWNER_DIGITS) + digits;
}

/**
 * Makes what a device needs beside itself, or takes over what a crashed daemon left. A "tap" becomes one end of a virtual cable,
 * which outlives the daemon. `owner` begins with four hexadecimal digits. Rejects with SystemError, and then nothing is left.
 */
export async function openKernelDevice(device: CircuitDevice, owner: string): Promise<KernelDevice> {
  const { name, mtu } = device;
  const isOurs = device.kind === "tap";
  const [near, far] = [hidden("near", owner, name), hidden("far", owner, name)];
  const twin = hidden("twin", owner, name);
  if (isOurs) await havePair({ name, mtu }, { name: twin, mtu, silent: true });
  try {
    const interfaceIndex = indexOf(name);
    await havePair(
      { name: near, mtu: DETOUR_MTU, silent: true, offloads: "none" },
      { name: far, mtu: DETOUR_MTU, silent: true },
    );
    return {
      device,
      place: { interfaceIndex, at: isOurs ? "egress" : "ingress" },
      delivery: isOurs ? "in" : "out",
      detour: { near: indexOf(near), far: indexOf(far) },
      cutter: once(() => openCutter(name, owner)),
      opened: { ...device, standIns: { sendsBy: isOurs ? twin : name, readsFrom: near } },
    };
  } catch (error) {
    if (isOurs) await deleteVirtualPair(name);
    throw error;
  }
}

async function openCutter(device: string, owner: string): Promise<Cable> {
  const [near, far] = [hidden("cutterNear", owner, device), hidden("cutterFar", owner, device)];
  const end = { mtu: DETOUR_MTU, silent: true, offloads: "checksums" } as const;
  await havePair({ name: near, ...end, joins: true }, { name: far, ...end, spreads: true });
  return { near: indexOf(near), far: indexOf(far) };
}

/** Does it when it is first asked to, and again only after it failed. */
function once<T>(act: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return async () => {
    done ??= act();
    try {
      return await done;
    } catch (error) {
      done = undefined;
      throw error;
    }
  };
}

/** Takes away what `openKernelDevice` made; what is gone already is no error. Rejects with SystemError. */
export async function closeKernelDevice({ kind, name }: CircuitDevice, owner: string): Promise<void> {
  for (const end of ["near", "cutterNear"] as const) await deleteVirtualPair(hidden(end, owner, name));
  if (kind === "tap") await deleteVirtualPair(name);
}

/**
 * Takes away the hidden interfaces of this owner that none of `devices` has: a daemon that crashed left them, and the "tap" with its
 * twin. Rejects with SystemError.
 */
export async function removeLeftOvers(devices: Iterable<CircuitDevice>, owner: string): Promise<void> {
  const kinds = Object.keys(prefixes) as (keyof typeof prefixes)[];
  const used = new Set([...devices].flatMap(({ name }) => kinds.map((kind) => hidden(kind, owner, name))));
  const ours = new RegExp(
    `^(?:${Object.values(prefixes).join("|")})${owner.slice(0, OWNER_DIGITS)}[0-9a-f]{8}$`,
  );
  const stale = (await interfaceNames()).filter((name) => ours.test(name) && !used.has(name));
  for (const name of stale) await deleteVirtualPair(name);
}

/** A pair that is there already, with these very names, was ours. */
async function havePair(near: VirtualEnd, far: VirtualEnd): Promise<void> {
  const found = await findInterface(near.name);
  if (found?.peer?.name === far.name) return;
  await createVirtualPair(near, far);
}

function indexOf(name: string): number {
  const index = ifNameToIndex(name);
  if (index !== 0) return index;
  throw new SystemError("open an interface", {
    errno: "ENODEV",
    target: `interface ${name}`,
    hint: "it does not exist",
  });
}
