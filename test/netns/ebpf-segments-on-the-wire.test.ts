import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atNode } from "../../src/lab/lab.ts";
import { readCapture } from "../../src/os/capture-file.ts";
import { expectExchange } from "../support/bulk.ts";
import { effort, scaled } from "../support/effort.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { eventually, Lab, output } from "../support/lab.ts";

/**
 * GSO packets over IP protocol 115 as the network sees them: with devices that finish no checksums, for that
 * is when the kernel has to know by itself what of a packet is tunnel and what is frame.
 */

const LINK_OCTETS = 14;
const TAGGED_OCTETS = 18;
const SESSION_AND_COOKIE = 12;
const L2TP = 115;
const PACKETS = 3000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-wire-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** TABLE: per IP version of the network, octets of the header, and where it says its protocol and length. */
const outer = {
  4: { octets: 20, protocol: 9, length: (view: DataView) => view.getUint16(2) },
  6: { octets: 40, protocol: 6, length: (view: DataView) => 40 + view.getUint16(4) },
} as const;

/** A lab over IPv6, or the same over IPv4. */
function topologyOver(version: 4 | 6): string {
  const text = readFileSync("lab/topologies/ip115-ipv6.yaml", "utf8");
  const file = join(folder, `segments-ipv${version}.yaml`);
  const changed = text.replaceAll("2001:db8::", "192.0.2.").replaceAll("/64", "/24");
  writeFileSync(file, version === 6 ? text : changed);
  return file;
}

/**
 * The sum of the TCP segment in an Ethernet frame with one tag, over IPv4; 0 if its checksum is right,
 * undefined if it is no TCP.
 */
function innerSum(frame: Uint8Array): number | undefined {
  const ip = frame.subarray(TAGGED_OCTETS);
  if (frame[16] !== 8 || frame[17] !== 0 || ip[9] !== 6) return undefined;
  const length = ((ip[2] ?? 0) << 8) + (ip[3] ?? 0) - 20;
  const pseudo = Uint8Array.of(...ip.subarray(12, 20), 0, 6, length >> 8, length & 0xff);
  return naiveChecksum(pseudo, ip.subarray(20, 20 + length));
}

describe.each([4, 6] as const)("over IPv%d", (version) => {
  test("each segment is a packet of IP protocol 115 with right lengths and checksums", async () => {
    const topology = topologyOver(version);
    await using lab = await Lab.up(topology, "ebpf");
    await lab.reached("a10", "10.0.0.13");
    for (const node of ["lcce-a", "lcce-b"])
      expect((await lab.exec(node, "ethtool", "-K", "wan", "tx", "off")).status).toBe(0);
    const file = join(folder, `ipv${version}.pcap`);
    const filter = "ip proto 115 or ip6 proto 115 or ip proto 47 or ip6 proto 47";
    const options = ["--immediate-mode", "-U", "-s0", "-c", `${PACKETS}`, "-w", file];
    const dump = lab.spawn("lcce-b", "tcpdump", "-i", "wan", "-B", "65536", ...options, filter);
    const ended = output(dump);
    let said = "";
    dump.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await eventually("tcpdump listens", () => said.includes("listening"));
    const at = (host: string) => atNode(topology, host, []);
    // More than is captured, also on an emulated processor, which takes two fifths.
    const there = scaled(20_000_000, Math.max(effort, 0.4));
    await expectExchange(at("a10"), at("b10"), { address: "10.0.0.13", there, back: 1_000_000 });
    await ended;
    expect((await lab.pseudowire("a", "lan")).plane).toBe("ebpf");
    const { octets, protocol, length } = outer[version];
    let [full, sums] = [0, 0];
    const { complete } = await readCapture(file, (packet) => {
      const ip = packet.octets.subarray(LINK_OCTETS);
      expect(ip[protocol]).toBe(L2TP);
      expect(packet.originalOctets).toBeLessThanOrEqual(LINK_OCTETS + 1600);
      const view = new DataView(ip.buffer, ip.byteOffset, ip.byteLength);
      expect(length(view)).toBe(packet.originalOctets - LINK_OCTETS);
      if (octets === 20) expect(naiveChecksum(ip.subarray(0, octets))).toBe(0);
      const frame = ip.subarray(octets + SESSION_AND_COOKIE);
      if (frame.length > 1500) full += 1;
      const sum = innerSum(frame);
      if (sum === undefined) return;
      expect(sum).toBe(0);
      sums += 1;
    });
    expect(complete).toBe(true);
    const kinds = await lab.segmenters("a");
    console.log(`over IPv${version}, segmented by ${kinds}: ${sums} segments of TCP, ${full} of them full`);
    expect(full).toBeGreaterThan(PACKETS / 2);
    expect(sums).toBeGreaterThan(PACKETS / 2);
  });
});
