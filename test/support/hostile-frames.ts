import { addToSum, foldSum, swap16 } from "../../src/forwarding/userspace/checksum.ts";
import type { SeededRandom } from "./seeded-random.ts";

const ETHERNET_OCTETS = 14;

/** Frames that a hostile host may send, written one behind the other where a test wants them. */
export class HostileFrames {
  readonly #random: SeededRandom;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #pool: Uint8Array;

  /** `octets`: where frames are written to. */
  constructor(random: SeededRandom, octets: Uint8Array) {
    this.#random = random;
    this.#octets = octets;
    this.#view = new DataView(octets.buffer);
    this.#words = new Uint32Array(octets.buffer);
    this.#pool = random.octets(1 << 17);
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** One of them. */
  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  /** Random octets. */
  noise(at: number, length: number): void {
    const from = this.below(this.#pool.length - length);
    this.#octets.set(this.#pool.subarray(from, from + length), at);
  }

  /** Writes a frame of at most `most` octets; returns its length, and where IP and transport begin. */
  write(at: number, most: number): { length: number; network: number; transport: number } {
    const wanted = this.chance(0.1) ? this.below(most) : this.below(Math.min(most, 1600));
    const length = Math.max(this.chance(0.05) ? 0 : ETHERNET_OCTETS, wanted);
    this.noise(at, length);
    const tags = this.one([0, 0, 0, 1, 2, 3, this.below(60), this.below(400), this.below(most / 4)]);
    let network = ETHERNET_OCTETS;
    for (let tag = 0; tag < tags && network + 4 <= length; tag += 1, network += 4)
      this.#view.setUint16(at + network - 2, this.chance(0.7) ? 0x8100 : 0x88a8);
    if (network > length || length < ETHERNET_OCTETS) return { length, network, transport: network };
    this.#view.setUint16(
      at + network - 2,
      this.one([0x0800, 0x0800, 0x86dd, 0x86dd, 0x88cc, this.below(0x10000)]),
    );
    const transport = this.#networkHeader(at, network, length);
    if (transport + 20 <= length) {
      this.#view.setUint8(at + transport + 12, this.one([0x50, 0x50, 0x80, 0xf0, this.below(256)]));
      this.#view.setUint8(at + transport + 13, this.one([0x10, 0x10, 0x18, 0x11, this.below(256)]));
      // A SYN with the kind and length of an MSS option, where it may be read.
      if (transport + 32 <= length && this.chance(0.2)) {
        this.#view.setUint16(at + transport + 12, this.one([0x8002, 0x8012, 0x6002]));
        this.#view.setUint16(at + transport + 20 + this.one([0, 0, 0, 1, 4]), 0x0204);
      }
    }
    return { length, network, transport };
  }

  #networkHeader(at: number, network: number, length: number): number {
    const isV4 = this.#view.getUint16(at + network - 2) === 0x0800;
    const octets = isV4 ? 20 : 40;
    if (network + octets > length) return network;
    const left = length - network;
    const said = this.chance(0.8) ? left : this.below(0x10000);
    if (isV4) {
      const words = this.one([5, 5, 5, 15, this.below(16)]);
      this.#view.setUint8(at + network, 0x40 + words);
      this.#view.setUint16(at + network + 2, said);
      this.#view.setUint16(at + network + 6, this.one([0, 0x4000, 0x2000, this.below(0x10000)]));
      this.#view.setUint8(at + network + 9, this.one([6, 6, 17, this.below(256)]));
      if (this.chance(0.3) && words >= 5 && network + words * 4 <= length)
        this.#answerable(at, network, words);
      return network + words * 4;
    }
    this.#view.setUint8(at + network, 0x60 + this.below(16));
    this.#view.setUint16(at + network + 4, said - octets);
    this.#view.setUint8(at + network + 6, this.one([6, 6, 17, 0, 43, 44, 60, this.below(256)]));
    let transport = network + octets;
    // Extension headers, each with a length that may lead anywhere.
    while (this.chance(0.3) && transport + 8 <= length) {
      this.#view.setUint8(at + transport, this.one([6, 17, 0, 43, 44, 60, this.below(256)]));
      this.#view.setUint8(at + transport + 1, this.one([0, 0, 1, this.below(256)]));
      transport += 8;
    }
    return transport;
  }

