import { setImmediate } from "node:timers/promises";
import { addressOctets } from "../../src/bytes/ip-address.ts";
import {
  addressOf,
  bind,
  close,
  errno,
  errnoName,
  linux,
  recvmmsg,
  sendto,
  setsockopt,
  socket,
} from "../../src/os/libc.ts";

const SO_TIMESTAMPING = 37;
/** TX_SOFTWARE, SOFTWARE, OPT_ID and OPT_TSONLY of linux/net_tstamp.h. */
const STAMPS = 0x2 | 0x10 | 0x80 | 0x800;
const MSG_ERRQUEUE = 0x2000;
const MOST_OCTETS = 66_000;
const MOST_TRIES = 5_000;

/** struct sockaddr_in or sockaddr_in6. */
function nameOf(address: string, port: number): Uint8Array {
  const octets = addressOctets(address);
  const name = new Uint8Array(octets.length === 4 ? 16 : 28);
  const view = new DataView(name.buffer);
  view.setUint16(0, octets.length === 4 ? linux.AF_INET : linux.AF_INET6, true);
  view.setUint16(2, port);
  name.set(octets, octets.length === 4 ? 4 : 8);
  return name;
}

/** A UDP socket that can do what dgram cannot, of the namespace in which it is made. */
export class UdpSocket implements Disposable {
  readonly #fd: number;

  constructor(address: string, port: number) {
    const name = nameOf(address, port);
    this.#fd = socket(name.length === 16 ? linux.AF_INET : linux.AF_INET6, linux.SOCK_DGRAM, 0);
    if (bind(this.#fd, addressOf(name), name.length) !== 0) throw new Error(`bind: ${errnoName(errno())}`);
  }

  #set(level: number, option: number, value: number): void {
    const octets = new Uint8Array(new Int32Array([value]).buffer);
    if (setsockopt(this.#fd, level, option, addressOf(octets), 4) !== 0)
      throw new Error(`option ${option}: ${errnoName(errno())}`);
  }

  /** Has the kernel segment what is sent into datagrams of so many octets (UDP_SEGMENT). */
  segment(octets: number): void {
    this.#set(linux.SOL_UDP, linux.UDP_SEGMENT, octets);
  }

  /** Asks to be told when each datagram was sent. */
  askForStamps(): void {
    this.#set(linux.SOL_SOCKET, SO_TIMESTAMPING, STAMPS);
  }

  send(octets: Uint8Array, address: string, port: number): void {
    const name = nameOf(address, port);
    const data = octets.length === 0 ? new Uint8Array(1) : octets;
    const sent = sendto(this.#fd, addressOf(data), octets.length, 0, addressOf(name), name.length);
    if (sent !== octets.length) throw new Error(`send: ${errnoName(errno())}`);
  }

  #next(flags: number): Uint8Array | undefined {
    const octets = new Uint8Array(MOST_OCTETS);
    const control = new Uint8Array(512);
    const bytes = (array: BigUint64Array) => new Uint8Array(array.buffer);
    const vector = new BigUint64Array([BigInt(addressOf(octets)), BigInt(MOST_OCTETS)]);
    const message = new BigUint64Array([
      ...[0n, 0n, BigInt(addressOf(bytes(vector))), 1n],
      ...[BigInt(addressOf(control)), BigInt(control.length), 0n, 0n],
    ]);
    if (recvmmsg(this.#fd, addressOf(bytes(message)), 1, linux.MSG_DONTWAIT | flags, 0) !== 1)
      return undefined;
    return octets.slice(0, Number((message[7] ?? 0n) & 0xffff_ffffn));
  }

  /** Datagrams that come; waits until it has so many, or none came for long. */
  async receive(count: number): Promise<readonly Uint8Array[]> {
    const heard: Uint8Array[] = [];
    for (let tries = 0; heard.length < count && tries < MOST_TRIES; tries += 1) {
      const octets = this.#next(0);
      if (octets === undefined) await setImmediate();
      else {
        heard.push(octets);
        tries = 0;
      }
    }
    return heard;
  }

  /** Time stamps of sending that wait. */
  stamps(): number {
    let count = 0;
    while (this.#next(MSG_ERRQUEUE) !== undefined) count += 1;
    return count;
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
