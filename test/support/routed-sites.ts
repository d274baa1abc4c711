import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { askReload, askStatus } from "../../src/daemon/api-client.ts";
import type { PseudowireStatus, ReloadReport, StatusReport } from "../../src/daemon/status.ts";
import { type CommandResult, run } from "../../src/lab/command.ts";
import { eventually, MAIN } from "./lab.ts";

/**
 * Two LCCEs with a router between them, and a namespace of hosts behind each; everything in network
 * namespaces of its own:
 *
 *     hosts of a -- c0, c1 ... -- a -- wan == wan-a [router] wan-b == wan -- b -- c0, c1 ... -- hosts of b
 *
 * There is one tunnel for each row of the table given, by addresses of its own, with one circuit: host
 * side `hN` has 10.N.0.1 at a and 10.N.0.2 at b.
 */

/** A tunnel of its own between the two. */
export interface Row {
  readonly encapsulation: "udp" | "ip";
  readonly family: 4 | 6;
  readonly fragmentation: "outer" | "none" | "pseudowire";
  /** The same of b, where it is another. */
  readonly fragmentationOfB?: "outer" | "pseudowire";
  /** Of the circuits and hosts; default 1500. */
  readonly mtu?: number;
  /** Whether the pseudowire has a sublayer, and ICMP echo in its control channel; default neither. */
  readonly vccv?: "echo" | "off";
  /** Of the tunnel; only with a control connection. */
  readonly secret?: string;
  /** Whether a control connection sets the session up; otherwise it is static. */
  readonly isNegotiated?: boolean;
}

export type Site = "a" | "b";

/** Keys of a configuration, as in its file. */
type Keys = Readonly<Record<string, unknown>>;
export type Node = Site | "router" | "hosts-a" | "hosts-b";

const other = { a: "b", b: "a" } as const;
/** Of this process: other files may have two LCCEs and a router at the same time. */
const PREFIX = `wst-rs${process.pid}-`;

/** Address of an LCCE for a row. */
export function addressOf(site: Site, family: 4 | 6, index: number): string {
  const subnet = site === "a" ? 1 : 2;
  return family === 4 ? `198.51.${subnet}.${10 + index}` : `2001:db8:${subnet}::${10 + index}`;
}

/** Rules of nftables at one place where packets pass. */
function tableOf(name: string, hook: "output" | "forward", rules: readonly string[]): string {
  const lines = [`type filter hook ${hook} priority 0`, ...rules];
  return `table inet ${name} {\nchain passing {\n${lines.join("\n")}\n}\n}`;
}

