import { describe, expect, test } from "vitest";
import { addressOctets } from "../../src/bytes/ip-address.ts";
import {
  decodeIpsecPolicy,
  type Flow,
  holdsFor,
  type IpsecDefaults,
  POLICY_OCTETS,
} from "../../src/os/ipsec-policies.ts";

const TEMPLATE = 5;
const MARK = 21;
const INTERFACE_ID = 31;

/** What a policy says, as its octets in struct xfrm_userpolicy_info. */
interface Said {
  readonly from: string;
  readonly fromBits: number;
  readonly to: string;
  readonly toBits: number;
  readonly direction?: number;
  readonly action?: number;
  readonly protocol?: number;
  readonly priority?: number;
  readonly interfaceIndex?: number;
  readonly fromPort?: readonly [port: number, mask: number];
  readonly toPort?: readonly [port: number, mask: number];
  readonly attributes?: readonly (readonly [number, Uint8Array])[];
}

function policyOf(said: Said) {
  const octets = new Uint8Array(POLICY_OCTETS);
  const view = new DataView(octets.buffer);
  const isV6 = said.to.includes(":");
  octets.set(addressOctets(said.to), 0);
  octets.set(addressOctets(said.from), 16);
  view.setUint16(32, said.toPort?.[0] ?? 0);
  view.setUint16(34, said.toPort?.[1] ?? 0);
  view.setUint16(36, said.fromPort?.[0] ?? 0);
  view.setUint16(38, said.fromPort?.[1] ?? 0);
  view.setUint16(40, isV6 ? 10 : 2, true);
  view.setUint8(42, said.toBits);
  view.setUint8(43, said.fromBits);
  view.setUint8(44, said.protocol ?? 0);
  view.setInt32(48, said.interfaceIndex ?? 0, true);
  view.setUint32(152, said.priority ?? 0, true);
  view.setUint8(160, said.direction ?? 1);
  view.setUint8(161, said.action ?? 1);
  return decodeIpsecPolicy(octets, new Map(said.attributes ?? []));
}

const accept: IpsecDefaults = { in: "accept", out: "accept" };
const udp: Flow = {
  localAddress: "192.0.2.1",
  remoteAddress: "192.0.2.2",
  encapsulation: "udp",
  localPort: 1701,
  remotePort: 1702,
  interfaceIndex: 7,
};
const ip: Flow = { ...udp, encapsulation: "ip", localPort: 0, remotePort: 0 };
const udp6: Flow = { ...udp, localAddress: "2001:db8::1", remoteAddress: "2001:db8:0:1::2" };
const between = { from: "192.0.2.1", fromBits: 32, to: "192.0.2.2", toBits: 32 };
const between6 = { from: "2001:db8::1", fromBits: 128, to: "2001:db8:0:1::2", toBits: 128 };
const word = (value: number) => new Uint8Array(Uint32Array.of(value, 0xffff_ffff).buffer);

const held = (flow: Flow, policies: readonly Said[], defaults = accept) =>
  holdsFor(
    flow,
    policies.map(policyOf).filter((policy) => policy !== undefined),
    defaults,
  );

describe("a policy holds for the packets that its selector meets", () => {
  test.each<[string, Flow, Said, boolean]>([
    ["the two addresses", udp, between, true],
    ["the other way round", udp, { ...between, from: "192.0.2.2", to: "192.0.2.1" }, false],
    ["what comes in", udp, { ...between, from: "192.0.2.2", to: "192.0.2.1", direction: 0 }, true],
    ["what comes in, the other way round", udp, { ...between, direction: 0 }, false],
    ["what is passed on", udp, { ...between, direction: 2 }, false],
    ["a socket, out", udp, { ...between, direction: 4 }, false],
    [
      "a socket, in",
      udp,
      { from: "192.0.2.2", fromBits: 32, to: "192.0.2.1", toBits: 32, direction: 3 },
      false,
    ],
    ["everything", udp, { from: "0.0.0.0", fromBits: 0, to: "0.0.0.0", toBits: 0 }, true],
    ["everything over IPv6", udp, { from: "::", fromBits: 0, to: "::", toBits: 0 }, false],
    ["a prefix of 24", udp, { from: "192.0.2.0", fromBits: 24, to: "192.0.2.0", toBits: 24 }, true],
    ["a prefix of 31 without the peer", udp, { ...between, to: "192.0.2.0", toBits: 31 }, false],
    ["a prefix of 31 with the peer", udp, { ...between, to: "192.0.2.2", toBits: 31 }, true],
    ["another prefix", udp, { ...between, to: "192.0.3.0", toBits: 24 }, false],
    ["UDP", udp, { ...between, protocol: 17 }, true],
    ["TCP", udp, { ...between, protocol: 6 }, false],
    ["IP protocol 115, of UDP", udp, { ...between, protocol: 115 }, false],
    ["IP protocol 115", ip, { ...between, protocol: 115 }, true],
    ["UDP, of IP protocol 115", ip, { ...between, protocol: 17 }, false],
    ["the ports", udp, { ...between, fromPort: [1701, 0xffff], toPort: [1702, 0xffff] }, true],
    ["another port", udp, { ...between, toPort: [1701, 0xffff] }, false],
    ["a range of ports by a mask", udp, { ...between, toPort: [0x0600, 0xff00] }, true],
    ["a port, of IP protocol 115", ip, { ...between, toPort: [1702, 0xffff] }, false],
    ["the interface", udp, { ...between, interfaceIndex: 7 }, true],
    ["another interface", udp, { ...between, interfaceIndex: 8 }, false],
    ["a mark", udp, { ...between, attributes: [[MARK, word(42)]] }, false],
    ["mark 0", udp, { ...between, attributes: [[MARK, word(0)]] }, true],
    ["an XFRM interface", udp, { ...between, attributes: [[INTERFACE_ID, word(5)]] }, false],
    ["IPv6 addresses", udp6, between6, true],
    ["an IPv6 prefix of 48", udp6, { ...between6, to: "2001:db8::", toBits: 48 }, true],
    ["an IPv6 prefix of 64", udp6, { ...between6, to: "2001:db8::", toBits: 64 }, false],
    ["ESP wanted", udp, { ...between, action: 0, attributes: [[TEMPLATE, new Uint8Array(64)]] }, true],
    ["allowed as they are", udp, { ...between, action: 0 }, false],
  ])("%s", (_, flow, said, isHeld) => expect(held(flow, [said])).toBe(isHeld));
});

test("of several that match the one of lowest priority number applies, of equals the strictest", () => {
  const allow = { ...between, action: 0 };
  expect(
    held(udp, [
      { ...allow, priority: 1 },
      { ...between, priority: 2 },
    ]),
  ).toBe(false);
  expect(
    held(udp, [
      { ...allow, priority: 2 },
      { ...between, priority: 1 },
    ]),
  ).toBe(true);
  expect(held(udp, [allow, between])).toBe(true);
});

test("the default of either direction holds where nothing matches", () => {
  expect(held(udp, [], { in: "accept", out: "block" })).toBe(true);
  expect(held(udp, [], { in: "block", out: "accept" })).toBe(true);
  expect(held(udp, [{ ...between, action: 0 }], { in: "accept", out: "block" })).toBe(false);
});

test("octets too short for a policy are none", () => {
  expect(decodeIpsecPolicy(new Uint8Array(POLICY_OCTETS - 1), new Map())).toBeUndefined();
});
