import { operationalMessage } from "../../bytes/errors.ts";
import { addressOf, ioctl, read, write } from "../../os/libc.ts";
import { inNetworkNamespace } from "../../os/network-namespace.ts";
import { VNET_HEADER_OCTETS } from "../../os/sockets.ts";
import { openTap } from "../../os/tap-device.ts";
import { FrameSocket, shiftHeader, waitReadable } from "../frame-socket.ts";
import { answerJsonRequests, REQUESTS } from "../json-requests.ts";
import { namespaceFileOf } from "../nodes.ts";
import { insertTags, removeTags } from "./tags.ts";
import type { VlanRelayAnswer, VlanRelayInterface } from "./vlan-relay-messages.ts";

/**
 * VLAN interfaces for kernels without the 8021q module, and with two tags or more: node vlan-relay.js creates
 * TAP devices whose frames pass through another interface with tags, or without (vlan-relay-messages.ts). It
 * is told of them by lines of JSON on its standard input, answers each, and ends with that; the devices stay
 * as long as their namespaces.
 */
const TUNSETPERSIST = 0x400454cb;
const MOST_OCTETS = 66_000;
const TAG_OCTETS = 4;

const buffer = new Uint8Array(MOST_OCTETS);

/** A TAP device, and the interface that its frames pass through. */
class RelayedInterface {
  readonly tap: number;
  readonly lower: FrameSocket;
  readonly #settings: VlanRelayInterface;

  constructor(settings: VlanRelayInterface) {
    const { node, lower, name, mtu } = settings;
    this.#settings = settings;
    [this.tap, this.lower] = inNetworkNamespace(namespaceFileOf(node), () => [
      openTap(name, mtu, { offloads: false }),
      new FrameSocket(lower, { bypassesQueue: false }),
    ]);
    // Another relay can take the place of one that was killed: the device keeps its addresses until then.
    ioctl(this.tap, TUNSETPERSIST, 1);
  }

  readTap(): void {
    const { tags, taggedSide } = this.#settings;
    for (;;) {
      const length = read(this.tap, addressOf(buffer), buffer.length);
      if (length <= VNET_HEADER_OCTETS) return;
      const frame = buffer.subarray(VNET_HEADER_OCTETS, length);
      const other = taggedSide === "lower" ? insertTags(frame, tags) : removeTags(frame, tags);
      if (other !== undefined) this.lower.send(other);
    }
  }

  readLower(): void {
    const { tags, taggedSide } = this.#settings;
    for (let frame = this.lower.receive(); frame !== undefined; frame = this.lower.receive()) {
      const other = taggedSide === "lower" ? removeTags(frame, tags) : insertTags(frame, tags);
      if (other === undefined) continue;
      // GSO packets and unfinished checksums are left to the receiver, as by a VLAN interface of the kernel.
      const { header } = this.lower;
      shiftHeader(header, (taggedSide === "lower" ? -1 : 1) * TAG_OCTETS * tags.length);
      const octets = new Uint8Array(VNET_HEADER_OCTETS + other.length);
      octets.set(header);
      octets.set(other, VNET_HEADER_OCTETS);
      write(this.tap, addressOf(octets), octets.length);
    }
  }
}

/** What is to be done when a descriptor can be read. */
const readers = new Map<number, () => void>();

function add(settings: VlanRelayInterface): VlanRelayAnswer {
  try {
    const own = new RelayedInterface(settings);
    readers.set(own.tap, () => own.readTap());
    readers.set(own.lower.fd, () => own.readLower());
    return {};
  } catch (error) {
    return { problem: operationalMessage(error) };
  }
}

function runRelay(): void {
  let goesOn = true;
  readers.set(REQUESTS, () => {
    goesOn = answerJsonRequests(add);
  });
  while (goesOn) for (const fd of waitReadable([...readers.keys()], -1)) readers.get(fd)?.();
}

runRelay();
