import { expect, test } from "vitest";
import { OperationalError } from "../../src/bytes/errors.ts";
import { localEndOf } from "../../src/config/ends.ts";
import { chooseEnds, chooseEndsForAny, type OwnEndsSource } from "../../src/daemon/choose-ends.ts";
import type { HostAddress } from "../../src/os/addresses.ts";

const addressOf = (address: string, more: Partial<HostAddress> = {}): HostAddress => ({
  interfaceName: "wan0",
  family: address.includes(":") ? 6 : 4,
  address,
  isSecondary: false,
  isDeprecated: false,
  isGlobal: true,
  ...more,
});
const machine = (
  addresses: readonly HostAddress[],
  routes: Readonly<Record<string, string>> = {},
): OwnEndsSource => ({
  addresses,
  hasInterface: (name) => name === "wan0",
  sourceTo: (remote) => {
    const source = routes[remote];
    if (source === undefined) throw new OperationalError(`no route to ${remote}`);
    return source;
  },
});
const wan0 = localEndOf("wan0");

/** TABLE: addresses of an interface in the kernel's order, the one in use, and the one to take. */
const cases: readonly (readonly [string, readonly HostAddress[], string | undefined, string])[] = [
  ["the first", [addressOf("192.0.2.1"), addressOf("192.0.2.2")], undefined, "192.0.2.1"],
  ["the one in use", [addressOf("192.0.2.1"), addressOf("192.0.2.2")], "192.0.2.2", "192.0.2.2"],
  ["another than the one that is gone", [addressOf("192.0.2.2")], "192.0.2.1", "192.0.2.2"],
  [
    "a primary one",
    [addressOf("192.0.2.1", { isSecondary: true }), addressOf("192.0.2.2")],
    undefined,
    "192.0.2.2",
  ],
  [
    "the one in use though it became secondary",
    [addressOf("192.0.2.2"), addressOf("192.0.2.1", { isSecondary: true })],
    "192.0.2.1",
    "192.0.2.1",
  ],
  [
    "no deprecated one, even in use",
    [addressOf("192.0.2.1", { isDeprecated: true }), addressOf("192.0.2.2", { isSecondary: true })],
    "192.0.2.1",
    "192.0.2.2",
  ],
  [
    "a deprecated one where there is no other",
    [addressOf("192.0.2.1", { isDeprecated: true })],
    undefined,
    "192.0.2.1",
  ],
  [
    "none of the link",
    [addressOf("169.254.1.1", { isGlobal: false }), addressOf("192.0.2.2")],
    undefined,
    "192.0.2.2",
  ],
  [
    "none of another interface or family",
    [addressOf("192.0.2.9", { interfaceName: "lan0" }), addressOf("2001:db8::1"), addressOf("192.0.2.2")],
    undefined,
    "192.0.2.2",
  ],
];

test.each(cases)("of an interface is taken: %s", (_what, addresses, inUse, wanted) => {
  const before = inUse === undefined ? undefined : { localAddress: inUse, remoteAddress: "198.51.100.1" };
  expect(chooseEnds(wan0, ["198.51.100.1"], before, machine(addresses))).toEqual({
    localAddress: wanted,
    remoteAddress: "198.51.100.1",
  });
});

test("of IPv6 a global one comes before a unique local one, and a lasting one before a temporary one", () => {
  const addresses = [
    addressOf("fd00::1"),
    addressOf("2001:db8::aaaa", { isSecondary: true }),
    addressOf("2001:db8::1"),
  ];
  expect(chooseEnds(wan0, ["2001:db8:9::1"], undefined, machine(addresses))).toMatchObject({
    localAddress: "2001:db8::1",
  });
});

test("an interface without the address says what is missing", () => {
  const has4 = machine([addressOf("192.0.2.1")]);
  expect(chooseEnds(wan0, ["2001:db8::1"], undefined, has4)).toEqual({
    problem: "interface wan0 has no IPv6 address yet; see: ip address show dev wan0",
  });
  expect(chooseEnds(localEndOf("ppp0"), ["192.0.2.1"], undefined, has4)).toEqual({
    problem: "there is no interface ppp0 yet",
  });
});

test("the first address of the peer to which we have one is taken", () => {
  const remotes = ["2001:db8::1", "198.51.100.1", "198.51.100.2"];
  const wanted = { localAddress: "192.0.2.1", remoteAddress: "198.51.100.1" };
  expect(chooseEnds(wan0, remotes, undefined, machine([addressOf("192.0.2.1")]))).toEqual(wanted);
  const routed = machine([], { "198.51.100.1": "192.0.2.1" });
  expect(chooseEnds(localEndOf(undefined), remotes, undefined, routed)).toEqual(wanted);
  expect(chooseEnds(localEndOf("192.0.2.1"), remotes, undefined, machine([]))).toEqual(wanted);
});

test("without a route, or an address of the family of ours, it is said why", () => {
  expect(chooseEnds(localEndOf(undefined), ["198.51.100.1", "2001:db8::1"], undefined, machine([]))).toEqual({
    problem: "no route to 198.51.100.1",
  });
  expect(chooseEnds(localEndOf("192.0.2.1"), ["2001:db8::1"], undefined, machine([]))).toEqual({
    problem: "the peer has an address of IPv6 alone, and local is 192.0.2.1",
  });
});

test("for a peer of any address our end is that of the default route, of the first family with one", () => {
  const only6 = machine([], { "2000::1": "2001:db8::1" });
  expect(chooseEndsForAny(localEndOf(undefined), [4, 6], undefined, only6)).toEqual({
    localAddress: "2001:db8::1",
    remoteAddress: "::",
  });
  expect(chooseEndsForAny(wan0, [4, 6], undefined, machine([addressOf("192.0.2.1")]))).toEqual({
    localAddress: "192.0.2.1",
    remoteAddress: "0.0.0.0",
  });
  expect(chooseEndsForAny(wan0, [6], undefined, machine([addressOf("192.0.2.1")]))).toHaveProperty("problem");
});
