import { afterAll, beforeAll, expect, test } from "vitest";
import { readAddresses } from "../../src/os/addresses.ts";
import { readHostNetwork } from "../../src/os/host-network.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { withNetlink } from "../../src/os/netlink.ts";
import { TestNamespace } from "../support/namespace.ts";

let namespace: TestNamespace;
let entered: Disposable;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-host-network");
  await namespace.exec("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0");
  entered = namespace.enter();
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

async function ip(...lines: readonly string[]): Promise<void> {
  for (const words of lines) await namespace.ip(words);
}

async function interfaceOf(name: string) {
  return (await readHostNetwork()).find((one) => one.name === name);
}

test("interfaces are told with what they stand on and what they are ports of", async () => {
  await ip(
    "link add link left name mac type macvlan",
    "link add br0 type bridge",
    "link set right master br0",
  );
  const [left, right, bridge] = ["left", "right", "br0"].map((name) => ifNameToIndex(name));
  expect(await interfaceOf("mac")).toMatchObject({ kind: "macvlan", lower: left, vlanId: undefined });
  expect(await interfaceOf("right")).toMatchObject({ index: right, kind: "veth", master: bridge });
  // The other end of a pair is no lower interface.
  expect(await interfaceOf("right")).toMatchObject({ lower: undefined });
  expect(await interfaceOf("br0")).toMatchObject({ kind: "bridge", master: undefined, addresses: [] });
  expect(await interfaceOf("nobody")).toBeUndefined();
  await ip("link delete mac", "link delete br0");
});

test.each([
  ["an address of IPv4", ["addr add 198.51.100.1/24 dev d0"], ["198.51.100.1"], true],
  ["an address of IPv6", ["addr add 2001:db8::1/64 dev d0 nodad"], ["2001:db8::1"], true],
  ["no more than a link-local address", ["addr add 169.254.1.1/32 dev d0"], [], false],
  ["an address without a network", ["addr add 2001:db8::1/128 dev d0 nodad"], ["2001:db8::1"], true],
  ["a route without an address", ["route add 203.0.113.0/24 dev d0"], [], true],
  ["a route over IPv6", ["-6 route add 2001:db8:7::/64 dev d0"], [], true],
  ["nothing", [], [], false],
])("with %s an interface is told so", async (_, lines, addresses, hasRoutes) => {
  await ip("link add d0 type veth peer name d1", "link set d1 up", "link set d0 up", ...lines);
  expect(await interfaceOf("d0")).toMatchObject({ addresses, hasRoutes });
  await ip("link delete d0");
});

test("routes that refuse lead out nowhere", async () => {
  await ip(
    "link set lo up",
    "-6 route add unreachable 2001:db8:8::/64",
    "route add blackhole 203.0.114.0/24",
  );
  expect(await interfaceOf("lo")).toMatchObject({ hasRoutes: false });
});

/** The addresses of an interface that may be used. */
const usable = (name: string) =>
  withNetlink("route", readAddresses).filter(({ interfaceName }) => interfaceName === name);

test("addresses are told with what the kernel says of each, and gone when they are", async () => {
  await ip(
    "link add a0 type veth peer name a1",
    "link set a1 up",
    "link set a0 addrgenmode none",
    "link set a0 up",
    "addr add 198.51.100.1/24 dev a0",
    "addr add 198.51.100.2/24 dev a0",
    "addr add 198.51.100.77 peer 203.0.113.77/32 dev a0",
    "addr add 169.254.7.7/16 dev a0 scope link",
    "addr add 2001:db8::1/64 dev a0 nodad",
    "addr add 2001:db8::2/64 dev a0 nodad preferred_lft 0",
    "addr add fe80::7/64 dev a0 nodad",
  );
  const usual = { interfaceName: "a0", isSecondary: false, isDeprecated: false, isGlobal: true };
  const found = [...usable("a0")].sort((one, two) => (one.address < two.address ? -1 : 1));
  expect(found.filter(({ family }) => family === 4)).toEqual([
    { ...usual, family: 4, address: "169.254.7.7", isGlobal: false },
    { ...usual, family: 4, address: "198.51.100.1" },
    { ...usual, family: 4, address: "198.51.100.2", isSecondary: true },
    { ...usual, family: 4, address: "198.51.100.77" },
  ]);
  expect(found.filter(({ family }) => family === 6)).toEqual([
    { ...usual, family: 6, address: "2001:db8::1" },
    { ...usual, family: 6, address: "2001:db8::2", isDeprecated: true },
    { ...usual, family: 6, address: "fe80::7", isGlobal: false },
  ]);
  await ip("addr del 198.51.100.77 peer 203.0.113.77/32 dev a0", "addr del 2001:db8::1/64 dev a0");
  const left = usable("a0").map(({ address }) => address);
  expect(left).not.toContain("198.51.100.77");
  expect(left).not.toContain("2001:db8::1");
  await ip("link delete a0");
  expect(usable("a0")).toEqual([]);
});

test("an address that is tentative may not be used, unless it is optimistic (RFC 4429)", async () => {
  // Without carrier the kernel does not get on with its search for duplicates.
  await ip("link add t0 type veth peer name t1", "link set t0 up");
  await ip("addr add 2001:db8:1::1/64 dev t0");
  expect(usable("t0")).toEqual([]);
  await namespace.exec("sysctl", "-qw", "net.ipv6.conf.t0.optimistic_dad=1");
  await ip("addr add 2001:db8:1::2/64 dev t0 optimistic");
  const optimistic = usable("t0").map(({ address }) => address);
  expect(["2001:db8:1::2"]).toEqual(expect.arrayContaining(optimistic));
  expect(optimistic).not.toContain("2001:db8:1::1");
  await ip("addr add 2001:db8:1::3/64 dev t0 nodad");
  expect(usable("t0").map(({ address }) => address)).toContain("2001:db8:1::3");
  await ip("link delete t0");
});
