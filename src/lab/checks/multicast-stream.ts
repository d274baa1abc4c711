import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIP } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { inNetworkNamespace } from "../../os/network-namespace.ts";
import { namespaceFileOf } from "../nodes.ts";

/** A numbered multicast stream from one node to another, which this process sends and receives. */

/** TABLE: groups by the kind of socket. */
export const multicastGroups = { udp4: "239.1.1.1", udp6: "ff15::1" } as const;
const PORT = 5001;
const PAYLOAD_OCTETS = 1000;
/** Slow enough for the receive buffer on a slow machine: losses must be the network's. */
const BURST = 5;
const BURST_MS = 10;
/** Time for the last datagrams on a slow network. */
const LATE_MS = 1000;

/** Where a stream is sent from or received at. */
export interface StreamEnd {
  readonly node: string;
  /** An address of the interface, or ::%INTERFACE for IPv6. */
  readonly local: string;
}

/** What came of a stream. */
export interface ReceivedStream {
  readonly received: number;
  /** Number of the first datagram that did not come. */
  readonly firstMissing: number | undefined;
}

function payload(number: number): Buffer {
  const octets = Buffer.alloc(PAYLOAD_OCTETS, number & 0xff);
  octets.writeUInt32BE(number);
  return octets;
}

/**
 * A bound socket in a node, for which `prepare` names the interface. The lookup of addresses, none of which
 * is a name, answers at once: so that all is done while this process is in the namespace of the node.
 */
async function socketIn(
  { node, local }: StreamEnd,
  port: number,
  address: string | undefined,
  prepare: (socket: Socket) => void,
): Promise<Socket> {
  const type = local.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({
    type,
    reuseAddr: true,
    lookup: (host, _, found) => found(null, host, isIP(host)),
  });
  const file = namespaceFileOf(node);
  const opened = async (): Promise<void> =>
    inNetworkNamespace(file, () => {
      socket.bind(port, address);
      prepare(socket);
    });
  try {
    await Promise.all([once(socket, "listening"), opened()]);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Sends so many datagrams and counts those that arrive unchanged. Rejects with errors of the kernel. */
export async function carryStream(from: StreamEnd, to: StreamEnd, count: number): Promise<ReceivedStream> {
  const type = from.local.includes(":") ? "udp6" : "udp4";
  const group = multicastGroups[type];
  const receiver = await socketIn(to, PORT, undefined, (socket) => socket.addMembership(group, to.local));
  try {
    const seen = new Set<number>();
    const complete = new Promise<void>((resolve) => {
      receiver.on("message", (octets) => {
        const number = octets.length >= 4 ? octets.readUInt32BE() : -1;
        if (octets.equals(payload(number & 0xffff_ffff))) seen.add(number);
        if (seen.size === count) resolve();
      });
    });
    await send(from, group, count);
    await Promise.race([complete, pause(LATE_MS)]);
    const firstMissing = Array.from({ length: count }, (_, number) => number).find((n) => !seen.has(n));
    return { received: seen.size, firstMissing };
  } finally {
    receiver.close();
  }
}

async function send(from: StreamEnd, group: string, count: number): Promise<void> {
  const address = from.local.includes(":") ? undefined : from.local;
  const sender = await socketIn(from, 0, address, (socket) => {
    socket.setMulticastInterface(from.local);
    socket.setMulticastTTL(4);
  });
  try {
    for (let number = 0; number < count; number += BURST) {
      const burst = Array.from({ length: Math.min(BURST, count - number) }, (_, index) => number + index);
      await Promise.all(burst.map((one) => sendOne(sender, payload(one), group)));
      await pause(BURST_MS);
    }
  } finally {
    sender.close();
  }
}

function sendOne(socket: Socket, octets: Buffer, group: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(octets, PORT, group, (error) => (error ? reject(error) : resolve()));
  });
}
