import { IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import {
  addressOf,
  close,
  getsockname,
  ioctl,
  lastError,
  linux,
  memoryAt,
  mmap,
  munmap,
  sendto,
  setsockopt,
  socket,
} from "./libc.ts";

/**
 * A transmit ring of packet(7) with virtio-net headers. send(2) on a packet socket refuses a frame longer
 * than the MTU and the Ethernet header unless its first tag is 802.1Q; for frames in a ring the kernel leaves
 * the check to the device, as for frames that a bridge forwards. The caller checks the length.
 */

/** Frames that the device may still hold. */
const SLOTS = 16;
/** The longest frame of an interface, a multiple of the page. */
const SLOT_OCTETS = 17 * 4096;
const RING_OCTETS = SLOTS * SLOT_OCTETS;

/** Offsets in a slot: struct tpacket2_hdr, then a virtio-net header, then the frame (linux/if_packet.h). */
const STATUS = 0;
const LENGTH = 4;
const HEADER = 32;
const VNET_HEADER_OCTETS = 10;
/**
 * Offset of the header length in the virtio-net header: so many octets the kernel copies, and the slot is
 * free again once it has.
 */
const COPIED = HEADER + 2;
const FRAME = HEADER + VNET_HEADER_OCTETS;
export const LONGEST_RING_FRAME = SLOT_OCTETS - FRAME;

const TPACKET_V2 = 1;
const AVAILABLE = 0;
const SEND_REQUEST = 1;

const PROTECTION_READ_WRITE = 3;
const MAP_SHARED = 1;
const SIOCGIFNAME = 0x8910;
const SIOCGIFMTU = 0x8921;
const SOCKADDR_LL_OCTETS = 20;
const INTERFACE_INDEX = 4;

/** Sends frames of any length on any interface of this network namespace, one at a time, without waiting. */
export class PacketRing implements Disposable {
  readonly #fd: number;
  readonly #address: number;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #name = new Uint8Array(SOCKADDR_LL_OCTETS);
  readonly #nameLength = new Uint32Array(1);
  readonly #request = interfaceRequest("");
  readonly #bypass = new Int32Array(1);
  #slot = 0;
  #bypasses = 0;

  private constructor(fd: number, address: number) {
    this.#fd = fd;
    this.#address = address;
    const memory = memoryAt(address, RING_OCTETS);
    this.#octets = new Uint8Array(memory);
    this.#view = new DataView(memory);
    new DataView(this.#name.buffer).setUint16(0, linux.AF_PACKET, true);
  }

  /** Throws SystemError. */
  static open(): PacketRing {
    const fd = socket(linux.AF_PACKET, linux.SOCK_RAW | linux.SOCK_CLOEXEC, 0);
    if (fd < 0) throw lastError("open a transmit ring", "packet socket", "frames need CAP_NET_RAW");
    const ring = Uint32Array.of(SLOT_OCTETS, SLOTS, SLOT_OCTETS, SLOTS);
    for (const [option, value] of [
      [linux.PACKET_VERSION, Uint32Array.of(TPACKET_V2)],
      [linux.PACKET_VNET_HDR, Uint32Array.of(1)],
      [linux.PACKET_TX_RING, ring],
    ] as const) {
      const octets = new Uint8Array(value.buffer);
      if (setsockopt(fd, linux.SOL_PACKET, option, addressOf(octets), octets.length) === 0) continue;
      const error = lastError("open a transmit ring", `packet option ${option}`);
      close(fd);
      throw error;
    }
    const address = mmap(0, RING_OCTETS, PROTECTION_READ_WRITE, MAP_SHARED, fd, 0);
    if (address > 0) return new PacketRing(fd, address);
    const error = lastError("map a transmit ring", "packet socket");
    close(fd);
    throw error;
  }

  /** The index of the interface that a packet socket is bound to; 0 when it is gone. */
  interfaceOf(packetSocket: number): number {
    this.#nameLength[0] = SOCKADDR_LL_OCTETS;
    const length = new Uint8Array(this.#nameLength.buffer);
    const name = new Uint8Array(SOCKADDR_LL_OCTETS);
    if (getsockname(packetSocket, addressOf(name), addressOf(length)) !== 0) return 0;
    return Math.max(0, new DataView(name.buffer).getInt32(INTERFACE_INDEX, true));
  }

  /** An interface's MTU as it is now; 0 when it is gone. */
  mtuOf(interfaceIndex: number): number {
    const { octets, view } = this.#request;
    view.setInt32(IFREQ_VALUE, interfaceIndex, true);
    if (ioctl(this.#fd, SIOCGIFNAME, addressOf(octets)) !== 0) return 0;
    if (ioctl(this.#fd, SIOCGIFMTU, addressOf(octets)) !== 0) return 0;
    return view.getInt32(IFREQ_VALUE, true);
  }

  /** Room for the next frame, LONGEST_RING_FRAME octets; undefined while the device holds all slots. */
  room(): Uint8Array | undefined {
    const at = this.#slot * SLOT_OCTETS;
    if (this.#view.getUint32(at + STATUS, true) !== AVAILABLE) return undefined;
    return this.#octets.subarray(at + FRAME, at + SLOT_OCTETS);
  }

  /**
   * Sends the frame that was written into `room`; false when that failed. It goes straight to the device, or
   * with `throughQueue` through its queueing discipline, so that egress programs see it.
   */
  send(interfaceIndex: number, length: number, throughQueue: boolean): boolean {
    const at = this.#slot * SLOT_OCTETS;
    const view = this.#view;
    this.#octets.fill(0, at + HEADER, at + FRAME);
    view.setUint16(at + COPIED, length, true);
    view.setUint32(at + LENGTH, VNET_HEADER_OCTETS + length, true);
    this.#setBypass(throughQueue ? 0 : 1);
    new DataView(this.#name.buffer).setInt32(INTERFACE_INDEX, interfaceIndex, true);
    view.setUint32(at + STATUS, SEND_REQUEST, true);
    if (sendto(this.#fd, 0, 0, linux.MSG_DONTWAIT, addressOf(this.#name), SOCKADDR_LL_OCTETS) > 0) {
      this.#slot = (this.#slot + 1) % SLOTS;
      return true;
    }
    // The kernel does not advance past a slot that it could not send.
    view.setUint32(at + STATUS, AVAILABLE, true);
    return false;
  }

  #setBypass(value: number): void {
    if (this.#bypasses === value) return;
    this.#bypasses = value;
    this.#bypass[0] = value;
    const octets = new Uint8Array(this.#bypass.buffer);
    setsockopt(this.#fd, linux.SOL_PACKET, linux.PACKET_QDISC_BYPASS, addressOf(octets), 4);
  }

  [Symbol.dispose](): void {
    munmap(this.#address, RING_OCTETS);
    close(this.#fd);
  }
}
