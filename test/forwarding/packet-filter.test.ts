import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkFilter, PacketFilter } from "../../src/forwarding/packet-filter.ts";
import { compileFilter } from "../../src/os/filter-compiler.ts";
import { psnCaptureFilter } from "../../src/os/psn-capture-filter.ts";
import { keepingFilter } from "../../src/os/socket-filter.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { fragmentsOf, ipPacket } from "../support/captures.ts";
import { assertProperty } from "../support/seeds.ts";

const addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
const tag = [0x81, 0, 0, 10];
const ip4 = [
  0x08, 0, 0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 4, 0, 0, 8, 0, 0,
];
const arp = [0x08, 0x06, ...new Uint8Array(46)];
const frames = {
  udp: [...addresses, ...ip4],
  "tagged udp": [...addresses, ...tag, ...ip4],
  arp: [...addresses, ...arp],
  "tagged arp": [...addresses, ...tag, ...arp],
};

function accepted(program: Uint32Array): readonly string[] {
  const filter = new PacketFilter(program);
  return Object.entries(frames).flatMap(([name, octets]) => {
    // Somewhere within a buffer, as frames are.
    const buffer = Uint8Array.from([1, 2, 3, ...octets, 4]);
    return filter.accepts(new DataView(buffer.buffer), 3, octets.length) ? [name] : [];
  });
}

test.each([
  ["udp", ["udp"]],
  ["arp", ["arp"]],
  ["vlan 10", ["tagged udp", "tagged arp"]],
  ["vlan 11", []],
  ["vlan and arp", ["tagged arp"]],
  ["port 53", ["udp"]],
  ["host 10.0.0.2 and not tcp", ["udp"]],
  ["ether host 02:00:00:00:00:01", ["udp", "tagged udp", "arp", "tagged arp"]],
  ["greater 50", ["arp", "tagged arp"]],
  ["ether[0] & 1 = 0 and len - 14 >= 30", ["tagged udp", "arp", "tagged arp"]],
])("%s", (expression, names) => {
  const program = compileFilter(expression);
  expect(checkFilter(program)).toBeUndefined();
  expect(accepted(program)).toEqual(names);
});

test("an expression compiles as tcpdump compiles it", () => {
  const text = "tcp port 80 and (host 192.0.2.1 or net 10.0.0.0/8)";
  const words = ["-ddd", "-y", "EN10MB", text];
  const [, ...lines] = execFileSync("tcpdump", words, { encoding: "utf8" }).trim().split("\n");
  const theirs = lines.map((line) => line.split(" ").map(Number));
  expect(keepingFilter(262_144, compileFilter(text)).map((line) => [...line])).toEqual(theirs);
});

test("a mistake in an expression is told in the words of libpcap", () => {
  expect(() => compileFilter("prot 80")).toThrow(
    /^understand the filter "prot 80": .*; it is written as for tcpdump/,
  );
});

test("whatever numbers pass the check end, and read nothing beyond the packet", () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 0xffff_ffff }));
  const codes = fc.constantFrom(
    ...[0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xb1, 0x00, 0x01, 0x02, 0x03, 0x60, 0x61],
  );
  const more = fc.constantFrom(
    ...[0x04, 0x0c, 0x14, 0x24, 0x34, 0x3c, 0x64, 0x74, 0x84, 0x94, 0x15, 0x25, 0x45, 0x05, 0x07, 0x87],
  );
  const instruction = fc.tuple(
    fc.oneof(codes, more),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 3 }),
    word,
  );
  const packet = Uint8Array.from(frames.udp);
  assertProperty(
    fc.property(fc.array(instruction, { minLength: 1, maxLength: 30 }), (lines) => {
      const program = new Uint32Array([
        ...lines.flatMap(([code, yes, no, k]) => [code + yes * 0x1_0000 + no * 0x100_0000, k]),
        ...[0x06, 1],
      ]);
      if (checkFilter(program) !== undefined) return;
      const filter = new PacketFilter(program);
      expect(typeof filter.accepts(new DataView(packet.buffer), 0, packet.length)).toBe("boolean");
    }),
    { seed: 1 },
  );
});

