import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { IcmpSocket } from "../../src/os/icmp-socket.ts";
import { decodeIcmpEcho, encodeIcmpEcho, type IcmpEcho } from "../../src/wire/icmp-echo.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { withoutCapability } from "../support/without-capability.ts";

let near: TestNamespace;
let far: TestNamespace;
let entered: Disposable;

beforeAll(async () => {
  near = await TestNamespace.make("wst-icmp-near");
  far = await TestNamespace.make("wst-icmp-far");
  entered = near.enter();
  await near.ip("link delete left");
  await near.ip(`link add left type veth peer name near netns ${far.name}`);
  for (const [namespace, device] of [
    [near, "left"],
    [far, "near"],
  ] as const) {
    for (const key of ["all", device])
      await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${key}.disable_ipv6=0`);
    await namespace.ip(`link set ${device} up`);
  }
  await far.ip("addr del 192.0.2.1/24 dev left");
  for (const [namespace, device, host] of [
    [near, "left", 1],
    [far, "near", 2],
  ] as const)
    for (const address of [`192.0.2.${host}/24`, `2001:db8::${host}/64`]) {
      const words = address.includes(":") ? " nodad" : "";
      await namespace.ip(`addr add ${address} dev ${device}${words}`);
    }
  await near.ip("route add prohibit 198.51.100.0/24");
  await near.ip("-6 route add prohibit 2001:db8:1::/64");
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await near[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

const request = (sequence: number, octets = 3): IcmpEcho => ({
  kind: "request",
  identifier: 0x1234,
  sequence,
  data: new Uint8Array(octets).fill(sequence),
});

/** The next echo reply and who sent it. */
async function reply(socket: IcmpSocket, version: 4 | 6) {
  let found: { readonly from: string; readonly echo: IcmpEcho | undefined } | undefined;
  await eventually("a reply comes", () => {
    const received = socket.receive();
    if (received === undefined) return false;
    const echo = decodeIcmpEcho(version, received.message.slice());
    found = { from: received.remoteAddress, echo };
    return true;
  });
  return found;
}

describe.each([
  ["raw", (local: string) => IcmpSocket.open(local)],
  ["for everybody", (local: string) => withoutCapability("CAP_NET_RAW", () => IcmpSocket.open(local))],
])("a socket that is %s", (kind, open) => {
  beforeAll(() => near.exec("sysctl", "-qw", "net.ipv4.ping_group_range=0 0"));

  test.each([
    ["192.0.2.1", "192.0.2.2", 4],
    ["2001:db8::1", "2001:db8::2", 6],
  ] as const)("has requests of %s answered by %s", async (local, remote, version) => {
    const socket = open(local);
    expect(socket.receive()).toBeUndefined();
    for (const sequence of [1, 2]) {
      expect(socket.send(remote, encodeIcmpEcho(version, request(sequence)))).toBeUndefined();
      const found = await reply(socket, version);
      expect(found).toMatchObject({ from: remote, echo: { kind: "reply", sequence } });
      expect(toHex(found?.echo?.data ?? new Uint8Array(0))).toBe(`0${sequence}`.repeat(3));
      if (kind === "raw") expect(found?.echo?.identifier).toBe(0x1234);
    }
    expect(socket.receive()).toBeUndefined();
    socket.close();
  });

  test.each([
    ["192.0.2.1", "203.0.113.1", "ENETUNREACH", 4],
    ["192.0.2.1", "198.51.100.7", "EACCES", 4],
    ["2001:db8::1", "2001:db9::1", "ENETUNREACH", 6],
    ["2001:db8::1", "2001:db8:1::7", "EACCES", 6],
  ] as const)(
    "from %s to %s fails with %s, and serves others after",
    async (local, remote, errno, version) => {
      const socket = open(local);
      expect(socket.send(remote, encodeIcmpEcho(version, request(1)))).toBe(errno);
      const answering = version === 4 ? "192.0.2.2" : "2001:db8::2";
      expect(socket.send(answering, encodeIcmpEcho(version, request(2)))).toBeUndefined();
      expect(await reply(socket, version)).toMatchObject({ from: answering, echo: { sequence: 2 } });
      socket.close();
    },
  );

  test.each([
    ["192.0.2.1", "192.0.2.2", 4, 1500 - 28],
    ["2001:db8::1", "2001:db8::2", 6, 1500 - 48],
  ] as const)("from %s sends what the interface takes, and never in fragments", async (...row) => {
    const [local, remote, version, most] = row;
    const socket = open(local);
    expect(socket.send(remote, encodeIcmpEcho(version, request(1, most + 1)))).toBe("EMSGSIZE");
    expect(socket.send(remote, encodeIcmpEcho(version, request(2, most)))).toBeUndefined();
    const found = await reply(socket, version);
    expect(found?.echo).toMatchObject({ sequence: 2 });
    expect(found?.echo?.data).toHaveLength(most);
    socket.close();
  });

  test.each(["192.0.2.77", "2001:db8::77"])("at %s, which is not ours, is refused", (address) => {
    expect(() => open(address)).toThrow(
      expect.objectContaining({
        name: "SystemError",
        operation: "prepare a socket",
        errno: "EADDRNOTAVAIL",
        target: `ICMP on ${address}`,
      }),
    );
  });
});

test("a raw socket hears no requests, and replies to its own address alone", async () => {
  await near.ip("addr add 192.0.2.11/24 dev left");
  const [ours, other] = [IcmpSocket.open("192.0.2.1"), IcmpSocket.open("192.0.2.11")];
  const peer = far.inside(() => IcmpSocket.open("192.0.2.2"));
  expect(peer.send("192.0.2.1", encodeIcmpEcho(4, request(7)))).toBeUndefined();
  expect(await reply(peer, 4)).toMatchObject({ from: "192.0.2.1", echo: { sequence: 7 } });
  expect(other.send("192.0.2.2", encodeIcmpEcho(4, request(8)))).toBeUndefined();
  expect(await reply(other, 4)).toMatchObject({ from: "192.0.2.2", echo: { sequence: 8 } });
  expect(ours.receive()).toBeUndefined();
  for (const socket of [ours, other, peer]) socket.close();
});

test.each(["192.0.2.1", "2001:db8::1"])(
  "without any right to one at %s, it is told what gives it",
  async (local) => {
    await near.exec("sysctl", "-qw", "net.ipv4.ping_group_range=1 0");
    expect(() => withoutCapability("CAP_NET_RAW", () => IcmpSocket.open(local))).toThrow(
      /^open a socket: EACCES \(ICMP\); it needs CAP_NET_RAW, or net\.ipv4\.ping_group_range$/,
    );
  },
);
