import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { eventually, Lab, MAIN, planes } from "../support/lab.ts";

/** Code points of what crosses the network between two daemons, read from the wire. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-dscp-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ADDRESSES = { 4: ["192.0.2.1/24", "192.0.2.2/24"], 6: ["2001:db8::1/64", "2001:db8::2/64"] } as const;
type Family = keyof typeof ADDRESSES;

/**
 * Site a copies code points and marks its control messages; site b marks all frames alike. Hosts are on no
 * VLAN and on VLAN 10.
 */
function topologyOf(encapsulation: string, family: Family): string {
  const [a, b] = ADDRESSES[family];
  const site = (name: string, [own, other]: readonly [string, string], dscp: string, control: number) => {
    const tunnel = {
      local: own.split("/")[0],
      remote: other.split("/")[0],
      encapsulation,
      udp_checksum: "zero",
      control_dscp: control,
      hello_interval_s: 1,
      pseudowires: { lan: { circuit: { interface: "trunk" }, dscp } },
    };
    // A tunnel that shares the other's socket.
    const silent = { ...tunnel, remote: `${tunnel.remote}9`, role: "responder", pseudowires: {} };
    return {
      address: own,
      hosts: { [`${name}1`]: 0, [`${name}10`]: 10 },
      wirespan: { lcce: { host_name: name }, tunnels: { peer: tunnel, silent } },
    };
  };
  const file = join(folder, `${encapsulation}-${family}.yaml`);
  const topology = {
    title: "code points",
    wan: { mtu: 1600 },
    sites: { a: site("a", [a, b], "copy", 48), b: site("b", [b, a], "ef", 0) },
    lcces: {
      silent: { wan: { wan: [a, b].map((address) => address.replace("/", "9/")) }, run: "sleep inf" },
    },
    checks: [{ ping: ["a1", "b1"] }],
  };
  writeFileSync(file, stringify(topology));
  return file;
}

/** A packet of the tunnel. */
interface Seen {
  readonly from: "a" | "b";
  readonly trafficClass: number;
  readonly isControl: boolean;
  readonly octets: Buffer;
}

const PCAP_HEADER_OCTETS = 24;
const RECORD_HEADER_OCTETS = 16;
const LINK_OCTETS = 14;

/** All that tcpdump sees in the middle of the network, from when `start` resolves. */
class Wire {
  readonly #family: Family;
  #octets = Buffer.alloc(0);

  private constructor(family: Family) {
    this.#family = family;
  }

