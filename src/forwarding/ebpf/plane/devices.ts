import { interfaceIndexOf } from "../../../os/interface-index.ts";
import { deleteInterfacePair, interfaceNames } from "../../../os/interface-pairs.ts";
import { setInterfaceMtu } from "../../../os/sockets.ts";
import type { CircuitDevice } from "../../plane.ts";
import {
  ensurePair,
  hiddenName,
  OWNER_DIGITS,
  prefixes,
  VETH_MTU,
  type VethPair,
} from "./hidden-interfaces.ts";
import { networkExceptionPathNames } from "./network-exception-path.ts";
import type { Hook } from "./program-attachments.ts";
import { openSegmenter, type Segmenter } from "./segmenter.ts";

/**
 * A circuit's device together with the hidden interfaces by which programs and the userspace plane share it.
 */
export interface EbpfDevice {
  readonly device: CircuitDevice;
  /** The hook at which frames from the attached hosts meet the programs. */
  readonly hook: Hook;
  /**
   * Whether frames for the attached hosts are sent out of the device ("out"), or given to it as received
   * ("in").
   */
  readonly delivery: "out" | "in";
  /**
   * The exception path, a veth pair: what enters at the entry leaves at the exit segmented and with finished
   * checksums, and meets the programs again there; what enters at the exit leaves at the entry, where the
   * userspace plane reads it.
   */
  readonly exceptionPath: VethPair;
  /** The segmenter, created on first use. Rejects with SystemError. */
  segmenter(): Promise<Segmenter>;
  /** The device as the userspace plane opens it. */
  readonly userspaceDevice: CircuitDevice;
}

/**
 * Opens a device: creates its exception path, or adopts what a crashed daemon left. A "tap" becomes one end
 * of a veth pair, which outlives the daemon. `owner` begins with four hexadecimal digits. Rejects with
 * SystemError, and then nothing is left.
 */
export async function openEbpfDevice(device: CircuitDevice, owner: string): Promise<EbpfDevice> {
  const { name, mtu } = device;
  const isTap = device.kind === "tap";
  const [entry, exit] = [hiddenName("exceptionEntry", owner, name), hiddenName("exceptionExit", owner, name)];
  const peerEnd = hiddenName("hostPeer", owner, name);
  if (isTap) await ensurePair({ name, mtu }, { name: peerEnd, mtu, withoutIpv6: true });
  try {
    const interfaceIndex = interfaceIndexOf(name);
    await ensurePair(
      { name: entry, mtu: VETH_MTU, withoutIpv6: true, offloads: "none" },
      { name: exit, mtu: VETH_MTU, withoutIpv6: true },
    );
    return {
      device,
      hook: { interfaceIndex, at: isTap ? "egress" : "ingress" },
      delivery: isTap ? "in" : "out",
      exceptionPath: { entry: interfaceIndexOf(entry), exit: interfaceIndexOf(exit) },
      segmenter: once(() => openSegmenter(name, owner)),
      userspaceDevice: { ...device, proxyInterfaces: { transmit: isTap ? peerEnd : name, receive: entry } },
    };
  } catch (error) {
    if (isTap) await deleteInterfacePair(name);
    throw error;
  }
}

/** Gives the other end of a "tap", by which the plane below sends, another MTU too. Throws SystemError. */
export function resizePeerEnd({ device, userspaceDevice }: EbpfDevice, mtu: number): void {
  const peerEnd = userspaceDevice.proxyInterfaces?.transmit;
  if (device.kind === "tap" && peerEnd !== undefined) setInterfaceMtu(peerEnd, mtu);
}

/**
 * A function that performs `act` on its first call and returns that result from then on; a failed call is
 * repeated.
 */
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
 * Removes the interfaces that `openEbpfDevice` created. One that is gone already is no error, and an
 * interface that somebody else has since created under the device's name stays. Rejects with SystemError.
 */
export async function closeEbpfDevice(
  { device: { kind, name }, hook }: EbpfDevice,
  owner: string,
): Promise<void> {
  for (const end of ["exceptionEntry", "segmenterEntry", "coalescerExit"] as const)
    await deleteInterfacePair(hiddenName(end, owner, name));
  if (kind === "tap") await deleteInterfacePair(name, hook.interfaceIndex);
}

/**
 * Removes the hidden interfaces of this owner that no device of `devices` uses, with their "tap": a crashed
 * daemon left them. Rejects with SystemError.
 */
export async function removeLeftovers(devices: Iterable<CircuitDevice>, owner: string): Promise<void> {
  const kinds = Object.keys(prefixes) as (keyof typeof prefixes)[];
  const { entry, exit } = networkExceptionPathNames(owner);
  const used = new Set([
    ...[entry, exit],
    ...[...devices].flatMap(({ name }) => kinds.map((kind) => hiddenName(kind, owner, name))),
  ]);
  const ours = new RegExp(
    `^(?:${Object.values(prefixes).join("|")})${owner.slice(0, OWNER_DIGITS)}[0-9a-f]{8}$`,
  );
  const stale = (await interfaceNames()).filter((name) => ours.test(name) && !used.has(name));
  for (const name of stale) await deleteInterfacePair(name);
}