test.each([
  ["nothing", []],
  ["no return at the end", [0x20, 0]],
  ["a jump out of it", [0x05, 1, 0x06, 1]],
  ["a jump out of it, if true", [0x15 + 0x10000, 1, 0x06, 1]],
  ["memory beyond", [0x60, 16, 0x06, 1]],
  ["an unknown operation", [0xb4, 1, 0x06, 1]],
  ["an unknown mode of a load", [0xc0, 0, 0x06, 1]],
  ["an unknown condition", [0x55, 0, 0x06, 1]],
  ["memory to store in beyond", [0x02, 16, 0x06, 1]],
  ["half an instruction", [0x06]],
  ["too many instructions", Array.from({ length: 501 }, () => [0x06, 1]).flat()],
])("%s is no filter", (_, words) => {
  expect(checkFilter(new Uint32Array(words))).toBeDefined();
});

describe("each instruction", () => {
  /** Opcodes by linux/bpf_common.h. */
  const k = (code: number, operand: number) => [code, operand];
  const jump = (code: number, operand: number, yes: number, no: number) => [
    code + yes * 0x1_0000 + no * 0x100_0000,
    operand,
  ];
  const returnA = k(0x16, 0);
  const octets = Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a);

  /** What a program makes of A: it is compared with each value that the test asks for. */
  function gives(lines: readonly (readonly number[])[], wanted: number): boolean {
    const program = new Uint32Array([...lines, jump(0x15, wanted, 0, 1), k(0x06, 1), k(0x06, 0)].flat());
    expect(checkFilter(program)).toBeUndefined();
    return new PacketFilter(program).accepts(new DataView(octets.buffer), 0, octets.length);
  }

  test.each<[string, readonly (readonly number[])[], number]>([
    ["ld [0]", [k(0x20, 0)], 0x12345678],
    ["ldh [1]", [k(0x28, 1)], 0x3456],
    ["ldb [4]", [k(0x30, 4)], 0x9a],
    ["ldx #3, ldb [x + 1]", [k(0x01, 3), k(0x50, 1)], 0x9a],
    ["ldx #1, ldh [x + 0]", [k(0x01, 1), k(0x48, 0)], 0x3456],
    ["ldx #1, ld [x + 0]", [k(0x01, 1), k(0x40, 0)], 0x3456789a],
    ["ld #7", [k(0x00, 7)], 7],
    ["ld len", [k(0x80, 0)], 5],
    ["ldx len, txa", [k(0x81, 0), k(0x87, 0)], 5],
    ["ldxb 4*([0]&0xf), txa", [k(0xb1, 0), k(0x87, 0)], 8],
    ["st, ld M[]", [k(0x00, 9), k(0x02, 3), k(0x00, 0), k(0x60, 3)], 9],
    ["stx, ldx M[], txa", [k(0x01, 8), k(0x03, 2), k(0x01, 0), k(0x61, 2), k(0x87, 0)], 8],
    ["tax, txa", [k(0x00, 6), k(0x07, 0), k(0x00, 0), k(0x87, 0)], 6],
    ["add #", [k(0x00, 0xffffffff), k(0x04, 2)], 1],
    ["add x", [k(0x00, 4), k(0x01, 3), k(0x0c, 0)], 7],
    ["sub #", [k(0x00, 1), k(0x14, 2)], 0xffffffff],
    ["mul #", [k(0x00, 0x10001), k(0x24, 0x10001)], 0x20001],
    ["div #", [k(0x00, 7), k(0x34, 2)], 3],
    ["or #", [k(0x00, 0x0f), k(0x44, 0xf0)], 0xff],
    ["and #", [k(0x00, 0xffffffff), k(0x54, 0x80000000)], 0x80000000],
    ["lsh #", [k(0x00, 1), k(0x64, 31)], 0x80000000],
    ["lsh too far", [k(0x00, 1), k(0x64, 32)], 0],
    ["rsh #", [k(0x00, 0x80000000), k(0x74, 31)], 1],
    ["rsh too far", [k(0x00, 0x80000000), k(0x74, 32)], 0],
    ["neg", [k(0x00, 1), k(0x84, 0)], 0xffffffff],
    ["mod #", [k(0x00, 7), k(0x94, 4)], 3],
    ["xor #", [k(0x00, 0xff), k(0xa4, 0x0f)], 0xf0],
    ["ja", [k(0x00, 1), k(0x05, 1), k(0x00, 2)], 1],
    ["jgt, true", [k(0x00, 3), jump(0x25, 2, 1, 0), k(0x00, 9)], 3],
    ["jgt, false", [k(0x00, 2), jump(0x25, 2, 1, 0), k(0x00, 9)], 9],
    ["jge x, true", [k(0x00, 2), k(0x01, 2), jump(0x3d, 0, 1, 0), k(0x00, 9)], 2],
    ["jset, true", [k(0x00, 6), jump(0x45, 2, 1, 0), k(0x00, 9)], 6],
    ["jset, false", [k(0x00, 6), jump(0x45, 1, 1, 0), k(0x00, 9)], 9],
  ])("%s", (_, lines, wanted) => {
    expect(gives(lines, wanted)).toBe(true);
    expect(gives(lines, (wanted ^ 1) >>> 0)).toBe(false);
  });

  test.each<[string, readonly (readonly number[])[]]>([
    ["a load behind the end", [k(0x20, 2)]],
    ["an indirect load behind the end", [k(0x01, 5), k(0x50, 0)]],
    ["a header length behind the end", [k(0xb1, 5)]],
    ["a division by zero", [k(0x00, 7), k(0x34, 0)]],
    ["a remainder by zero", [k(0x00, 7), k(0x01, 0), k(0x9c, 0)]],
  ])("%s refuses the packet", (_, lines) => {
    const program = new Uint32Array([...lines, k(0x06, 1)].flat());
    expect(checkFilter(program)).toBeUndefined();
    expect(new PacketFilter(program).accepts(new DataView(octets.buffer), 0, octets.length)).toBe(false);
  });

  test("ret a", () => {
    const accepts = (...lines: readonly (readonly number[])[]) =>
      new PacketFilter(new Uint32Array(lines.flat())).accepts(new DataView(octets.buffer), 0, octets.length);
    expect(accepts(k(0x00, 0), returnA)).toBe(false);
    expect(accepts(k(0x00, 1), returnA)).toBe(true);
  });
});

