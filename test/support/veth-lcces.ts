import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askStatus } from "../../src/daemon/api-client.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { run } from "../../src/lab/command.ts";
import { eventually, MAIN } from "./lab.ts";
import { TestNamespace } from "./namespace.ts";

/**
 * Two hosts, each a container whose veth pair is the circuit itself, and their LCCEs with a veth pair for the
 * network between:
 *
 *     hostA - circuit [LCCE a] wan - wan [LCCE b] circuit - hostB
 *
 * With a TAP circuit the host is the namespace of LCCE a itself.
 */

/** One LCCE's part. */
export interface LcceShape {
  readonly plane: "ebpf" | "userspace";
  readonly circuit?: "interface" | "tap";
  /** Further keys of the tunnel, in YAML's flow style, such as `gso: offload`. */
  readonly keys?: string;
  /** Further keys of the pseudowire, such as `sublayer: default`. */
  readonly pseudowire?: string;
  /** Whether the daemon is started again whenever it ends, where its pins outlive it; default false. */
  readonly supervised?: boolean;
}

export interface VethShape {
  readonly family: 4 | 6;
  readonly encapsulation: "udp" | "ip";
  /** Of the network between; default 1600. */
  readonly wanMtu?: number;
  readonly a: LcceShape;
  readonly b: LcceShape;
}

const WAN = {
  4: { a: "203.0.113.1", b: "203.0.113.2", prefix: 24 },
  6: { a: "2001:db8::1", b: "2001:db8::2", prefix: 64 },
} as const;
export const HOSTS = {
  a: { 4: "198.51.100.1", 6: "2001:db8:5::1" },
  b: { 4: "198.51.100.2", 6: "2001:db8:5::2" },
} as const;
const WAN_MTU = 1600;

type End = "a" | "b";