  static async start(lab: Lab, encapsulation: string, family: Family): Promise<Wire> {
    const wire = new Wire(family);
    const filter =
      encapsulation === "udp" ? "udp port 1701" : family === 4 ? "ip proto 115" : "ip6 proto 115";
    const tcpdump = lab.spawn("wan", "tcpdump", "-i", "bridge", "-U", "-s0", "-w", "-", filter);
    tcpdump.stdout?.on("data", (octets: Buffer) => {
      wire.#octets = Buffer.concat([wire.#octets, octets]);
    });
    await eventually("tcpdump listens", () => wire.#octets.length >= PCAP_HEADER_OCTETS);
    return wire;
  }

  seen(): readonly Seen[] {
    const found: Seen[] = [];
    let at = PCAP_HEADER_OCTETS;
    while (at + RECORD_HEADER_OCTETS <= this.#octets.length) {
      const end = at + RECORD_HEADER_OCTETS + this.#octets.readUInt32LE(at + 8);
      if (end > this.#octets.length) break;
      found.push(this.#packetOf(this.#octets.subarray(at + RECORD_HEADER_OCTETS + LINK_OCTETS, end)));
      at = end;
    }
    return found;
  }

  #packetOf(packet: Buffer): Seen {
    const isV4 = this.#family === 4;
    const source = packet[isV4 ? 15 : 23];
    const protocol = packet[isV4 ? 9 : 6];
    const payload = packet.subarray(isV4 ? 20 : 40);
    return {
      from: source === 1 ? "a" : "b",
      trafficClass: (isV4 ? packet[1] : (packet.readUInt16BE(0) >>> 4) & 0xff) ?? -1,
      isControl: protocol === 17 ? (payload.readUInt16BE(8) & 0x8000) !== 0 : payload.readUInt32BE(0) === 0,
      octets: payload,
    };
  }

  /** Traffic classes of the data messages from a site that carry these octets, once there is one. */
  async classesOf(from: "a" | "b", octets: Buffer): Promise<readonly number[]> {
    const datagrams = () =>
      this.seen().filter((packet) => packet.from === from && packet.octets.includes(octets));
    await eventually(`${octets.toString("hex")} is on the wire`, () => datagrams().length > 0);
    return [...new Set(datagrams().map(({ trafficClass }) => trafficClass))];
  }
}

let pings = 0;

/**
 * Pings once with a traffic class; gives back the classes of the outer headers, of the request and of its
 * answer.
 */
async function ping(lab: Lab, wire: Wire, from: string, to: string, trafficClass: number) {
  pings += 1;
  const pattern = Buffer.alloc(16, `${pings}`.padStart(4, "p"));
  const words = ["-c1", "-W5", "-Q", `${trafficClass}`, "-s64", "-p", pattern.toString("hex")];
  expect((await lab.exec(from, "ping", ...words, to)).status).toBe(0);
  const sent = pattern.subarray(0, 16);
  return { request: await wire.classesOf("a", sent), answer: await wire.classesOf("b", sent) };
}

const SINK = `
import socket
server = socket.create_server(("10.0.0.13", 5001))
print("listening", flush=True)
peer, _ = server.accept()
total = 0
while octets := peer.recv(65536): total += len(octets)
print(total, flush=True)
`;
const SOURCE = `
import socket
peer = socket.socket()
peer.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x88)
peer.connect(("10.0.0.13", 5001))
peer.sendall(b"gso packet" * 100000)
`;

/** Sends a megabyte from a1 to b1 by TCP, whose packets have the code point af41. */
async function sendBulk(lab: Lab): Promise<void> {
  const sink = lab.spawn("b1", "python3", "-c", SINK);
  let said = "";
  sink.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await eventually("the sink listens", () => said.includes("listening"));
  expect((await lab.exec("a1", "python3", "-c", SOURCE)).status).toBe(0);
  await eventually("everything arrived", () => said.includes("1000000"));
}

/** Has site a take over its configuration with a change by sed(1). */
async function reload(lab: Lab, change: string) {
  expect((await lab.shell("lcce-a", `sed -i '${change}' /run/wirespan-a.yaml`)).status).toBe(0);
  return lab.exec("lcce-a", process.execPath, MAIN, "reload", "--socket", "/run/wirespan-a.sock");
}

test("a socket that several tunnels share is made anew when they all ask for another one", async () => {
  await using lab = await Lab.up(topologyOf("udp", 4), "userspace");
  const reloaded = await reload(lab, "s/control_dscp: 48/control_dscp: cs5/");
  expect(reloaded.stdout).toMatch(
    /^replace tunnel peer\n {4}control_dscp: 48 -> 40\nreplace tunnel silent\n/,
  );
  const wire = await Wire.start(lab, "udp", 4);
  const control = () => wire.seen().filter(({ isControl, from }) => isControl && from === "a");
  await eventually("site a said something", () => control().length > 0);
  expect(new Set(control().map(({ trafficClass }) => trafficClass))).toEqual(new Set([0xa0]));
  await eventually("the sites are one network again", () => lab.reaches("a1", "10.0.0.13"));
});

/**
 * Each encapsulation and each family; every pair of them is held to the reference by `ebpf-programs.test.ts`.
 */
const variants = planes.flatMap((plane) => [[plane, "udp", 4] as const, [plane, "ip", 6] as const]);

describe.each(variants)("plane %s over %s, IPv%i", (plane, encapsulation, family) => {
  test("outer headers have the configured DSCP; a reload with another one keeps the session", async () => {
    await using lab = await Lab.up(topologyOf(encapsulation, family), plane);
    const before = await lab.pseudowire("a", "lan");
    expect(before.plane).toBe(plane);
    const wire = await Wire.start(lab, encapsulation, family);

    // ECN is never copied.
    expect(await ping(lab, wire, "a1", "10.0.0.13", 0x2a)).toEqual({ request: [0x28], answer: [0xb8] });
    expect(await ping(lab, wire, "a1", "10.0.0.13", 0)).toEqual({ request: [0], answer: [0xb8] });
    expect(await ping(lab, wire, "a10", "10.0.0.14", 0xc0)).toEqual({ request: [0xc0], answer: [0xb8] });
    await sendBulk(lab);
    expect(await wire.classesOf("a", Buffer.from("gso packet"))).toEqual([0x88]);

    const control = (from: "a" | "b") => wire.seen().filter((seen) => seen.isControl && seen.from === from);
    await eventually("both said something", () => control("a").length > 0 && control("b").length > 0);
    expect(new Set(control("a").map(({ trafficClass }) => trafficClass))).toEqual(new Set([0xc0]));
    expect(new Set(control("b").map(({ trafficClass }) => trafficClass))).toEqual(new Set([0]));

    const reloaded = await reload(lab, "s/dscp: copy/dscp: cs5/");
    expect(reloaded.stdout.trim()).toBe("update pseudowire lan of tunnel peer\n    dscp: copy -> 40");
    expect(await ping(lab, wire, "a1", "10.0.0.13", 0x2a)).toEqual({ request: [0xa0], answer: [0xb8] });
    const after = await lab.pseudowire("a", "lan");
    expect(after.localSessionId).toBe(before.localSessionId);
    expect(after.plane).toBe(plane);
    expect(after.transmittedFrames).toBeGreaterThan(before.transmittedFrames);
  });
});