describe("packets between two LCCEs", () => {
  const ends = { 4: ["192.0.2.1", "192.0.2.2"], 6: ["2001:db8::a", "2001:db8::b"] } as const;
  const strangers = { 4: "192.0.2.9", 6: "2001:db8::9" } as const;
  const session = { localSessionId: 0x1111_2222, remoteSessionId: 0x3333_4444 };
  const word = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

  /** The filter as for packets that begin with the IP header. */
  function filterOf(path: PsnPath): PacketFilter {
    const fromPacket = (k: number) => (k >= 0xfff0_0000 ? k - 0xfff0_0000 : k);
    const lines = psnCaptureFilter(path, [session], 100);
    const program = new Uint32Array(
      lines.flatMap(([code, yes, no, k]) => [code + yes * 0x1_0000 + no * 0x100_0000, fromPacket(k)]),
    );
    expect(checkFilter(program)).toBeUndefined();
    return new PacketFilter(program);
  }

  describe.each([4, 6] as const)("over IPv%i", (family) => {
    test.each(["udp", "ip"] as const)("and %s", (encapsulation) => {
      const isUdp = encapsulation === "udp";
      const [localPort, remotePort] = isUdp ? [1701, 40_000] : [0, 0];
      const [localAddress, remoteAddress] = ends[family];
      const path = { encapsulation, localAddress, remoteAddress, localPort, remotePort };
      const packet = (from: "A" | "B", payload: readonly number[]) => {
        const [sourcePort, destinationPort] =
          from === "A" ? [localPort, remotePort] : [remotePort, localPort];
        const route = { family, transport: encapsulation, from, sourcePort, destinationPort };
        return ipPacket(route, Uint8Array.from(payload));
      };
      const accepts = (octets: Uint8Array, of: PsnPath = path) =>
        filterOf(of).accepts(new DataView(octets.buffer, octets.byteOffset), 0, octets.length);
      const data = (id: number) => [...(isUdp ? word(3) : []), ...word(id), ...new Uint8Array(60)];
      const control = [...(isUdp ? [] : word(0)), 0xc8, 3, 0, 12, ...new Uint8Array(8)];
      const toPeer = packet("A", data(session.remoteSessionId));
      expect(accepts(toPeer)).toBe(true);
      expect(accepts(packet("B", data(session.localSessionId)))).toBe(true);
      expect(accepts(packet("B", control))).toBe(true);
      expect(accepts(packet("A", control))).toBe(true);
      expect(accepts(packet("A", data(7)))).toBe(false);
      for (const fragment of fragmentsOf(toPeer, 24)) expect(accepts(fragment)).toBe(true);
      expect(accepts(packet("B", control), { ...path, remoteAddress: strangers[family] })).toBe(false);
      expect(accepts(packet("A", control), { ...path, localAddress: strangers[family] })).toBe(false);
      if (isUdp) expect(accepts(packet("A", control), { ...path, remotePort: 40_001 })).toBe(false);
      else expect(accepts(packet("A", control), { ...path, encapsulation: "udp" })).toBe(false);
    });
  });
});
