import { deleteInterfacePair, interfaceNames } from "../../../os/interface-pairs.ts";
import type { CircuitDevice } from "../../plane.ts";
import {
  type Cable,
  DETOUR_MTU,
  havePair,
  hidden,
  indexOf,
  OWNER_DIGITS,
  prefixes,
} from "./hidden-interfaces.ts";
import { networkDetourNames } from "./network-exception-path.ts";
import type { Place } from "./program-attachments.ts";
import { type Cutter, openCutter } from "./segmenter.ts";

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
  /** The cutter, made when it is first asked for. Rejects with SystemError. */
  cutter(): Promise<Cutter>;
  /** What the userspace plane opens. */
  readonly opened: CircuitDevice;
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
  if (isOurs) await havePair({ name, mtu }, { name: twin, mtu, withoutIpv6: true });
  try {
    const interfaceIndex = indexOf(name);
    await havePair(
      { name: near, mtu: DETOUR_MTU, withoutIpv6: true, offloads: "none" },
      { name: far, mtu: DETOUR_MTU, withoutIpv6: true },
    );
    return {
      device,
      place: { interfaceIndex, at: isOurs ? "egress" : "ingress" },
      delivery: isOurs ? "in" : "out",
      detour: { near: indexOf(near), far: indexOf(far) },
      cutter: once(() => openCutter(name, owner)),
      opened: { ...device, proxyInterfaces: { transmit: isOurs ? twin : name, receive: near } },
    };
  } catch (error) {
    if (isOurs) await deleteInterfacePair(name);
    throw error;
  }
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

/**
 * Takes away what `openKernelDevice` made; what is gone already is no error, and an interface that somebody made since under the
 * device's name stays. Rejects with SystemError.
 */
export async function closeKernelDevice(
  { device: { kind, name }, place }: KernelDevice,
  owner: string,
): Promise<void> {
  for (const end of ["near", "cutterNear", "joinerNear"] as const)
    await deleteInterfacePair(hidden(end, owner, name));
  if (kind === "tap") await deleteInterfacePair(name, place.interfaceIndex);
}

/**
 * Takes away the hidden interfaces of this owner that none of `devices` has: a daemon that crashed left them, and the "tap" with its
 * twin. Rejects with SystemError.
 */
export async function removeLeftOvers(devices: Iterable<CircuitDevice>, owner: string): Promise<void> {
  const kinds = Object.keys(prefixes) as (keyof typeof prefixes)[];
  const { near, far } = networkDetourNames(owner);
  const used = new Set([
    ...[near, far],
    ...[...devices].flatMap(({ name }) => kinds.map((kind) => hidden(kind, owner, name))),
  ]);
  const ours = new RegExp(
    `^(?:${Object.values(prefixes).join("|")})${owner.slice(0, OWNER_DIGITS)}[0-9a-f]{8}$`,
  );
  const stale = (await interfaceNames()).filter((name) => ours.test(name) && !used.has(name));
  for (const name of stale) await deleteInterfacePair(name);
}
