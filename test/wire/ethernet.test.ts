import { expect, test } from "vitest";
import { concat, fromHex, hex, toHex } from "../../src/bytes/hex.ts";
import {
  carriesIp,
  countTags,
  isLinkLocal,
  isPause,
  outerTagProtocol,
  outerVlanId,
  rewriteOuterTag,
  TPID_CUSTOMER,
  TPID_SERVICE,
} from "../../src/wire/ethernet.ts";

const addresses = hex`02 00 00 00 00 01  02 00 00 00 00 02`;
const customer = hex`8100 e065`;
const service = hex`88a8 0064`;
const ipv4 = hex`0800 45 00`;
const START = 3;

/** A frame three octets into a buffer, as one that lies behind other headers. */
function frame(...parts: readonly Uint8Array[]): { view: DataView; length: number; octets: Uint8Array } {
  const frame = concat(addresses, ...parts);
  const octets = concat(new Uint8Array(START), frame);
  return { view: new DataView(octets.buffer), length: frame.length, octets };
}

test.each([
  ["no tag", [ipv4], 0, 0],
  ["a customer tag", [customer, ipv4], 1, TPID_CUSTOMER],
  ["a service tag", [service, ipv4], 1, TPID_SERVICE],
  ["two tags", [service, customer, ipv4], 2, TPID_SERVICE],
  ["three tags", [service, customer, customer, ipv4], 2, TPID_SERVICE],
] as const)(
  "IEEE 802.1Q: of %s up to two are counted, and the outer one is known",
  (_name, parts, tags, protocol) => {
    const { view, length } = frame(...parts);
    expect(countTags(view, START, length)).toBe(tags);
    expect(outerTagProtocol(view, START, length)).toBe(protocol);
  },
);

test("a frame that ends inside its tag has none", () => {
  const { view, length } = frame(hex`8100 e0`);
  expect([countTags(view, START, length), outerTagProtocol(view, START, length)]).toEqual([0, 0]);
});

test.each([
  ["IPv4", [ipv4], true],
  ["IPv6", [hex`86dd 60`], true],
  ["IPv4 behind two tags", [service, customer, ipv4], true],
  ["ARP", [hex`0806 00`], false],
  ["a length", [hex`0026 4242`], false],
  ["an unfinished tag", [customer], false],
  ["nothing", [], false],
] as const)("RFC 3931 §5.4.4: Data Sequencing level 1 tells %s apart", (_name, parts, carries) => {
  const { view, length } = frame(...parts);
  expect(carriesIp(view, START, length)).toBe(carries);
});

test("RFC 4719 §3.1: the outer tag's VLAN ID is rewritten; priority and drop eligibility stay", () => {
  const { view, octets } = frame(customer, ipv4);
  expect(outerVlanId(view, START)).toBe(0x065);
  rewriteOuterTag(view, START, TPID_SERVICE, 0xfff);
  expect(toHex(octets.subarray(START + 12, START + 16))).toBe("88a8efff");
  expect(outerVlanId(view, START)).toBe(0xfff);
});

test("IEEE 802.1D: addresses that bridges keep, and PAUSE among them", () => {
  const judged = (address: string) => {
    const view = new DataView(fromHex(address).buffer);
    return [isLinkLocal(view, 0), isPause(view, 0)];
  };
  expect(judged("0180c2000000")).toEqual([true, false]);
  expect(judged("0180c2000001")).toEqual([true, true]);
  expect(judged("0180c200000f")).toEqual([true, false]);
  expect(judged("0180c2000010")).toEqual([false, false]);
  expect(judged("0180c3000001")).toEqual([false, false]);
});
