import { addressOf, close, ioctl, lastError, linux, socket } from "./libc.ts";

/** struct ifreq: the name of an interface, and behind it what is asked or told. */
const IFREQ_OCTETS = 40;
export const IFREQ_VALUE = 16;
/** Octets of the longest name: one more is the end of it. */
export const MOST_NAME_OCTETS = IFREQ_VALUE - 1;

export interface InterfaceRequest {
  readonly octets: Uint8Array;
  readonly view: DataView;
}

export function interfaceRequest(name: string): InterfaceRequest {
  const octets = new Uint8Array(IFREQ_OCTETS);
  octets.set(new TextEncoder().encode(name));
  return { octets, view: new DataView(octets.buffer) };
}

const SIOCGIFMTU = 0x8921;

/** MTU of an interface in octets. Throws SystemError. */
export function interfaceMtu(name: string): number {
  const request = interfaceRequest(name);
  control(request, SIOCGIFMTU, "read an interface's MTU", `interface ${name}`);
  return request.view.getInt32(IFREQ_VALUE, true);
}

/**
 * Asks about an interface of this network namespace by ioctl(2) on a socket of any kind. Throws SystemError.
 */
export function control(request: InterfaceRequest, number: number, operation: string, target: string): void {
  const fd = socket(linux.AF_INET, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC, 0);
  const done = fd >= 0 && ioctl(fd, number, addressOf(request.octets)) === 0;
  const problem = done ? undefined : lastError(operation, target);
  if (fd >= 0) close(fd);
  if (problem !== undefined) throw problem;
}