export class RoutedSites implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "wirespan-routed-"));
  readonly #daemons = new Map<Site, ChildProcess>();
  readonly #configs = new Map<Site, Keys>();

  /**
   * Everything is up and every session forwards. `prepare` is done before there are daemons; `pseudowire` are
   * further keys of each pseudowire.
   */
  static async up(
    rows: readonly Row[],
    lcce: Keys,
    prepare?: (sites: RoutedSites) => Promise<void>,
    pseudowire: Keys = {},
  ): Promise<RoutedSites> {
    const sites = new RoutedSites();
    try {
      await sites.#build(rows);
      await prepare?.(sites);
      for (const site of ["a", "b"] as const) sites.#start(site, rows, lcce, pseudowire);
      await eventually("both daemons answer", async () =>
        (await Promise.all([sites.status("a"), sites.status("b")]))
          .every(({ pseudowires }) => pseudowires.every(({ localCircuit }) => localCircuit === "up"))
          .valueOf(),
      );
    } catch (error) {
      await sites[Symbol.asyncDispose]();
      throw error;
    }
    return sites;
  }

  /** The name of the network namespace of a node. */
  namespace(node: Node): string {
    return `${PREFIX}${node}`;
  }

  exec(node: Node, command: string, input?: string): Promise<CommandResult> {
    const words = ["ip", "netns", "exec", `${PREFIX}${node}`, "sh", "-c", command];
    return run(words, { accept: [0, 1, 2], ...(input === undefined ? {} : { input }) });
  }

  async status(site: Site): Promise<StatusReport> {
    const daemon = this.#daemons.get(site);
    if (daemon?.exitCode !== null) throw new Error(this.log(site));
    try {
      return await askStatus(this.#file(site, "sock"));
    } catch {
      return { pseudowires: [{ localCircuit: "unknown" }] } as unknown as StatusReport;
    }
  }

  /** Has a daemon reload its configuration with other keys at the top. */
  reload(site: Site, keys: Keys): Promise<ReloadReport> {
    this.#write(site, { ...this.#configs.get(site), ...keys });
    return askReload(this.#file(site, "sock"));
  }

  /** Has a daemon reload its configuration with other names of tunnels. */
  rename(site: Site, newName: (tunnel: string) => string): Promise<ReloadReport> {
    const { tunnels } = this.#configs.get(site) as { readonly tunnels: Keys };
    const renamed = Object.entries(tunnels).map(([name, tunnel]) => [newName(name), tunnel]);
    return this.reload(site, { tunnels: Object.fromEntries(renamed) });
  }

  /** Starts another daemon, which takes over from the present one. */
  async takeOver(site: Site): Promise<void> {
    const former = this.#daemons.get(site);
    this.#run(site, "--take-over");
    await eventually(`the former daemon of ${site} ends`, () => former?.exitCode !== null);
    const answers = async () => Object.hasOwn(await this.status(site), "controlConnections");
    await eventually(`the next daemon of ${site} answers`, answers);
  }

  async pseudowire(site: Site, index: number): Promise<PseudowireStatus> {
    const found = (await this.status(site)).pseudowires.find(({ name }) => name === `p${index}`);
    if (found === undefined) throw new Error(`no pseudowire p${index} at ${site}`);
    return found;
  }

  /** How many of some pings of a size came back. */
  async pings(index: number, octets: number, count = 3): Promise<number> {
    const { stdout } = await this.exec(
      "hosts-a",
      `ping -q -c${count} -i0.05 -W1 -s${octets} 10.${index}.0.2`,
    );
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  }

  /** The link between the router and b takes packets of so many octets from now on. */
  async setWanMtu(octets: number): Promise<void> {
    await this.exec("router", `ip link set wan-b mtu ${octets}`);
    await this.exec("b", `ip link set wan mtu ${octets}`);
  }

  /** All links between the two take packets of so many octets from now on. */
  async setAllMtus(octets: number): Promise<void> {
    await this.setWanMtu(octets);
    await this.exec("router", `ip link set wan-a mtu ${octets}`);
    await this.exec("a", `ip link set wan mtu ${octets}`);
  }

  /** Whether the router says that a packet is too long for the next link (RFC 1191, RFC 8201). */
  async tellOfMtu(tells: boolean): Promise<void> {
    if (tells) return this.#rules("delete table inet quiet");
    const told = ["icmp type destination-unreachable drop", "icmpv6 type packet-too-big drop"];
    await this.#rules(tableOf("quiet", "output", told));
  }

  /** The router drops packets of more octets than this, and says nothing. */
  async dropOver(octets: number): Promise<void> {
    await this.#rules(tableOf("long", "forward", [`meta length > ${octets} drop`]));
  }

  /** The router drops control messages in packets of more octets than this. */
  async dropControlOver(octets: number): Promise<void> {
    const control = ["udp dport 1701 @th,64,1 1", "meta l4proto 115 @th,0,32 0"];
    const rules = control.map((message) => `${message} meta length > ${octets} drop`);
    await this.#rules(tableOf("control", "forward", rules));
  }

  /** The router drops ICMP echo requests to an address over IPv4. */
  dropEchoTo(address: string): Promise<void> {
    return this.#rules(tableOf("echoes", "forward", [`ip daddr ${address} icmp type echo-request drop`]));
  }

  /** The router drops messages of control channels (VCCV) to an IPv4 address, behind cookies of 8 octets. */
  dropChannelsTo(address: string): Promise<void> {
    const channel = `ip daddr ${address} udp dport 1701 @th,64,1 0 @th,192,1 1 drop`;
    return this.#rules(tableOf("channels", "forward", [channel]));
  }

  async #rules(text: string): Promise<void> {
    await run(["ip", "netns", "exec", `${PREFIX}router`, "nft", "-f", "-"], { input: `${text}\n` });
  }

  log(site: Site): string {
    return readFileSync(this.#file(site, "log"), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons.values()) daemon.kill("SIGTERM");
    for (const daemon of this.#daemons.values())
      if (daemon.exitCode === null) await new Promise((resolve) => daemon.on("exit", resolve));
    for (const node of ["a", "b", "router", "hosts-a", "hosts-b"])
      await run(["ip", "netns", "delete", `${PREFIX}${node}`], { accept: [0, 1] });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(site: Site, kind: string): string {
    return join(this.#folder, `${site}.${kind}`);
  }

  #secretFile(secret: string): string {
    const file = join(this.#folder, "secret");
    writeFileSync(file, secret, { mode: 0o600 });
    return file;
  }

  async #build(rows: readonly Row[]): Promise<void> {
    const nodes = ["a", "b", "router", "hosts-a", "hosts-b"].map((node) => `netns add ${PREFIX}${node}`);
    const pairs = (["a", "b"] as const).flatMap((site) => {
      const end = `wan-${site}`;
      return [
        `link add wan netns ${PREFIX}${site} type veth peer name ${end} netns ${PREFIX}router`,
        ...rows.map(
          (_, index) =>
            `link add c${index} netns ${PREFIX}${site} type veth ` +
            `peer name h${index} netns ${PREFIX}hosts-${site}`,
        ),
      ];
    });
    await run(["ip", "-batch", "-"], { input: [...nodes, ...pairs].join("\n") });
    const forward = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"].map(
      (key) => `sysctl -qw ${key}=1`,
    );
    await this.exec("router", forward.join("; "));
    for (const site of ["a", "b"] as const) await this.#address(site, rows);
  }

  async #address(site: Site, rows: readonly Row[]): Promise<void> {
    const subnet = site === "a" ? 1 : 2;
    const end = `wan-${site}`;
    const batch = (node: Node, lines: readonly string[]) =>
      run(["ip", "-n", `${PREFIX}${node}`, "-batch", "-"], { input: lines.join("\n") });
    await batch("router", [
      `addr add 198.51.${subnet}.1/24 dev ${end}`,
      `addr add 2001:db8:${subnet}::1/64 dev ${end} nodad`,
      `link set ${end} up`,
    ]);
    const prefix = (family: 4 | 6) => (family === 4 ? 24 : "64 nodad");
    await batch(site, [
      "link set lo up",
      ...rows.map(({ family }, index) =>
        `addr add ${addressOf(site, family, index)}/${prefix(family)} dev wan`.replace(
          /\/64 nodad (.*)/,
          "/64 $1 nodad",
        ),
      ),
      ...rows.map(({ mtu = 1500 }, index) => `link set c${index} mtu ${mtu} up`),
      "link set wan up",
    ]);
    // A route over IPv4 needs an address of the subnet, whatever the rows are.
    await batch(site, [
      `addr add 198.51.${subnet}.2/24 dev wan`,
      `addr add 2001:db8:${subnet}::2/64 dev wan nodad`,
      `route add default via 198.51.${subnet}.1`,
      `route add default via 2001:db8:${subnet}::1`,
    ]);
    await batch(
      `hosts-${site}`,
      rows.flatMap(({ mtu = 1500 }, index) => [
        `addr add 10.${index}.0.${subnet}/24 dev h${index}`,
        `link set h${index} mtu ${mtu} up`,
      ]),
    );
  }

  #start(site: Site, rows: readonly Row[], lcce: Keys, pseudowire: Keys): void {
    const there = other[site];
    const side = site === "a" ? 0 : 1000;
    const tunnels = rows.map(
      ({ encapsulation, family, isNegotiated = false, mtu, vccv, secret, ...row }, index) => [
        `t${index}`,
        {
          local: addressOf(site, family, index),
          remote: addressOf(there, family, index),
          encapsulation,
          fragmentation: (site === "b" ? row.fragmentationOfB : undefined) ?? row.fragmentation,
          ...(isNegotiated ? { role: site === "a" ? "initiator" : "responder" } : { control: "static" }),
          ...(encapsulation === "udp" ? { udp_checksum: "zero" } : {}),
          ...(secret === undefined ? {} : { secret: { file: this.#secretFile(secret) } }),
          pseudowires: {
            [`p${index}`]: {
              circuit: { interface: `c${index}` },
              ...(mtu === undefined ? {} : { mtu }),
              ...(vccv === undefined ? {} : { sublayer: "default", vccv }),
              ...pseudowire,
              ...(isNegotiated
                ? {}
                : {
                    static: {
                      local_session_id: 1 + side + index,
                      remote_session_id: 1 + (1000 - side) + index,
                      receive_cookie: "0102030405060708",
                      transmit_cookie: "0102030405060708",
                    },
                  }),
            },
          },
        },
      ],
    );
    const config = {
      ...lcce,
      lcce: { control_socket: this.#file(site, "sock") },
      log: { level: "debug" },
      tunnels: Object.fromEntries(tunnels),
    };
    this.#write(site, config);
    this.#run(site);
  }

  #write(site: Site, config: Keys): void {
    this.#configs.set(site, config);
    writeFileSync(this.#file(site, "yaml"), stringify(config));
  }

  #run(site: Site, ...options: readonly string[]): void {
    const log = openSync(this.#file(site, "log"), "a");
    const words = [
      "netns",
      "exec",
      `${PREFIX}${site}`,
      process.execPath,
      MAIN,
      "run",
      "-c",
      this.#file(site, "yaml"),
      ...options,
    ];
    this.#daemons.set(site, spawn("ip", words, { stdio: ["ignore", log, log] }));
  }
}
