import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { concat, toHex } from "../../src/bytes/hex.ts";
import { puntEntry } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import { everyOption, type ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import { puntProgram } from "../../src/forwarding/ebpf/programs/punt-program.ts";
import { decapsulate, newSequenceState } from "../../src/forwarding/encapsulation.ts";

import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { addressOf, ifNameToIndex, linux, recvmmsg, write } from "../../src/os/libc.ts";

import { openPacketSocket, openPsnSocket, VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { indexKey } from "../support/ebpf-bench.ts";
import { attachmentOf, nameOf, sessionOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { padded } from "../support/frames.ts";
import { needBpf } from "../support/namespace.ts";
import { naiveSegments, type PacketShape, plainPacket, tcpFlags, unfinished } from "../support/packets.ts";

/**
 * What sockets receive of GSO packets: a peer that is a plain one, over a network whose devices take none,
 * and the socket at the entry of the exception path. Both receive the segments of a GSO packet, each by
 * itself and with its checksum right.
 */

const PAYLOAD_OCTETS = 20_000;
const GSO_OCTETS = 1300;
const MOST_OCTETS = 66_000;
const MOST_TRIES = 20_000;
const REMOTE_SESSION = 0x0b0b_0002;

const kernel = new BpfSyscall();
let sites: EbpfSites;
beforeAll(async () => {
  needBpf();
  sites = await EbpfSites.make();
  await sites.addressWanB();
});
afterAll(() => sites?.[Symbol.asyncDispose]());

/** The values of struct virtio_net_hdr's gso_type. */
const gsoTypes = { tcp4: 1, tcp6: 4, udp4: 5, udp6: 5 } as const;

function sendGsoPacket(fd: number, shape: PacketShape): void {
  const { frame, checksumStart, checksumOffset } = unfinished(shape);
  const header = new Uint8Array(VNET_HEADER_OCTETS);
  const view = new DataView(header.buffer);
  view.setUint8(0, 1);
  view.setUint8(1, gsoTypes[`${shape.transport}${shape.version}`]);
  view.setUint16(2, checksumStart + (shape.transport === "tcp" ? 20 + shape.tcpOptions.length : 8), true);
  view.setUint16(4, GSO_OCTETS, true);
  view.setUint16(6, checksumStart, true);
  view.setUint16(8, checksumOffset, true);
  const octets = concat(header, frame);
  expect(write(fd, addressOf(octets), octets.length)).toBe(octets.length);
}

/** The next datagrams of a socket; waits for as many. */
async function datagrams(fd: number, count: number, why: () => string): Promise<readonly Uint8Array[]> {
  const octets = new Uint8Array(MOST_OCTETS);
  const vector = new BigUint64Array([BigInt(addressOf(octets)), BigInt(MOST_OCTETS)]);
  const bytes = (array: BigUint64Array) => new Uint8Array(array.buffer);
  const heard: Uint8Array[] = [];
  for (let tries = 0; heard.length < count; tries += 1) {
    const message = new BigUint64Array([0n, 0n, BigInt(addressOf(bytes(vector))), 1n, 0n, 0n, 0n, 0n]);
    if (recvmmsg(fd, addressOf(bytes(message)), 1, linux.MSG_DONTWAIT, 0) === 1)
      heard.push(octets.slice(0, Number(message[7]! & 0xffff_ffffn)));
    else if (tries > MOST_TRIES) throw new Error(`${heard.length} datagrams of ${count}; ${why()}`);
    else await setImmediate();
  }
  return heard;
}

const plain: PacketShape = {
  ...plainPacket,
  identification: 7,
  sequence: 99,
  flags: tcpFlags.ack + tcpFlags.psh,
  payload: Uint8Array.from({ length: PAYLOAD_OCTETS }, (_, index) => index * 7),
};

/** TABLE: GSO packets that stay whole over UDP where they may, and those that take the exception path. */
const shapes: readonly PacketShape[] = [
  plain,
  { ...plain, version: 6 },
  { ...plain, transport: "udp" },
  { ...plain, transport: "udp", version: 6 },
  { ...plain, tcpOptions: new Uint8Array(12).fill(1) },
  { ...plain, payload: plain.payload.subarray(0, GSO_OCTETS + 1) },
  { ...plain, tags: ["810000c8"] },
  { ...plain, version: 6, tags: ["88a800c8"] },
  { ...plain, ipOptions: new Uint8Array(8).fill(1) },
  { ...plain, version: 6, extensionOctets: 8 },
];

const kinds = everyOption().filter(
  ({ cookieOctets, sequencing, sublayer }) => cookieOctets === 8 && sublayer === (sequencing === "non-ip"),
);
const passages: readonly Passage[] = kinds.flatMap((options) =>
  (options.encapsulation === "ip" ? [true] : [false, true]).map(
    (segment) => ({ options, segment, first: "site", offloads: false }) as const,
  ),
);

/** A socket that takes messages without a checksum, as UDP over IPv6 must be told to (RFC 6935). */
function socketOf({ family, encapsulation }: ProgramOptions): number {
  const address = family === 4 ? "192.0.2.2" : "2001:db8::2";
  const settings = { encapsulation, address, port: 1701, fragmentation: "none", checksum: "zero" } as const;
  return sites.inside("middle", () => openPsnSocket(settings)).fd;
}

describe.each(
  passages.map(
    (passage) => [`${nameOf(passage.options)}${passage.segment ? ", segmented" : ""}`, passage] as const,
  ),
)("%s", (_, passage) => {
  test("a socket hears the segments of a GSO packet, each by itself", async () => {
    const { options } = passage;
    using opened = await sites.open(passage);
    for (const key of sites.bench.peers.keys()) sites.bench.peers.remove(key);
    const peer = socketOf(options);
    const host = sites.inside("siteA", () => openPacketSocket("siteA"));
    const session = sessionOf(options, { localSessionId: REMOTE_SESSION });
    const attachment = attachmentOf(options);
    try {
      for (const each of shapes) {
        const shape = options.vlan === "vlan" ? { ...each, tags: ["8100a06f", ...each.tags] } : each;
        sendGsoPacket(host, shape);
        const expected = naiveSegments(shape, GSO_OCTETS);
        const why = () => JSON.stringify([{ ...shape, payload: 0 }, opened.counted()]);
        const heard = await datagrams(peer, expected.length, why);
        // A raw socket of IPv4 gives the header too.
        const header = options.encapsulation === "ip" && options.family === 4 ? 20 : 0;
        const frames = heard.map((octets) =>
          decapsulate(octets.subarray(header), session, attachment, newSequenceState()),
        );
        expect(
          frames.map((frame) => (typeof frame === "string" ? frame : toHex(frame))),
          why(),
        ).toEqual(expected.map((frame) => toHex(padded(frame))));
        expect(opened.counted()[0]?.transmittedFrames, why()).toBe(expected.length);
        expect(opened.counted()[0]?.transmittedOctets, why()).toBe(
          expected.reduce((sum, { length }) => sum + length, 0),
        );
        sites.bench.counters.update(
          indexKey(3),
          new Uint8Array(sites.bench.counters.description.valueOctets),
        );
      }
    } finally {
      for (const fd of [peer, host]) closeSync(fd);
    }
  });
});

describe("what no program can do comes out of the exception path", () => {
  const kind = kinds.filter(({ encapsulation, vlan }) => encapsulation === "udp" && vlan === "port")[0]!;
  const passage = { options: kind, segment: false, first: "site", offloads: true } as const;

  /** What the exception path's entry hears of GSO packets from site A. */
  async function heardAtEntry(sent: readonly PacketShape[], count: number): Promise<readonly string[]> {
    const entry = sites.inside("middle", () => new FrameSocket("entryA"));
    const host = sites.inside("siteA", () => openPacketSocket("siteA"));
    const heard: string[] = [];
    for (const shape of sent) sendGsoPacket(host, shape);
    for (let tries = 0; heard.length < count && tries < MOST_TRIES; tries += 1) {
      const frame = entry.receive();
      if (frame === undefined) await setImmediate();
      else heard.push(toHex(frame));
    }
    for (const fd of [entry.fd, host]) closeSync(fd);
    return heard;
  }

  test("packets that IP must fragment: as segments, unchanged", async () => {
    using opened = await sites.open({ ...passage, changes: { packetOctets: 700, fragmentation: "outer" } });
    const sent = shapes.filter(({ tags }) => tags.length < 2);
    const expected = sent
      .flatMap((shape) => naiveSegments(shape, GSO_OCTETS))
      .filter((frame) => frame.length > 700);
    expect(await heardAtEntry(sent, expected.length)).toEqual(expected.map(toHex));
    expect(opened.counted().map(({ discards }) => discards)).toEqual([{}, {}]);
  });

  test("frames of a session that none carries: whole, for they go out by the exit at once", async () => {
    const index = (name: string) => sites.inside("middle", () => ifNameToIndex(name));
    sites.bench.circuits.update(...puntEntry(attachmentOf(kind), index("circuitA"), index("exitA")));
    const lines = puntProgram({ vlan: "port" }, { circuits: sites.bench.circuits.fd });
    using program = kernel.loadProgram({ name: "punt", octets: assemble(lines) });
    using _ = sites.inside("middle", () => kernel.attach(program, ifNameToIndex("circuitA"), "ingress"));
    const sent = shapes.filter(({ tags }) => tags.length === 0);
    expect(await heardAtEntry(sent, sent.length)).toEqual(
      sent.map((shape) => toHex(unfinished(shape).frame)),
    );
  });
});
