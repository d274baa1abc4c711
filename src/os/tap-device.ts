import { OperationalError } from "../bytes/errors.ts";
import { SystemError } from "./errors.ts";
import { findInterfaceIndex } from "./interface-index.ts";
import { IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import { addressOf, close, errno, errnoName, ioctl, lastError, linux, open } from "./libc.ts";
import { takenName } from "./link-problems.ts";
import { setInterfaceMtu, VNET_HEADER_OCTETS } from "./sockets.ts";

/** TAP devices (linux/if_tun.h), which live as long as their descriptors are open. */

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/**
 * TUN_F_ flags: unfinished checksums and TCP GSO packets over IPv4 and IPv6, with or without ECN, may be left
 * to us.
 */
const TUN_OFFLOADS = 0x01 | 0x02 | 0x04 | 0x08;

/** Creates a TAP device with an MTU, which is down; returns its descriptor. See `createTap`. */
export function openTap(name: string, mtu: number, options: { readonly offloads?: boolean } = {}): number {
  const { fd } = createTap(name, options);
  try {
    setInterfaceMtu(name, mtu);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * Creates a TAP device, which is down; the kernel puts a number that is free in place of %d in its name.
 * Frames have a virtio-net header in front; only with `offloads` may it describe GSO packets and unfinished
 * checksums. Throws SystemError, and OperationalError where the name is taken.
 */
export function createTap(
  name: string,
  { offloads = true } = {},
): { readonly fd: number; readonly name: string } {
  const target = `TAP device ${name}`;
  const fd = open("/dev/net/tun", linux.O_RDWR | linux.O_NONBLOCK | linux.O_CLOEXEC);
  if (fd < 0) throw tunError(target);
  try {
    const request = interfaceRequest(name);
    request.view.setUint16(IFREQ_VALUE, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, true);
    if (ioctl(fd, TUNSETIFF, addressOf(request.octets)) !== 0) throw createError(name, target);
    const headerOctets = new Uint8Array(Int32Array.of(VNET_HEADER_OCTETS).buffer);
    if (ioctl(fd, TUNSETVNETHDRSZ, addressOf(headerOctets)) !== 0)
      throw lastError("set the virtio-net header", target);
    if (ioctl(fd, TUNSETOFFLOAD, offloads ? TUN_OFFLOADS : 0) !== 0) throw lastError("set offloads", target);
    return { fd, name: nameIn(request.octets) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

function nameIn(octets: Uint8Array): string {
  return new TextDecoder().decode(octets.subarray(0, octets.indexOf(0)));
}

function tunError(target: string): SystemError {
  const isForbidden = ["EACCES", "EPERM"].includes(errnoName(errno()));
  const hint = isForbidden ? "as root: chmod 666 /dev/net/tun, which udev does" : "is the tun module loaded?";
  return lastError("open /dev/net/tun", target, hint);
}

/** Hints for TAP devices that were refused, by the name of an errno. */
const hints: Readonly<Record<string, string>> = {
  EBUSY: "another program has it open; choose another name",
  EPERM: "needs CAP_NET_ADMIN",
  EINVAL: "the kernel does not take this name; choose another one",
};

/** The error of a TAP device that was not created. */
function createError(name: string, target: string): Error {
  const error = lastError("create a device", target);
  if (error.errno === "EINVAL" && findInterfaceIndex(name) !== undefined)
    return new OperationalError(takenName(name), { cause: error });
  return new SystemError("create a device", { errno: error.errno, target, hint: hints[error.errno] });
}
