import { interfaceIndexOf } from "./interface-index.ts";
import { control, IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import { addressOf, close, ioctl, lastError } from "./libc.ts";
import { filterProgram, nothingFilter } from "./socket-filter.ts";
import { createTap } from "./tap-device.ts";

/** ioctl(2): a filter of what a TAP device sends (linux/if_tun.h), and flags of an interface. */
const TUNATTACHFILTER = 0x401054d5;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
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
    // GSO packets stay whole, and checksums unfinished: neither costs anything then.
    const { fd, name } = createTap(NAME);
    try {
      const target = `TAP device ${name} of a capture`;
      if (ioctl(fd, TUNATTACHFILTER, addressOf(filterProgram(nothingFilter).header)) !== 0)
        throw lastError("set the filter", target);
      const request = interfaceRequest(name);
      request.view.setUint16(IFREQ_VALUE, IFF_UP, true);
      control(request, SIOCSIFFLAGS, "set up", target);
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
