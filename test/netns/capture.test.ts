import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { insideNamespace } from "../support/namespace.ts";
import { type RunningDaemon, type Site, Sites } from "../support/sites.ts";
import { UdpSocket } from "../support/udp-socket.ts";

/** `wirespan capture` of running daemons: every circuit kind, on each plane. */

const VLAN = { a: 10, b: 20, between: 30 } as const;
const pseudowires = ["lan", "trunk", "host", "tags"] as const;
type Name = (typeof pseudowires)[number];

/** TABLE: where a host's own end of each pseudowire is, its addresses, and the VLAN that it has at a site. */
const hosts = {
  lan: { net: "10.0.1", device: "eth0", of: "h", isTagged: false },
  trunk: { net: "10.0.2", device: "eth2h", of: "h", isTagged: true },
  host: { net: "10.0.3", device: "tap0", of: "", isTagged: false },
  tags: { net: "10.0.4", device: "tap1", of: "", isTagged: true },
} as const;

function circuits(site: Site): object {
  const vlan = { vlan: VLAN[site], vlan_on_pseudowire: VLAN.between };
  return {
    lan: { circuit: { interface: "eth1" } },
    trunk: { circuit: { interface: "eth2", ...vlan } },
    host: { circuit: { tap: "tap0", link_local: "block" } },
    tags: { circuit: { tap: "tap1", ...vlan } },
  };
}

/** Another tunnel, over IP protocol 115 and IPv6. */
function otherTunnel(site: Site): object {
  const [local, remote] = site === "a" ? ["fd00::1", "fd00::2"] : ["fd00::2", "fd00::1"];
  return { local, remote, encapsulation: "ip", pseudowires: { six: { circuit: { tap: "tap2" } } } };
}

/** A frame of a test, from a host of a site. */
function frameOf(site: Site, mark: number, tag: readonly number[]): Uint8Array {
  const addresses = [2, 0, 0, 0, 0, mark, 2, 0, 0, 0, 0, site === "a" ? 0xa : 0xb];
  return Uint8Array.from([...addresses, ...tag, 0x88, 0xb5, ...new Uint8Array(46).fill(mark)]);
}

/** The tag of a frame of a pseudowire at a site, as octets. */
function tagOf(name: Name, site: Site): readonly number[] {
  return hosts[name].isTagged ? [0x81, 0, 0x20, VLAN[site]] : [];
}

/** Whether a file has a frame that the host of a pseudowire at a site sent, as a's circuit has it. */
function has(path: string, name: Name, site: Site, mark: number): boolean {
  return readFileSync(path).includes(Buffer.from(frameOf(site, mark, tagOf(name, "a"))));
}

/** Names of the interfaces of a namespace. */
async function interfaces(sites: Sites, name: string): Promise<readonly string[]> {
  const { stdout } = await sites.exec(name, "ip", "-brief", "link");
  return [...stdout.matchAll(/^[^\s@]+/gm)].map(([found]) => found).toSorted();
}

class Bed {
  readonly sites: Sites;
  readonly daemons: Readonly<Record<Site, RunningDaemon>>;

  private constructor(sites: Sites, daemons: Readonly<Record<Site, RunningDaemon>>) {
    this.sites = sites;
    this.daemons = daemons;
  }

  static async up(plane: string): Promise<Bed> {
    const sites = await Sites.make();
    for (const site of ["a", "b"] as const) {
      const there = sites.namespace(`h${site}`);
      await sites.ip(site, `link add eth2 type veth peer name eth2h netns ${there}`);
      await sites.ip(site, "link set eth2 up");
      await sites.ip(`h${site}`, "link set eth2h up");
      await sites.ip(site, `addr add fd00::${site === "a" ? 1 : 2}/64 dev wan0 nodad`);
    }
    const write = (site: Site) => {
      const { tunnels, ...rest } = sites.configuration(site, plane, { pseudowires: circuits(site) });
      return sites.write(site, { ...rest, tunnels: { ...(tunnels as object), other: otherTunnel(site) } });
    };
    const start = (site: Site) => sites.start(site, write(site));
    const daemons = { a: start("a"), b: start("b") };
    await eventually("all pseudowires are up", async () => {
      const states = await Promise.all(
        (["a", "b"] as const).map((site) => sites.status(site).catch(() => undefined)),
      );
      return states.every(
        (status) =>
          status?.pseudowires.length === pseudowires.length + 1 &&
          status.pseudowires.every(
            ({ state, plane: by }) => state === "established" && (by ?? plane) === plane,
          ),
      );
    });
    for (const site of ["a", "b"] as const)
      for (const { net, device, of, isTagged } of Object.values(hosts)) {
        const at = `${of}${site}`;
        await sites.ip(at, `link set ${device} up`);
        if (!isTagged) await sites.ip(at, `addr add ${net}.${site === "a" ? 1 : 2}/24 dev ${device}`);
      }
    return new Bed(sites, daemons);
  }

