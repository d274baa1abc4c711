import { closeSync, readdirSync } from "node:fs";
import { addressText } from "../../src/bytes/ip-address.ts";
import type { CounterName } from "../../src/forwarding/counters-table.ts";
import { run } from "../../src/lab/command.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { addressOf, errno, errnoName, linux, recvmmsg, setsockopt } from "../../src/os/libc.ts";
import { openPsnSocket, SOCKADDR_OCTETS, sendDatagram } from "../../src/os/sockets.ts";
import type { Encapsulation, PsnPath } from "../../src/wire/session-parameters.ts";
import { TestNamespace } from "./namespace.ts";

/**
 * Real devices with a plane between them, and both of its sides in the test's hands:
 *
 *     outside             here, where the plane is            outside
 *     site  ------------- circuit       left  --------------- right
 *     frames                            .1, ::1               .2, ::2: sockets of the peer
 */

const MOST_OCTETS = 66_000;
const DEVICE_MTU = 9216;
const ends = {
  4: { local: "192.0.2.1", remote: "192.0.2.2" },
  6: { local: "2001:db8::1", remote: "2001:db8::2" },
} as const;

/** Options of Linux that only a peer of tests wants. */
const SO_NO_CHECK = 11;
const SO_DETACH_FILTER = 27;
const UDP_NO_CHECK6_TX = 101;

export type Family = keyof typeof ends;

/** The path of a session between both ends, seen from the plane. */
export function pathBetween(family: Family, encapsulation: Encapsulation): PsnPath {
  const port = encapsulation === "udp" ? 1701 : 0;
  const { local, remote } = ends[family];
  return {
    encapsulation,
    localAddress: local,
    localPort: port,
    remoteAddress: remote,
    remotePort: port,
  };
}

/** The path to the same end from another peer: another port, or where there are none, another address. */
export function strangerPath(path: PsnPath): PsnPath {
  if (path.encapsulation === "udp") return { ...path, remotePort: path.remotePort + 1 };
  return { ...path, remoteAddress: path.remoteAddress.replace(/2$/, "3") };
}

/** The same path once the peer has another address, and another port where it has one. */
export function movedPath(path: PsnPath): PsnPath {
  const remoteAddress = path.remoteAddress.replace(/2$/, "3");
  return { ...path, remoteAddress, remotePort: path.remotePort === 0 ? 0 : path.remotePort + 2 };
}

function setOption(fd: number, level: number, option: number, value: number): void {
  const cell = new Uint8Array(new Int32Array([value]).buffer);
  if (setsockopt(fd, level, option, addressOf(cell), 4) !== 0)
    throw new Error(`set option ${option} of level ${level} of a socket: ${errnoName(errno())}`);
}

/** The peer's socket. It hears only what comes from the plane's address, and fails on anything else. */
export class PeerSocket implements Disposable {
  readonly #fd: number;
  readonly #path: PsnPath;
  readonly #octets = new Uint8Array(MOST_OCTETS);
  readonly #name = new Uint8Array(SOCKADDR_OCTETS);
  readonly #vector = new BigUint64Array([BigInt(addressOf(this.#octets)), BigInt(MOST_OCTETS)]);

  /** `path` is the session's, seen from the plane. */
  constructor(path: PsnPath) {
    const { encapsulation, remoteAddress, remotePort } = path;
    this.#path = {
      encapsulation,
      localAddress: remoteAddress,
      localPort: remotePort,
      remoteAddress: path.localAddress,
      remotePort: path.localPort,
    };
    const settings = { fragmentation: "outer", checksum: "zero", coalesces: false } as const;
    this.#fd = openPsnSocket({ ...settings, encapsulation, address: remoteAddress, port: remotePort }).fd;
    if (encapsulation === "ip") setOption(this.#fd, linux.SOL_SOCKET, SO_DETACH_FILTER, 0);
  }