export class VethLcces implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "wirespan-veth-"));
  readonly #daemons: ChildProcess[] = [];
  readonly #namespaces = new Map<string, TestNamespace>();
  readonly #shape: VethShape;
  #log = "";

  private constructor(shape: VethShape) {
    this.#shape = shape;
  }

  /** Builds it, and waits until a ping passes. */
  static async up(shape: VethShape): Promise<VethLcces> {
    const made = new VethLcces(shape);
    try {
      await made.#build();
      for (const end of ["a", "b"] as const) made.#start(end);
      await eventually(`a ping passes; ${made.#log}`, () => made.pings(4), 90_000);
      await eventually("status says so", async () => {
        const { pseudowires } = await made.status("a");
        return pseudowires.every(({ localCircuit }) => localCircuit === "up");
      });
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw new Error(`${String(error)}; ${made.#log}`);
    }
    return made;
  }

  host(end: End): TestNamespace {
    return this.#at(this.#shape[end].circuit === "tap" ? `lcce${end}` : `host${end}`);
  }

  lcce(end: End): TestNamespace {
    return this.#at(`lcce${end}`);
  }

  #at(name: string): TestNamespace {
    const found = this.#namespaces.get(name);
    if (found === undefined) throw new Error(`no namespace ${name}`);
    return found;
  }

  async #build(): Promise<void> {
    for (const name of ["hosta", "lccea", "lcceb", "hostb"])
      this.#namespaces.set(name, await TestNamespace.make(`wirespan-veth-${name}-${process.pid}`));
    const [a, b] = [this.lcce("a"), this.lcce("b")];
    const { family, wanMtu = WAN_MTU } = this.#shape;
    await a.ip(`link add wan mtu ${wanMtu} type veth peer name wan mtu ${wanMtu} netns ${b.name}`);
    for (const [end, lcce] of [
      ["a", a],
      ["b", b],
    ] as const) {
      await this.#address(lcce, "wan", [`${WAN[family][end]}/${WAN[family].prefix}`]);
      if (this.#shape[end].circuit === "tap") continue;
      await this.#addCircuit(end);
    }
  }

  async #address(namespace: TestNamespace, device: string, addresses: readonly string[]): Promise<void> {
    await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=0`);
    await namespace.ip(`link set ${device} up`);
    for (const address of addresses)
      await namespace.ip(`addr add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`);
  }

  #socket(end: End): string {
    return join(this.#folder, `${end}.sock`);
  }

  /** Its daemon takes over a file in which the pseudowire has other keys. */
  async reload(end: End, pseudowire: string): Promise<void> {
    this.#write(end, pseudowire);
    const command = ["ip", "netns", "exec", this.lcce(end).name, process.execPath, MAIN];
    await run([...command, "reload", "--socket", this.#socket(end)]);
  }

  /** Its circuit's interface goes, and one of the same name comes, with the host at its other end. */
  async renewCircuit(end: End): Promise<void> {
    await this.lcce(end).ip("link delete circuit");
    await this.#addCircuit(end);
  }

  async #addCircuit(end: End): Promise<void> {
    const [lcce, host] = [this.lcce(end), this.host(end)];
    await lcce.ip(`link add circuit type veth peer name eth0 netns ${host.name}`);
    await lcce.ip("link set circuit up");
    await this.#address(host, "eth0", hostAddresses(end));
  }

  /** The process of its daemon; undefined while none answers. */
  async pid(end: End): Promise<number | undefined> {
    return (await this.status(end).catch(() => undefined))?.pid;
  }

  async #pidSoon(end: End): Promise<number> {
    let pid: number | undefined;
    const answers = async () => {
      pid = await this.pid(end);
      return pid !== undefined;
    };
    await eventually(`the daemon of ${end} answers`, answers);
    return pid as unknown as number;
  }

  #write(end: End, pseudowire: string | undefined): string {
    const { family, encapsulation } = this.#shape;
    const { plane, circuit = "interface", keys } = this.#shape[end];
    const other = end === "a" ? "b" : "a";
    const zero = family === 6 && encapsulation === "udp" ? ["udp_checksum: zero"] : [];
    const attached = circuit === "tap" ? "tap: pw0" : "interface: circuit";
    const lan = [`circuit: { ${attached} }`, ...(pseudowire === undefined ? [] : [pseudowire])];
    const tunnel = [
      `local: "${WAN[family][end]}", remote: "${WAN[family][other]}", encapsulation: ${encapsulation}`,
      ...zero,
      ...(keys === undefined ? [] : [keys]),
      `pseudowires: { lan: { ${lan.join(", ")} } }`,
    ].join(", ");
    const file = join(this.#folder, `${end}.yaml`);
    const lcce = `host_name: ${end}, control_socket: ${this.#socket(end)}`;
    writeFileSync(file, `plane: ${plane}\nlcce: { ${lcce} }\ntunnels: { t: { ${tunnel} } }\n`);
    return file;
  }

  #start(end: End): void {
    const { pseudowire, supervised = false } = this.#shape[end];
    const daemonWords = [process.execPath, MAIN, "run", "--config", this.#write(end, pseudowire)];
    const script = `mount -t bpf bpf /sys/fs/bpf; while :; do ${daemonWords.join(" ")}; done`;
    const words = supervised ? ["sh", "-c", script] : daemonWords;
    const daemon = spawn("ip", ["netns", "exec", this.lcce(end).name, ...words], { stdio: "pipe" });
    for (const stream of [daemon.stdout, daemon.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#log += text;
      });
    this.#daemons.push(daemon);
  }

  /** Whether host b answers host a; gives a TAP device its addresses once it is there. */
  async pings(version: 4 | 6): Promise<boolean> {
    for (const end of ["a", "b"] as const)
      if (this.#shape[end].circuit === "tap") await this.#addressTap(end);
    const command = ["ip", "netns", "exec", this.host("a").name, "ping", "-qc1", "-W1", HOSTS.b[version]];
    return (await run(command, { accept: [0, 1, 2] })).status === 0;
  }

  async #addressTap(end: End): Promise<void> {
    await this.lcce(end).exec("sysctl", "-qw", "net.ipv6.conf.pw0.disable_ipv6=0");
    // The device may be made at this very moment, and then refuses an IPv6 address: it is asked again.
    for (const address of hostAddresses(end)) {
      const words = `addr replace ${address} dev pw0${address.includes(":") ? " nodad" : ""}`.split(" ");
      await run(["ip", "-n", this.lcce(end).name, ...words], { accept: [0, 1, 2] });
    }
    await this.lcce(end).exec("ip", "link", "set", "pw0", "up");
  }

  status(end: End): Promise<StatusReport> {
    return askStatus(this.#socket(end));
  }

  get log(): string {
    return this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pids: number[] = [];
    for (const end of ["a", "b"] as const)
      if (this.#shape[end].supervised === true) pids.push(await this.#pidSoon(end));
    const ended = this.#daemons.map(async (daemon) => {
      const closed = new Promise((resolve) => daemon.once("close", resolve));
      if (daemon.exitCode === null && daemon.kill("SIGTERM")) await closed;
    });
    // Nobody starts it again now.
    for (const pid of pids) await endProcess(pid);
    await Promise.all(ended);
    for (const namespace of this.#namespaces.values()) await namespace[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function endProcess(pid: number): Promise<void> {
  const send = (signal: "SIGTERM" | 0) => {
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  };
  send("SIGTERM");
  await eventually("the daemon ends", async () => !send(0));
}

const hostAddresses = (end: End) => [`${HOSTS[end][4]}/24`, `${HOSTS[end][6]}/64`];