  capture(...words: readonly string[]): Capturing {
    return new Capturing(
      this.sites.spawn("a", process.execPath, MAIN, "capture", "--socket", this.sites.socket("a"), ...words),
    );
  }

  /** Sends pings from the host of a to that of b; how many were answered. */
  async ping(name: Name, count: number): Promise<number> {
    const { net, of } = hosts[name];
    const words = ["-n", "-i", "0.01", "-c", String(count), "-W", "2", `${net}.2`];
    const { stdout } = await this.sites.exec(`${of}a`, "ping", ...words);
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  }

  /** Has the host of a pseudowire at a site send a frame of a test, with its tag. */
  sendFrame(name: Name, site: Site, mark: number): void {
    const { device, of } = hosts[name];
    this.#send(`${of}${site}`, device, frameOf(site, mark, tagOf(name, site)));
  }

  /** Has a's own end of a pseudowire send a frame. */
  sendTap(device: string, frame: Uint8Array): void {
    this.#send("a", device, frame);
  }

  /** Has the host of `lan` send so many long frames at once. */
  flood(count: number): void {
    const frame = Uint8Array.from([...frameOf("a", 9, []).subarray(0, 14), ...new Uint8Array(1386)]);
    insideNamespace(this.sites.namespace("ha"), () => {
      using socket = new FrameSocket("eth0", { bypassesQueue: false });
      for (let sent = 0; sent < count; sent += 1) socket.send(frame);
    });
  }

  startAgain(site: Site): void {
    this.sites.start(site, this.sites.file(`${site}.yaml`));
  }