  /** Whether the UDP datagrams that it sends have checksums; they do unless it is said. */
  setChecksums(on: boolean): void {
    if (this.#path.encapsulation === "ip") return;
    const isV6 = this.#path.localAddress.includes(":");
    if (isV6) setOption(this.#fd, linux.SOL_UDP, UDP_NO_CHECK6_TX, on ? 0 : 1);
    else setOption(this.#fd, linux.SOL_SOCKET, SO_NO_CHECK, on ? 0 : 1);
  }

  send(octets: Uint8Array): void {
    const refused = sendDatagram(this.#fd, octets, this.#path);
    if (refused !== undefined) throw new Error(`the peer could not send: ${refused}`);
  }

  /** The payload of the next datagram that waits; undefined when there is none. */
  receive(): Uint8Array | undefined {
    const bytes = (array: BigUint64Array) => new Uint8Array(array.buffer);
    const name = [BigInt(addressOf(this.#name)), BigInt(SOCKADDR_OCTETS)] as const;
    const vector = BigInt(addressOf(bytes(this.#vector)));
    const message = new BigUint64Array([...name, vector, 1n, 0n, 0n, 0n, 0n]);
    if (recvmmsg(this.#fd, addressOf(bytes(message)), 1, linux.MSG_DONTWAIT, 0) !== 1) return undefined;
    this.#checkSender();
    const octets = this.#octets.slice(0, Number(message[7]! & 0xffff_ffffn));
    // A raw socket of IPv4 gives the header too.
    const isRaw4 = this.#path.encapsulation === "ip" && !this.#path.localAddress.includes(":");
    return isRaw4 ? octets.subarray((octets[0]! & 0xf) * 4) : octets;
  }

  #checkSender(): void {
    const isV6 = this.#path.localAddress.includes(":");
    const address = addressText(isV6 ? this.#name.subarray(8, 24) : this.#name.subarray(4, 8));
    const port = this.#path.encapsulation === "udp" ? new DataView(this.#name.buffer).getUint16(2) : 0;
    const { remoteAddress, remotePort } = this.#path;
    if (address !== remoteAddress || port !== remotePort)
      throw new Error(`a datagram from ${address} port ${port}, not from the plane`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

export class PlaneTestBed implements AsyncDisposable {
  /** The discard reasons that were counted here so far. */
  readonly reasons = new Set<string>();
  /** The counters that were not 0 here, of sessions that the plane on top carried. */
  readonly counters = new Set<CounterName>();
  readonly #here: TestNamespace;
  readonly #outside: TestNamespace;
  readonly #entered: Disposable;

  private constructor(here: TestNamespace, outside: TestNamespace) {
    this.#here = here;
    this.#outside = outside;
    this.#entered = here.enter();
  }

  /** Makes it; this thread is in the plane's namespace until it is disposed of. Rejects with CommandError. */
  static async make(): Promise<PlaneTestBed> {
    const here = await TestNamespace.make(`wirespan-plane-${process.pid}`);
    const outside = await TestNamespace.make(`wirespan-outside-${process.pid}`);
    await outside.ip("link delete left");
    await here.ip(`link set right netns ${outside.name}`);
    for (const octet of [2, 3]) await outside.ip(`addr add 192.0.2.${octet}/24 dev right`);
    for (const [namespace, device, address] of [
      [here, "left", "2001:db8::1/64"],
      [outside, "right", "2001:db8::2/64"],
      [outside, "right", "2001:db8::3/64"],
    ] as const) {
      await namespace.ip(`link set ${device} up mtu ${DEVICE_MTU}`);
      await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=0`);
      await namespace.ip(`addr add ${address} dev ${device} nodad`);
    }
    const testBed = new PlaneTestBed(here, outside);
    await testBed.addCircuit();
    return testBed;
  }

  /** The veth pair of the circuit and the site. */
  async addCircuit(): Promise<void> {
    const there = `netns ${this.#outside.name}`;
    await this.#here.ip(
      `link add circuit mtu ${DEVICE_MTU} type veth peer name site mtu ${DEVICE_MTU} ${there}`,
    );
    await this.#here.ip("link set circuit up");
    await this.#outside.ip("link set site up");
  }

  /** Runs ip(8) where the plane is. */
  async ip(words: string): Promise<void> {
    await this.#here.ip(words);
  }

  /** The attached hosts: behind an interface, or on a device that the plane made, which is raised. */
  async site(kind: "interface" | "tap", device: string): Promise<FrameSocket> {
    if (kind === "interface") return this.#outside.inside(() => new FrameSocket("site"));
    await this.#here.exec("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=1`);
    await this.#here.ip(`link set ${device} up`);
    const socket = new FrameSocket(device);
    // As the host's own stack does, and so past the programs that stand at the egress.
    setOption(socket.fd, linux.SOL_PACKET, linux.PACKET_QDISC_BYPASS, 0);
    return socket;
  }

  peer(path: PsnPath): PeerSocket {
    return this.#outside.inside(() => new PeerSocket(path));
  }

  /**
   * What a plane could leave behind here: interfaces, and whether they hear all frames; descriptors of this
   * process.
   */
  async leftovers(): Promise<{
    readonly interfaces: Readonly<Record<string, number>>;
    readonly descriptors: number;
  }> {
    const descriptors = readdirSync("/proc/self/fd").length;
    const { stdout } = await run(["ip", "-n", this.#here.name, "-d", "-j", "link", "show"]);
    const links = JSON.parse(stdout) as readonly { readonly ifname: string; readonly promiscuity: number }[];
    return {
      interfaces: Object.fromEntries(links.map(({ ifname, promiscuity }) => [ifname, promiscuity])),
      descriptors,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#entered[Symbol.dispose]();
    for (const namespace of [this.#here, this.#outside]) await namespace[Symbol.asyncDispose]();
  }
}
