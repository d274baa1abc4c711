import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { askStatus } from "../../src/daemon/api-client.ts";
import type { PseudowireStatus, StatusReport } from "../../src/daemon/status.ts";
import { type CommandResult, run } from "../../src/lab/command.ts";
import { eventually, MAIN, wirespan } from "./lab.ts";

export type Site = "a" | "b";

/** Keys of a configuration, as in its file. */
export type Keys = Readonly<Record<string, unknown>>;

const ends = { a: ["192.0.2.1", "192.0.2.2"], b: ["192.0.2.2", "192.0.2.1"] } as const;
let made = 0;

/** A daemon that a test started, and what it wrote to its log. */
export class RunningDaemon {
  readonly child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #log = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    this.#ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves to the exit code. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Sends a signal and resolves to how long the process lived on, in milliseconds. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    const begunMs = performance.now();
    this.child.kill(signal);
    await this.#ended;
    return performance.now() - begunMs;
  }
}

/**
 * Two gateways `a` and `b` on one WAN (`wan0`, 192.0.2.0/24), each with a host behind `eth1` (10.0.0.1 and
 * 10.0.0.2), in network namespaces. Daemons are started by hand, in the mount namespace of the test, as on a
 * machine.
 */
export class Sites {
  readonly folder = mkdtempSync(join(tmpdir(), "wirespan-sites-"));
  readonly #name = `wss${process.pid}n${made++}`;
  readonly #daemons: RunningDaemon[] = [];

  static async make(): Promise<Sites> {
    const sites = new Sites();
    try {
      for (const name of ["a", "b", "ha", "hb"]) await run(["ip", "netns", "add", sites.namespace(name)]);
      await sites.#addPair("a", "wan0", "b", "wan0");
      for (const site of ["a", "b"] as const) {
        await sites.#addPair(site, "eth1", `h${site}`, "eth0");
        await sites.ip(site, `addr add ${ends[site][0]}/24 dev wan0`);
        await sites.ip(`h${site}`, `addr add 10.0.0.${site === "a" ? 1 : 2}/24 dev eth0`);
      }
      return sites;
    } catch (error) {
      await sites[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The name of the network namespace of a site or host. */
  namespace(name: string): string {
    return `${this.#name}${name}`;
  }

  async #addPair(here: string, name: string, there: string, peer: string): Promise<void> {
    const [one, other] = [this.namespace(here), this.namespace(there)];
    await run(["ip", "-n", one, "link", "add", name, "type", "veth", "peer", "name", peer, "netns", other]);
    await this.ip(here, `link set ${name} up`);
    await this.ip(there, `link set ${peer} up`);
  }

  async ip(name: string, words: string): Promise<void> {
    await run(["ip", "-n", this.namespace(name), ...words.split(" ")]);
  }

  /** Runs a program in a namespace: `a`, `b`, or a host, `ha` or `hb`. Any exit status will do. */
  exec(name: string, ...command: readonly string[]): Promise<CommandResult> {
    const accept = [0, 1, 2, 3, 4, 128 + 9, 255];
    return run(["nsenter", `--net=/run/netns/${this.namespace(name)}`, ...command], { accept });
  }

  /** A program that goes on in a namespace. */
  spawn(name: string, ...command: readonly string[]): ChildProcess {
    const words = [`--net=/run/netns/${this.namespace(name)}`, ...command];
    return spawn("nsenter", words, { stdio: ["ignore", "pipe", "pipe"] });
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  socket(name: string): string {
    return this.file(`${name}.sock`);
  }

  /**
   * What a configuration of a site says unless a test changes it: one tunnel `peer` with the pseudowire
   * `lan`.
   */
  configuration(site: Site, plane: string, tunnel: Keys = {}, top: Keys = {}): Keys {
    const [local, remote] = ends[site];
    const lan = { circuit: { interface: "eth1" } };
    return {
      lcce: { host_name: site, control_socket: this.socket(site) },
      plane,
      tunnels: { peer: { local, remote, pseudowires: { lan }, ...tunnel } },
      ...top,
    };
  }

  /** Writes a configuration and gives its path. */
  write(name: string, configuration: Keys): string {
    const path = this.file(`${name}.yaml`);
    writeFileSync(path, stringify(configuration));
    return path;
  }

  /** Starts a daemon in a namespace with a file; `by` are words of a program that starts it. */
  start(name: string, file: string, by: readonly string[] = []): RunningDaemon {
    const words = [`--net=/run/netns/${this.namespace(name)}`, ...by, process.execPath, MAIN, "run", "-c"];
    const daemon = new RunningDaemon(
      spawn("nsenter", [...words, file], { stdio: ["ignore", "ignore", "pipe"] }),
    );
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Starts the daemon of each site, and waits until hosts reach each other. */
  async up(plane: string, tunnel: Keys = {}): Promise<Readonly<Record<Site, RunningDaemon>>> {
    const start = (site: Site) => this.start(site, this.write(site, this.configuration(site, plane, tunnel)));
    const daemons = { a: start("a"), b: start("b") };
    await this.reached();
    return daemons;
  }

  status(name: string): Promise<StatusReport> {
    return askStatus(this.socket(name));
  }

  reload(name: string): Promise<CommandResult> {
    return wirespan("reload", "--socket", this.socket(name));
  }

  async pseudowire(name: string, pseudowire = "lan"): Promise<PseudowireStatus> {
    const found = (await this.status(name)).pseudowires.find((one) => one.name === pseudowire);
    if (found === undefined) throw new Error(`status of ${name}: no pseudowire ${pseudowire}`);
    return found;
  }

  /** Waits until a daemon answers and a condition on its status holds. */
  async told(
    what: string,
    name: string,
    condition: (report: StatusReport) => boolean,
  ): Promise<StatusReport> {
    let last: StatusReport | undefined;
    await eventually(what, async () => {
      last = await this.status(name).catch(() => undefined);
      return last !== undefined && condition(last);
    });
    return last as StatusReport;
  }

  /** Whether so many pings from host to host all arrive. */
  async passes(count = 1): Promise<boolean> {
    // Once something was answered, ping waits for the last answer no longer than the interval.
    const words = ["-q", "-c", String(count), "-i", "0.2", "-W", "1", "10.0.0.2"];
    const { stdout } = await this.exec("ha", "ping", ...words);
    return stdout.includes(" 0% packet loss");
  }

  async reached(): Promise<void> {
    await eventually("hosts reach each other", () => this.passes());
  }

  read(name: string): string {
    return readFileSync(this.file(name), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) if (daemon.isRunning) await daemon.end("SIGTERM");
    for (const name of ["a", "b", "ha", "hb"])
      await run(["ip", "netns", "delete", this.namespace(name)], { accept: [0, 1] });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