  #send(namespace: string, device: string, frame: Uint8Array): void {
    insideNamespace(this.sites.namespace(namespace), () => {
      // By its queueing discipline a TAP device of the eBPF plane meets the programs.
      using socket = new FrameSocket(device, { bypassesQueue: false });
      // ENOBUFS: a program has dropped it.
      if (!socket.send(frame) && socket.problem !== "ENOBUFS")
        throw new Error(`send a frame by ${device}: ${socket.problem}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sites[Symbol.asyncDispose]();
  }
}

/** Those of a test: what failed must not take the room of those that follow. */
const running: Capturing[] = [];

/** A running `wirespan capture`. */
class Capturing {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  text = "";
  octets = Buffer.alloc(0);

  constructor(child: ChildProcess, readsOutput = true) {
    this.child = child;
    running.push(this);
    this.ended = once(child, "close");
    child.stderr?.on("data", (piece) => {
      this.text += String(piece);
    });
    if (readsOutput)
      child.stdout?.on("data", (piece) => {
        this.octets = Buffer.concat([this.octets, piece]);
      });
  }

  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<string> {
    this.child.kill(signal);
    await this.ended;
    return this.text;
  }
}

const INBOUND = "0x00000001";
const OUTBOUND = "0x00000002";
const fields = [
  "frame.interface_name",
  "frame.interface_description",
  "frame.packet_flags_direction",
  "vlan.id",
  "icmp.type",
  "frame.comment",
  "l2tp.type",
  "ip.src",
  "eth.src",
  "eth.dst",
  "vlan.priority",
  "frame.cap_len",
] as const;
type Row = Readonly<Record<(typeof fields)[number], string>>;

/** What tshark reads in a file, a row for each packet that passes a display filter. */
function read(path: string, filter: string): readonly Row[] {
  const words = [
    "-n",
    "-r",
    path,
    "-Y",
    filter,
    "-T",
    "fields",
    "-E",
    "separator=|",
    ...fields.flatMap((each) => ["-e", each]),
  ];
  const output = execFileSync("tshark", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Object.fromEntries(line.split("|").map((value, index) => [fields[index], value])) as Row);
}

const hasHeaders = (path: string) => existsSync(path) && statSync(path).size > 100;

describe.each(planes)("plane %s", (plane) => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await Bed.up(plane);
  });
  afterAll(() => bed?.[Symbol.asyncDispose]());
  afterEach(() => {
    for (const { child } of running.splice(0)) child.kill("SIGKILL");
  });

  test("frames of every circuit in both directions, with their tags", async () => {
    const all = pseudowires.map((name) => {
      const path = bed.sites.file(`${name}.pcapng`);
      return { name, path, capturing: bed.capture(name, "-w", path) };
    });
    for (const { path } of all) await eventually("it has begun", () => hasHeaders(path));
    const sent = [
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ] as const;
    for (const name of pseudowires) for (const [site, mark] of sent) bed.sendFrame(name, site, mark);
    for (const { name, path, capturing } of all) {
      for (const [site, mark] of sent)
        await eventually(`frame ${mark} of ${name}`, () => has(path, name, site, mark));
      expect(await capturing.stop(), name).toMatch(
        /^captured \d+ frames of pseudowire \w+, none dropped; it ended because it was stopped\n$/,
      );
      const rows = read(path, "eth.type == 0x88b5 || vlan.etype == 0x88b5");
      const row = (mark: number) => ({
        "frame.interface_name": name,
        "frame.packet_flags_direction": mark === 2 ? OUTBOUND : INBOUND,
        "vlan.id": hosts[name].isTagged ? String(VLAN.a) : "",
        "vlan.priority": hosts[name].isTagged ? "1" : "",
        "eth.dst": `02:00:00:00:00:0${mark}`,
        "eth.src": `02:00:00:00:00:0${mark === 2 ? "b" : "a"}`,
      });
      const byMark = rows.toSorted((one, other) => one["eth.dst"].localeCompare(other["eth.dst"]));
      expect(byMark, `${name}: ${capturing.text}`).toMatchObject([1, 2, 3].map(row));
      expect(rows[0]?.["frame.interface_description"]).toContain(
        `pseudowire ${name} of tunnel peer, circuit`,
      );
    }
  });

  test("a filter, a count, a length and a time, on standard output", async () => {
    const counted = bed.capture("lan", "-c", "2", "-s", "20", "ether", "dst", "02:00:00:00:00:05");
    await eventually("it has begun", () => counted.octets.length > 100);
    for (const mark of [4, 5, 6, 5, 5]) bed.sendFrame("lan", "a", mark);
    await counted.ended;
    expect(counted.text).toMatch(
      /^captured 2 frames of pseudowire lan, none dropped; .* the count is reached\n$/,
    );
    const path = bed.sites.file("counted.pcapng");
    writeFileSync(path, counted.octets);
    expect(read(path, "frame").map((row) => [row["eth.dst"], row["frame.cap_len"]])).toEqual([
      ["02:00:00:00:00:05", "20"],
      ["02:00:00:00:00:05", "20"],
    ]);
    const timed = bed.capture("lan", "--duration", "0.1");
    await timed.ended;
    expect(timed.child.exitCode).toBe(0);
    expect(timed.text).toMatch(/the time is over\n$/);
  });

  test.each([
    ["lan", "udp", "udp.port == 1701"],
    ["six", "ip", "ip.proto == 115 || ipv6.nxt == 115"],
  ])("--psn of %s shows data and control messages over %s beside the frames", async (name, _over, filter) => {
    const path = bed.sites.file(`psn-${name}.pcapng`);
    const capturing = bed.capture(name, "--psn", "-w", path);
    await eventually("it has begun", () => hasHeaders(path));
    if (name === "lan") bed.sendFrame("lan", "a", 7);
    else bed.sendTap("tap2", frameOf("a", 7, []));
    const frame = Buffer.from(frameOf("a", 7, []));
    // By itself, and within a packet.
    await eventually("both are there", () => {
      const octets = readFileSync(path);
      return octets.indexOf(frame) !== octets.lastIndexOf(frame);
    });
    await capturing.stop();
    const packets = read(path, `frame.interface_name == "wan0"`);
    expect(packets.map((row) => row["frame.packet_flags_direction"])).toContain(OUTBOUND);
    expect(packets[0]?.["frame.interface_description"]).toContain(`data of pseudowire ${name}`);
    // Nothing of the other pseudowires, whose frames pass meanwhile or not.
    expect(read(path, `frame.interface_name == "wan0" && !(${filter})`)).toEqual([]);
  });

  test("discarded frames have the reason where the userspace plane forwards", async () => {
    const path = bed.sites.file("discards.pcapng");
    const capturing = bed.capture("host", "-w", path);
    await eventually("it has begun", () => hasHeaders(path));
    const linkLocal = frameOf("a", 8, []);
    linkLocal.set([0x01, 0x80, 0xc2, 0, 0, 0x0e]);
    bed.sendTap("tap0", linkLocal);
    const { localSessionId = 0 } = await bed.sites.pseudowire("a", "host");
    const message = new Uint8Array(100);
    new DataView(message.buffer).setUint16(0, 3);
    new DataView(message.buffer).setUint32(4, localSessionId);
    insideNamespace(bed.sites.namespace("b"), () => {
      using socket = new UdpSocket("192.0.2.2", 5000);
      socket.send(message, "192.0.2.1", 1701);
    });
    bed.sendFrame("host", "a", 9);
    await eventually("all of them", () => {
      const isSeen = plane === "ebpf" || readFileSync(path).includes("discarded: wrong-peer");
      return isSeen && has(path, "host", "a", 9);
    });
    await capturing.stop();
    const rows = read(path, "frame.comment").toSorted((one, other) =>
      one["frame.comment"].localeCompare(other["frame.comment"]),
    );
    const expected = [
      { "frame.comment": "discarded: link-local", "frame.packet_flags_direction": INBOUND },
      { "frame.comment": "discarded: wrong-peer", "frame.packet_flags_direction": OUTBOUND },
    ];
    expect(rows).toMatchObject(plane === "userspace" ? expected : []);
  });

  test("a reader that takes nothing loses frames, which are counted, and forwarding goes on", async () => {
    const stuck = new Capturing(
      bed.sites.spawn("a", process.execPath, MAIN, "capture", "lan", "--socket", bed.sites.socket("a")),
      false,
    );
    // Its headers are there, and nobody takes them.
    await once(stuck.child.stdout as NodeJS.ReadableStream, "readable");
    for (let round = 0; round < 15; round += 1) {
      bed.flood(1000);
      expect(await bed.ping("lan", 2), `round ${round}`).toBe(2);
    }
    stuck.child.stdout?.on("data", () => undefined);
    await eventually("the rings are empty", async () => (await bed.ping("lan", 1)) === 1);
    const text = await stuck.stop();
    expect(text).toMatch(/^captured \d+ frames of pseudowire lan; \d+ more were dropped: /);
  });

  test("what is killed leaves nothing behind", async () => {
    const before = await interfaces(bed.sites, "a");
    const descriptors = () => readdirSync(`/proc/${bed.daemons.a.pid}/fd`).length;
    const open = descriptors();
    const path = bed.sites.file("killed.pcapng");
    const capturing = bed.capture("host", "--psn", "-w", path);
    await eventually("it has begun", () => hasHeaders(path));
    await eventually("it is in the kernel", () => descriptors() > open);
    if (plane === "ebpf") expect(await interfaces(bed.sites, "a")).toContain("wsm0");
    await capturing.stop("SIGKILL");
    await eventually("its descriptors are closed", () => descriptors() === open);
    expect(await interfaces(bed.sites, "a")).toEqual(before);
    // What it wrote is whole.
    expect(() => read(path, "frame")).not.toThrow();
  });

  test("the fifth capture, a wrong name and a wrong filter are refused, with what to do", async () => {
    const four = [1, 2, 3, 4].map(() => bed.capture("lan"));
    for (const each of four) await eventually("it has begun", () => each.octets.length > 0);
    const refused = async (...words: readonly string[]) => {
      const capturing = bed.capture(...words);
      await capturing.ended;
      return [capturing.child.exitCode, capturing.text];
    };
    expect(await refused("lan")).toEqual([1, expect.stringMatching(/there are 4 captures already; end one/)]);
    for (const each of four) await each.stop();
    expect(await refused("lam")).toEqual([
      1,
      expect.stringContaining("no pseudowire is called lam; the nearest is lan"),
    ]);
    expect(await refused("lan", "prot", "x")).toEqual([1, expect.stringContaining('the filter "prot x"')]);
  });

  test("it goes on over another session, and ends where the pseudowire is removed", async () => {
    const path = bed.sites.file("long.pcapng");
    const capturing = bed.capture("host", "--psn", "-w", path);
    await eventually("it has begun", () => hasHeaders(path));
    const seen = (mark: number) =>
      eventually(`frame ${mark}`, () => {
        bed.sendFrame("host", "a", mark);
        return has(path, "host", "a", mark);
      });
    await seen(1);
    await bed.daemons.b.end();
    bed.startAgain("b");
    await bed.sites.told("the session is back", "a", ({ pseudowires: all }) =>
      all.some(({ name, state }) => name === "host" && state === "established"),
    );
    await seen(2);
    const { host: _, ...others } = circuits("a") as Record<string, object>;
    bed.sites.write("a", bed.sites.configuration("a", plane, { pseudowires: others }));
    await bed.sites.reload("a");
    await capturing.ended;
    expect(capturing.child.exitCode).toBe(1);
    expect(capturing.text).toMatch(/because pseudowire host was removed from the configuration\n$/);
    const messages = read(path, "l2tp.type == 1").map((row) => row["frame.packet_flags_direction"]);
    expect(new Set(messages)).toEqual(new Set([INBOUND, OUTBOUND]));
  });

  test("a daemon that is killed takes its captures with it", async () => {
    const path = bed.sites.file("last.pcapng");
    const capturing = bed.capture("lan", "-w", path);
    await eventually("it has begun", () => hasHeaders(path));
    await bed.daemons.a.end("SIGKILL");
    await capturing.ended;
    expect([capturing.child.exitCode, capturing.text]).toEqual([
      1,
      expect.stringContaining("the daemon is gone"),
    ]);
    expect(await interfaces(bed.sites, "a")).not.toContain("wsm0");
  });
});
