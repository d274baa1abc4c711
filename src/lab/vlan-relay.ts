import { addressOf, read, write } from "../os/libc.ts";
import { openTap, VNET_HEADER_OCTETS } from "../os/sockets.ts";
import { FrameSocket, insertTag, waitReadable } from "./frame-socket.ts";

/**
 * A VLAN interface for kernels without the 8021q module: node vlan-relay.js LOWER VLAN NAME creates a TAP
 * device whose frames pass through the lower interface with a tag. It runs until it is ended, and the device
 * goes with it.
 */
const TPID = 0x8100;
const VLAN_ID = 0x0fff;
const MTU = 1500;
const MOST_OCTETS = 66_000;

const [lower = "", vlanText = "", name = ""] = process.argv.slice(2);
const vlan = Number(vlanText);
const tap = openTap(name, MTU, { offloads: false });
const port = new FrameSocket(lower);
const buffer = new Uint8Array(MOST_OCTETS);
process.stdout.write(`${JSON.stringify({ ready: name })}\n`);

function toLower(): void {
  for (;;) {
    const length = read(tap, addressOf(buffer), buffer.length);
    if (length <= VNET_HEADER_OCTETS) return;
    port.send(insertTag(buffer.subarray(VNET_HEADER_OCTETS, length), TPID * 0x1_0000 + vlan));
  }
}

function toTap(): void {
  for (let frame = port.receive(); frame !== undefined; frame = port.receive()) {
    if (frame.length < 18) continue;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    if (view.getUint16(12) !== TPID || (view.getUint16(14) & VLAN_ID) !== vlan) continue;
    const octets = new Uint8Array(VNET_HEADER_OCTETS + frame.length - 4);
    // GSO packets and unfinished checksums are left to the host, as by a VLAN interface of the kernel.
    octets.set(port.header);
    octets.set(frame.subarray(0, 12), VNET_HEADER_OCTETS);
    octets.set(frame.subarray(16), VNET_HEADER_OCTETS + 12);
    write(tap, addressOf(octets), octets.length);
  }
}

for (;;) {
  waitReadable([tap, port.fd], -1);
  toLower();
  toTap();
}
