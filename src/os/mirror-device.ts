import { interfaceIndexOf } from "./interface-index.ts";
import { IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import { addressOf, close, ioctl, lastError, linux, open, socket } from "./libc.ts";
import { filterProgram, nothingFilter } from "./socket-filter.ts";
import { VNET_HEADER_OCTETS } from "./sockets.ts";

/** ioctl(2) of linux/if_tun.h, and of interfaces. */
const request = {
  create: 0x400454ca,
  offloads: 0x400454d0,
  headerOctets: 0x400454d8,
  filter: 0x401054d5,
  setFlags: 0x8914,
} as const;
const IFF_UP = 1;
/** IFF_TAP, IFF_NO_PI and IFF_VNET_HDR. */
const TAP_WITH_HEADER = 0x0002 | 0x1000 | 0x4000;
/** TUN_F_ flags: checksums, and segmentation of TCP over IPv4 and IPv6, with or without ECN. */
const OFFLOADS = 0x01 | 0x02 | 0x04 | 0x08;
/** The kernel puts a number that is free in place of %d. */
const NAME = "wsm%d";

/**
 * An interface to which a program sends copies of packets, to be captured there: what it is to send, it drops
 * unseen. It is a TAP device, because one ends with its descriptor, whatever becomes of this process.
 */
export class MirrorDevice implements Disposable {
  readonly interfaceIndex: number;
  readonly name: string;
  readonly #fd: number;

  private constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
    this.interfaceIndex = interfaceIndexOf(name);
  }

  /** Throws SystemError. */
  static open(): MirrorDevice {
    const target = "TAP device of a capture";
    const fd = open("/dev/net/tun", linux.O_RDWR | linux.O_NONBLOCK | linux.O_CLOEXEC);
    if (fd < 0) throw lastError("open", "/dev/net/tun", "a capture of eBPF programs needs the module tun");
    try {
      const created = interfaceRequest(NAME);
      created.view.setUint16(IFREQ_VALUE, TAP_WITH_HEADER, true);
      call(fd, request.create, created.octets, "create", target);
      const end = created.octets.indexOf(0);
      const name = new TextDecoder().decode(created.octets.subarray(0, end));
      const headerOctets = new Uint8Array(Int32Array.of(VNET_HEADER_OCTETS).buffer);
      call(fd, request.headerOctets, headerOctets, "set the virtio-net header", target);
      // GSO packets stay whole, and checksums unfinished: neither costs anything then.
      if (ioctl(fd, request.offloads, OFFLOADS) !== 0) throw lastError("set offloads", target);
      const { header, lines } = filterProgram(nothingFilter);
      if (lines.length > 0) call(fd, request.filter, header, "set the filter", target);
      setUp(name, target);
      return new MirrorDevice(fd, name);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}

function call(fd: number, number: number, octets: Uint8Array, operation: string, target: string): void {
  if (ioctl(fd, number, addressOf(octets)) !== 0) throw lastError(operation, target);
}

function setUp(name: string, target: string): void {
  const { octets, view } = interfaceRequest(name);
  view.setUint16(IFREQ_VALUE, IFF_UP, true);
  const fd = socket(linux.AF_INET, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC, 0);
  const problem =
    fd >= 0 && ioctl(fd, request.setFlags, addressOf(octets)) === 0 ? undefined : lastError("set up", target);
  if (fd >= 0) close(fd);
  if (problem !== undefined) throw problem;
}
