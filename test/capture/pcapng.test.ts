import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { linkTypes, PcapngWriter } from "../../src/capture/pcapng.ts";
import { PcapngBlocks } from "../../src/capture/pcapng-blocks.ts";
import { readTime, writeTime } from "../../src/capture/pcapng-time.ts";
import { type CapturedPacket, readCapture } from "../../src/os/capture-file.ts";
import { assertProperty } from "../support/seeds.ts";

const machine = { hardware: "x64", system: "Linux 6.18" };
const time = { seconds: 1_795_929_947, nanoseconds: 123_456_789 };
const frame = Uint8Array.from({ length: 61 }, (_, index) => index);
const counts = { start: time, end: time, received: 12, dropped: 7 };

function example(): Uint8Array {
  const writer = new PcapngWriter();
  writer.section("wirespan 1.2.3", machine);
  const snapOctets = 100;
  writer.interface({
    name: "lan",
    description: "pseudowire lan",
    linkType: linkTypes.ethernet,
    snapOctets,
    filter: "arp",
  });
  writer.interface({ name: "ppp0", description: "L2TPv3", linkType: linkTypes.ip, snapOctets });
  writer.packet(0, { ...time, octets: frame, originalOctets: 1500, direction: "inbound" });
  writer.packet(
    0,
    { ...time, octets: frame, originalOctets: 61, direction: "outbound" },
    "discarded: oversize",
  );
  writer.statistics(0, counts);
  writer.statistics(0, { ...counts, dropped: 9 });
  return writer.take();
}

test("tshark reads names, directions, comments, lengths and times of nanoseconds", () => {
  const folder = mkdtempSync(join(tmpdir(), "wirespan-pcapng-"));
  try {
    const path = join(folder, "a.pcapng");
    writeFileSync(path, example());
    const fields = [
      ...["interface_name", "interface_description", "packet_flags_direction", "comment", "len", "cap_len"],
      "time_epoch",
    ];
    const words = ["-n", "-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", `frame.${field}`])];
    const output = execFileSync("tshark", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const at = "1795929947.123456789";
    expect(output.trimEnd().split("\n")).toEqual([
      ["lan", "pseudowire lan", "0x00000001", "", "1500", "61", at].join("\t"),
      ["lan", "pseudowire lan", "0x00000002", "discarded: oversize", "61", "61", at].join("\t"),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("libpcap reads the packets of a file with one link type", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wirespan-pcapng-"));
  try {
    const writer = new PcapngWriter();
    writer.section("wirespan", machine);
    writer.interface({ name: "lan", description: "", linkType: linkTypes.ethernet, snapOctets: 262_144 });
    writer.packet(0, { ...time, octets: frame, originalOctets: 61, direction: "inbound" });
    writer.statistics(0, counts);
    const path = join(folder, "a.pcapng");
    writeFileSync(path, writer.take());
    const packets: CapturedPacket[] = [];
    expect(await readCapture(path, (packet) => packets.push(packet))).toEqual({ complete: true });
    expect(packets).toEqual([
      { number: 1, timeUs: 1_795_929_947_123_456, linkType: 1, octets: frame, originalOctets: 61 },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a stream in pieces of any length gives whole blocks, their number and the last count of drops", () => {
  const whole = example();
  assertProperty(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (lengths) => {
      const blocks = new PcapngBlocks();
      const taken: number[] = [];
      let at = 0;
      for (let index = 0; at < whole.length; index += 1) {
        const end = at + (lengths[index % lengths.length] as number);
        taken.push(...blocks.take(whole.slice(at, end)));
        at = end;
      }
      expect(Uint8Array.from(taken)).toEqual(whole);
      expect(blocks.totals).toEqual({ packets: 2, dropped: 9 });
    }),
    { seed: 1 },
  );
});

test("what ends within a block gives the blocks before it", () => {
  const whole = example();
  const blocks = new PcapngBlocks();
  const { length } = blocks.take(whole.slice(0, whole.length - 1));
  expect(whole.length - length).toBeGreaterThan(12);
  expect(new PcapngBlocks().take(whole.slice(0, length))).toHaveLength(length);
});

test.each([
  ["text", "HTTP/1.1 200 OK, and more"],
  ["nothing but zeros", "\0".repeat(40)],
])("%s is no pcapng", (_, text) => {
  expect(() => new PcapngBlocks().take(new TextEncoder().encode(text))).toThrow(/it is no pcapng/);
});

test("times keep their nanoseconds", () => {
  const seconds = fc.integer({ min: 0, max: 2 ** 33 });
  const nanoseconds = fc.integer({ min: 0, max: 999_999_999 });
  assertProperty(
    fc.property(fc.record({ seconds, nanoseconds }), (at) => {
      const view = new DataView(new ArrayBuffer(8));
      writeTime(view, 0, at);
      expect(readTime(view, 0)).toEqual(at);
    }),
    { seed: 1 },
  );
});
