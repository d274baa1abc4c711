import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { routeTo, watchRoutes } from "../../src/os/routes.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

let namespace: TestNamespace;
let entered: Disposable;
let left: number;

const ip = (words: string) => run(["ip", ...words.split(" ")]);

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-routes");
  await namespace.exec("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0");
  entered = namespace.enter();
  left = ifNameToIndex("left");
  await ip("link set left mtu 1400");
  await ip("addr add 2001:db8::1/64 dev left nodad");
  await ip("addr add fe80::1/64 dev left nodad");
  await ip("route add 198.51.100.0/24 via 192.0.2.9");
  await ip("route add 198.51.101.0/24 via 192.0.2.9 mtu 1300");
  await ip("route add 198.51.102.0/24 via inet6 fe80::9 dev left");
  await ip("route add unreachable 198.51.103.0/24");
  await ip("route add prohibit 198.51.104.0/24");
  await ip("route add blackhole 198.51.105.0/24");
  await ip("-6 route add 2001:db8:1::/64 via 2001:db8::9 mtu 1290");
  await ip("-6 route add unreachable 2001:db8:2::/64");
  await ip("-6 route add blackhole 2001:db8:3::/64");
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

describe("a route is what the kernel says", () => {
  test.each([
    ["192.0.2.7", "192.0.2.1", "192.0.2.7", 1400],
    ["198.51.100.7", "192.0.2.1", "192.0.2.9", 1400],
    ["198.51.101.7", "192.0.2.1", "192.0.2.9", 1300],
    ["198.51.102.7", "192.0.2.1", "fe80::9", 1400],
    ["2001:db8::7", "2001:db8::1", "2001:db8::7", 1400],
    ["2001:db8:1::7", "2001:db8::1", "2001:db8::9", 1290],
    ["fe80::7%left", "fe80::1%left", "fe80::7", 1400],
  ])("to %s from %s by %s with an MTU of %d", async (remote, local, nextHopText, mtu) => {
    const found = await routeTo(remote, local);
    expect(found).toMatchObject({ interfaceIndex: left, nextHopText, mtu, isLocal: false });
    expect(found.nextHop.length).toBe(nextHopText.includes(":") ? 16 : 4);
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
  ])("to %s, which is our own", async (remote, local) => {
    expect(await routeTo(remote, local)).toMatchObject({ isLocal: true, nextHopText: remote });
  });

  test.each([
    ["203.0.113.1", "192.0.2.1", "ENETUNREACH", "there is no route"],
    ["2001:db8:ffff::1", "2001:db8::1", "ENETUNREACH", "there is no route"],
    ["198.51.103.7", "192.0.2.1", "EHOSTUNREACH", "unreachable"],
    ["198.51.104.7", "192.0.2.1", "EACCES", "prohibit"],
    ["198.51.105.7", "192.0.2.1", "EINVAL", "blackhole"],
    ["2001:db8:2::7", "2001:db8::1", "EHOSTUNREACH", "unreachable"],
    ["2001:db8:3::7", "2001:db8::1", "EINVAL", "blackhole"],
    ["198.51.100.7", "192.0.2.77", /EINVAL|ENETUNREACH/, "192.0.2.77 is no address of this machine"],
    ["224.0.0.5", "192.0.2.1", "EHOSTUNREACH", "type multicast"],
    ["fe80::7%nobody", "fe80::1", "ENODEV", "no such interface"],
  ])("to %s from %s there is none: %s", async (remote, local, errno, words) => {
    await expect(routeTo(remote, local)).rejects.toMatchObject({
      name: expect.stringMatching(/^(System|Netlink)Error$/),
      errno: expect.stringMatching(errno),
      message: expect.stringContaining(words),
    });
  });
});

describe("changes of routes are told", () => {
  test.each([
    ["a route", "route add 203.0.113.0/24 dev left"],
    ["a route over IPv6", "-6 route add 2001:db8:4::/64 dev left"],
    ["an address", "addr add 192.0.2.100/24 dev left"],
    ["an address over IPv6", "addr add 2001:db8::100/64 dev left nodad"],
    ["a rule", "rule add from 192.0.2.1 table 77"],
    ["an interface", "link set left mtu 1401"],
    ["a next hop", "nexthop add id 7 via 192.0.2.9 dev left"],
  ])("%s", async (_, words) => {
    let calls = 0;
    const watch = watchRoutes(() => (calls += 1));
    try {
      await ip(words);
      await eventually("the change is told", () => calls > 0);
    } finally {
      watch.close();
      watch.close();
    }
  });

  test("a crowd of them by few calls, and after the end none", async () => {
    const calls: number[] = [];
    const watch = watchRoutes(() => calls.push(performance.now()));
    for (let octet = 1; octet <= 20; octet += 1) await ip(`route add 203.0.${octet}.0/24 dev left`);
    await eventually("the changes are told", () => calls.length > 0);
    const gaps = calls.slice(1).map((at, index) => at - (calls[index] ?? 0));
    expect(Math.min(...gaps, 1000)).toBeGreaterThan(150);
    watch.close();
    const told = calls.length;
    const next = watchRoutes(() => calls.push(-1));
    await ip("route add 203.0.200.0/24 dev left");
    await eventually("another watcher is told", () => calls.includes(-1));
    next.close();
    expect(calls.slice(told).filter((at) => at !== -1)).toEqual([]);
  });
});
