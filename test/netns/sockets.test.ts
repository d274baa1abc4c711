import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { addressOf, close, linux, poll, read, setsockopt, write } from "../../src/os/libc.ts";
import { openPacketSocket, openPsnSocket, sendDatagram, VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { openTap } from "../../src/os/tap-device.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

let namespace: TestNamespace;
let entered: Disposable;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-sockets");
  for (const name of ["lo", "left"])
    await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=0`);
  entered = namespace.enter();
  for (const words of [
    "link set lo up",
    "addr add 2001:db8::1/64 dev left nodad",
    "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev left",
    "neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev left",
  ])
    await namespace.ip(words);
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

/** What a socket has to read now; undefined where it has nothing. */
function readNow(fd: number): Uint8Array | undefined {
  const waiting = new Int32Array([fd, linux.POLLIN]);
  if (poll(addressOf(new Uint8Array(waiting.buffer)), 1, 0) <= 0) return undefined;
  const octets = new Uint8Array(2048);
  const length = read(fd, addressOf(octets), octets.length);
  return octets.subarray(0, Math.max(0, length));
}

/** The next that a socket reads and that is of interest. */
async function next(fd: number, isIt: (octets: Uint8Array) => boolean = () => true): Promise<Uint8Array> {
  let found: Uint8Array | undefined;
  await eventually("something comes", () => {
    const octets = readNow(fd);
    if (octets !== undefined && isIt(octets)) found = octets;
    return found !== undefined;
  });
  return found ?? new Uint8Array(0);
}

const SO_NO_CHECK = 11;
const UDP_NO_CHECK6_TX = 101;

const text = (words: string) => new TextEncoder().encode(words);

function tell(fd: number, words: string, remoteAddress: string, remotePort: number): boolean {
  const path = { encapsulation: "udp", localAddress: "", localPort: 0, remoteAddress, remotePort } as const;
  return sendDatagram(fd, text(words), path) === undefined;
}

describe.each([
  ["192.0.2.1", "192.0.2.9", 0x0800, 20],
  ["2001:db8::1", "2001:db8::9", 0x86dd, 40],
])("UDP from %s", (local, remote, etherType, ipOctets) => {
  const open = (checksum: "auto" | "full" | "zero") =>
    openPsnSocket({ encapsulation: "udp", address: local, port: 0, fragmentation: "none", checksum });

  test("is sent with a checksum, and in groups, whatever the policy", async () => {
    for (const checksum of ["auto", "full", "zero"] as const) {
      const wire = openPacketSocket("right");
      const socket = open(checksum);
      expect(tell(socket.fd, "datagram", remote, 9)).toBe(true);
      const view = (octets: Uint8Array) =>
        new DataView(octets.buffer, octets.byteOffset + VNET_HEADER_OCTETS);
      const frame = await next(wire, (octets) => view(octets).getUint16(12) === etherType);
      expect(view(frame).getUint16(14 + ipOctets + 2)).toBe(9);
      expect(view(frame).getUint16(14 + ipOctets + 6)).not.toBe(0);
      expect(socket.takesSegments).toBe(true);
      close(socket.fd);
      close(wire);
    }
  });

  test("without a checksum is received over IPv4, and by sockets that allow it (RFC 6935 §5)", async () => {
    const bare = open("full");
    const [level, option] = local.includes(":")
      ? [linux.SOL_UDP, UDP_NO_CHECK6_TX]
      : [linux.SOL_SOCKET, SO_NO_CHECK];
    const one = new Uint8Array(new Int32Array([1]).buffer);
    expect(setsockopt(bare.fd, level, option, addressOf(one), 4)).toBe(0);
    const zero = open("zero");
    const full = open("full");
    tell(bare.fd, "bare", local, zero.port);
    expect(await next(zero.fd)).toEqual(text("bare"));
    tell(bare.fd, "bare", local, full.port);
    tell(zero.fd, "with a checksum", local, full.port);
    expect(await next(full.fd)).toEqual(text(local.includes(":") ? "with a checksum" : "bare"));
    for (const { fd } of [bare, zero, full]) close(fd);
  });
});

test("a packet socket that only sends is told of nothing, and has the interface promiscuous", async () => {
  const deaf = openPacketSocket("left", { receives: false });
  const hears = openPacketSocket("left");
  const peer = openPacketSocket("right", { receives: false });
  const octets = new Uint8Array(VNET_HEADER_OCTETS + 60);
  octets.set([2, 0, 0, 0, 0, 8, 2, 0, 0, 0, 0, 1, 0x88, 0xb5], VNET_HEADER_OCTETS);
  expect(write(peer, addressOf(octets), octets.length)).toBe(octets.length);
  expect((await next(hears)).subarray(VNET_HEADER_OCTETS, VNET_HEADER_OCTETS + 14)).toEqual(
    octets.subarray(VNET_HEADER_OCTETS, VNET_HEADER_OCTETS + 14),
  );
  expect(readNow(deaf)).toBeUndefined();
  close(hears);
  const promiscuity = async () =>
    JSON.parse((await run(["ip", "-json", "-details", "link", "show", "left"])).stdout)[0].promiscuity;
  expect(await promiscuity()).toBe(1);
  close(deaf);
  close(peer);
  expect(await promiscuity()).toBe(0);
});

test.each(["192.0.2", "2001:db8:"])(
  "an address or port in %s that cannot be taken says why, and what shows it",
  (net) => {
    const open = (address: string, port: number) =>
      openPsnSocket({ encapsulation: "udp", address, port, fragmentation: "outer", checksum: "auto" });
    const separator = net.includes(":") ? ":" : ".";
    const [own, other] = [`${net}${separator}1`, `${net}${separator}77`];
    expect(() => open(other, 1701)).toThrow(
      `bind a socket: EADDRNOTAVAIL (UDP ${other} port 1701); ` +
        `no interface that is up has the address ${other}, or it is still ` +
        `tentative; see: ip address show to ${other}`,
    );
    const first = open(own, 1701);
    expect(() => open(own, 1701)).toThrow(
      /EADDRINUSE .*another program has the port; see which: ss -ulpn sport = :1701/,
    );
    close(first.fd);
  },
);

test("a name that the kernel does not take for a TAP device is no lack of privileges", () => {
  expect(() => openTap("all", 1500)).toThrow(
    /^create a device: EINVAL \(TAP device all\); the kernel does not take this name; choose another one$/,
  );
});
