import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { close, ifNameToIndex } from "../../src/os/libc.ts";
import { reportPathMtu } from "../../src/os/path-mtu-report.ts";
import { openPathMtuSocket } from "../../src/os/path-mtu-socket.ts";
import { OWN_ADDRESS, PathMtus } from "../../src/os/path-mtus.ts";
import { openPsnSocket } from "../../src/os/sockets.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { TestNamespace } from "../support/namespace.ts";
import { withoutCapability } from "../support/without-capability.ts";

let namespace: TestNamespace;
let entered: Disposable;
let mtus: PathMtus;
let left: number;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-kernel-mtus");
  for (const key of ["all", "lo", "left"])
    await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${key}.disable_ipv6=0`);
  entered = namespace.enter();
  for (const words of [
    "link set lo up",
    "addr add 2001:db8::1/64 dev left nodad",
    "addr add fe80::1/64 dev left nodad",
    "route add 198.51.101.0/24 via 192.0.2.9 mtu 1300",
    "route add unreachable 198.51.103.0/24",
    "route add prohibit 198.51.104.0/24",
    "route add blackhole 198.51.105.0/24",
    "-6 route add 2001:db8:1::/64 via 2001:db8::9 mtu 1290",
    "-6 route add unreachable 2001:db8:2::/64",
  ])
    await namespace.ip(words);
  left = ifNameToIndex("left");
  mtus = PathMtus.open();
});

afterAll(async () => {
  mtus[Symbol.dispose]();
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

const localOf = (remoteAddress: string) => {
  if (remoteAddress.startsWith("fe80")) return "fe80::1%left";
  return remoteAddress.includes(":") ? "2001:db8::1" : "192.0.2.1";
};
const pathTo = (remoteAddress: string) => ({ remoteAddress, localAddress: localOf(remoteAddress) });

/** TABLE: remotes, the MTU of the route to them, and why nothing can be sent to them. */
const remotes: readonly (readonly [string, number | "none" | "no route", string?])[] = [
  ["192.0.2.7", "none"],
  ["198.51.101.7", 1300],
  ["203.0.113.1", "no route", "ENETUNREACH"],
  ["198.51.103.7", "no route", "EHOSTUNREACH"],
  ["198.51.104.7", "no route", "EACCES"],
  ["198.51.105.7", "no route", "EINVAL"],
  ["192.0.2.255", "none", "EACCES"],
  ["2001:db8::7", "none"],
  ["2001:db8:1::7", 1290],
  ["2001:db8:2::7", "no route", "EHOSTUNREACH"],
  ["2001:db8:ffff::7", "no route", "ENETUNREACH"],
  ["fe80::7%left", "none"],
];

test("many paths are told by one call, each at its place", () => {
  const count = 40;
  const rows = Array.from({ length: count }, (_, index) => remotes[index % remotes.length] ?? ["", "none"]);
  const paths = rows.map(([remote]) => pathTo(remote));
  const found = mtus.query(paths);
  const expected = rows.map(([, mtu]) => {
    if (mtu === "no route") return undefined;
    const known = mtu === "none" ? undefined : mtu;
    return { interfaceIndex: left, mtu: known, routeMtu: known };
  });
  expect(found).toEqual(expected);
  expect(mtus.sendErrors(paths)).toEqual(rows.map(([, , error]) => error));
  expect([mtus.query([]), mtus.sendErrors([])]).toEqual([[], []]);
});

test.each(["192.0.2.1", "2001:db8::1"])("%s is our own: nothing leaves for it", (address) => {
  expect(mtus.sendErrors([{ remoteAddress: address, localAddress: address }])).toEqual([OWN_ADDRESS]);
});

test("from an address that is nobody's there is no path", () => {
  const paths = [{ remoteAddress: "203.0.113.1", localAddress: "192.0.2.77" }];
  expect([mtus.query(paths), mtus.sendErrors(paths)]).toEqual([
    [undefined],
    [expect.stringMatching(/^(EINVAL|ENETUNREACH)$/)],
  ]);
});

describe("what the kernel is told of a path it tells of that path alone", () => {
  test.each([
    ["udp", "192.0.2.20", "192.0.2.21", undefined],
    ["ip", "192.0.2.30", "192.0.2.31", undefined],
    ["udp", "198.51.101.20", "198.51.101.21", 1300],
    ["udp", "2001:db8::20", "2001:db8::21", undefined],
    ["ip", "2001:db8::30", "2001:db8::31", undefined],
    ["ip", "2001:db8:1::30", "2001:db8:1::31", 1290],
  ] as const)("over %s to %s, not %s", (encapsulation, remote, other, routeMtu) => {
    const address = localOf(remote);
    const options = { fragmentation: "outer", checksum: "auto" } as const;
    const socket = openPsnSocket({ ...options, encapsulation, address, port: 0 });
    // Over IPv6 the kernel heeds the report about protocol 115 for such a socket alone.
    const heeding = encapsulation === "ip" && address.includes(":") ? [openPathMtuSocket(address)] : [];
    const ports = encapsulation === "udp" ? [socket.port, 1701] : [0, 0];
    const [localPort = 0, remotePort = 0] = ports;
    const path: PsnPath = {
      encapsulation,
      localAddress: address,
      remoteAddress: remote,
      localPort,
      remotePort,
    };
    try {
      reportPathMtu(path, 1280);
      expect(mtus.query([pathTo(remote), pathTo(other)])).toEqual([
        { interfaceIndex: left, mtu: 1280, routeMtu },
        { interfaceIndex: left, mtu: routeMtu, routeMtu },
      ]);
    } finally {
      for (const fd of [socket.fd, ...heeding]) close(fd);
    }
  });
});

test.each(["192.0.2.40", "2001:db8::40"])(
  "without CAP_NET_RAW the kernel is told nothing of %s",
  (remote) => {
    const ends = { encapsulation: "ip", localPort: 0, remotePort: 0 } as const;
    expect(() =>
      withoutCapability("CAP_NET_RAW", () => reportPathMtu({ ...ends, ...pathTo(remote) }, 1280)),
    ).toThrow(`open a socket: EPERM (the path MTU to ${remote}); ICMP needs CAP_NET_RAW`);
    expect(mtus.query([pathTo(remote)])).toEqual([
      { interfaceIndex: left, mtu: undefined, routeMtu: undefined },
    ]);
  },
);

test("from an address that is nowhere the kernel is told nothing", () => {
  const path = { encapsulation: "ip", localAddress: "203.0.113.5", remoteAddress: "192.0.2.41" } as const;
  expect(() => reportPathMtu({ ...path, localPort: 0, remotePort: 0 }, 1280)).toThrow(
    "tell the kernel: ENETUNREACH (the path MTU to 192.0.2.41)",
  );
});