  /** From one of few hosts to another, not to be fragmented, and with a good checksum: worth an answer. */
  #answerable(at: number, network: number, words: number): void {
    const ip = at + network;
    for (const mac of [at, at + 6]) this.#octets[mac] = 2;
    this.#view.setUint16(ip + 6, 0x4000);
    this.#view.setUint16(ip + 10, 0);
    this.#view.setUint32(ip + 12, 0x0a00_0000 + this.below(200));
    this.#view.setUint32(ip + 16, 0x0a01_0000 + this.below(4));
    const sum = addToSum(this.#octets, this.#words, ip, words * 4, 0);
    this.#view.setUint16(ip + 10, foldSum(sum), true);
  }

  /**
   * Writes segment `index` of a flow of TCP, which is like the others of its flow in all but what the next
   * segment changes, with the right checksums: such are merged. The last may have less payload. Returns its
   * length.
   */
  writeSegment(at: number, flow: Flow, index: number, payloadOctets = flow.size): number {
    const { isV4, tags, optionOctets, size } = flow;
    const octets = this.#octets;
    const view = this.#view;
    octets.fill(flow.id, at, at + 12);
    let network = at + ETHERNET_OCTETS;
    for (let tag = 0; tag < tags; tag += 1, network += 4) view.setUint32(network - 2, 0x8100_4141);
    view.setUint16(network - 2, isV4 ? 0x0800 : 0x86dd);
    const transport = network + (isV4 ? 20 : 40);
    octets.fill(flow.id, network, transport + 20 + optionOctets);
    const payload = transport + 20 + optionOctets;
    this.noise(payload, payloadOctets);
    const end = payload + payloadOctets;
    view.setUint16(network, isV4 ? 0x4500 : 0x6000);
    view.setUint16(network + (isV4 ? 2 : 4), isV4 ? end - network : end - transport);
    if (isV4) {
      view.setUint16(network + 4, (flow.id + index) & 0xffff);
      view.setUint16(network + 6, 0x4000);
      view.setUint8(network + 9, 6);
      view.setUint16(network + 10, 0);
      view.setUint16(network + 10, foldSum(addToSum(octets, this.#words, network, 20, 0)), true);
    } else {
      view.setUint8(network + 6, 6);
    }
    view.setUint32(transport + 4, (flow.id * 0x10_0000 + index * size) >>> 0);
    view.setUint16(transport + 12, ((20 + optionOctets) << 10) | 0x10);
    view.setUint16(transport + 16, 0);
    const addresses = network + (isV4 ? 12 : 8);
    const pseudo = swap16(6) + swap16(end - transport);
    view.setUint16(
      transport + 16,
      foldSum(addToSum(octets, this.#words, addresses, end - addresses, pseudo)),
      true,
    );
    return end - at;
  }

  /** A virtio-net header in front of a frame, which may say anything. */
  writeOffload(at: number, frame: { length: number; transport: number }): void {
    this.noise(at, 10);
    if (this.chance(0.5)) this.#octets.fill(0, at, at + 10);
    const view = this.#view;
    if (this.chance(0.6)) view.setUint8(at, this.one([0, 1, 1, 2, 3]));
    if (this.chance(0.8)) view.setUint8(at + 1, this.one([0, 1, 1, 4, 4, 5, 0x81, 0x84, 3]));
    if (this.chance(0.8))
      view.setUint16(at + 4, this.one([0, 1, 8, 100, 536, 1448, 9000, this.below(0x10000)]), true);
    if (this.chance(0.8)) view.setUint16(at + 6, frame.transport, true);
    if (this.chance(0.8)) view.setUint16(at + 8, this.one([16, 6, 16, 6, this.below(0x10000)]), true);
  }

  /** A flow whose frames have at most `most` octets, and `leastTags` tags or more where there is room. */
  flow(most: number, leastTags = 0): Flow {
    const chosen = this.one([0, 0, 1, 2, 30, 45, 46, 50, this.below(400), this.below(most / 4)]);
    const tags = Math.min(Math.max(chosen, leastTags), Math.floor((most - 130) / 4));
    const optionOctets = this.one([0, 12, 40]);
    const headers = ETHERNET_OCTETS + tags * 4 + 40 + 20 + optionOctets;
    const size = 1 + this.below(Math.max(1, Math.min(1500, most - headers - 1)));
    return { id: this.below(200), isV4: this.chance(0.6), tags, optionOctets, size };
  }
}

export interface Flow {
  readonly id: number;
  readonly isV4: boolean;
  readonly tags: number;
  readonly optionOctets: number;
  readonly size: number;
}
