import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { insideNamespace } from "../support/namespace.ts";
import { type RunningDaemon, type Site, Sites } from "../support/sites.ts";

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
    host: { circuit: { tap: "tap0" } },
    tags: { circuit: { tap: "tap1", ...vlan } },
  };
}

class Bed {
  readonly sites: Sites;
  readonly daemons: Readonly<Record<Site, RunningDaemon>>;

  private constructor(sites: Sites, daemons: Readonly<Record<Site, RunningDaemon>>) {
    this.sites = sites;
    this.daemons = daemons;
  }

  static async up(plane: string, tunnel: object = {}): Promise<Bed> {
    const sites = await Sites.make();
    for (const site of ["a", "b"] as const) {
      const there = sites.namespace(`h${site}`);
      await sites.ip(site, `link add eth2 type veth peer name eth2h netns ${there}`);
      await sites.ip(site, "link set eth2 up");
      await sites.ip(`h${site}`, "link set eth2h up");
      await sites.ip(site, `addr add fd00::${site === "a" ? 1 : 2}/64 dev wan0 nodad`);
    }
    const start = (site: Site) =>
      sites.start(
        site,
        sites.write(site, sites.configuration(site, plane, { pseudowires: circuits(site), ...tunnel })),
      );
    const daemons = { a: start("a"), b: start("b") };
    await eventually("all pseudowires are up", async () => {
      const states = await Promise.all(
        (["a", "b"] as const).map((site) => sites.status(site).catch(() => undefined)),
      );
      return states.every(
        (status) =>
          status?.pseudowires.length === pseudowires.length &&
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
  async ping(name: Name, count = 3, size = 56): Promise<number> {
    const { net, of } = hosts[name];
    const words = ["-n", "-i", "0.01", "-c", String(count), "-s", String(size), "-W", "2", `${net}.2`];
    const { stdout } = await this.sites.exec(`${of}a`, "ping", ...words);
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  }

  /** Has the host of a pseudowire at a site send a frame of a test, with its tag. */
  sendFrame(name: Name, site: Site, mark: number): void {
    const { device, of, isTagged } = hosts[name];
    const tag = isTagged ? [0x81, 0, 0x20, VLAN[site]] : [];
    const addresses = [2, 0, 0, 0, 0, mark, 2, 0, 0, 0, 0, site === "a" ? 0xa : 0xb];
    const frame = Uint8Array.from([...addresses, ...tag, 0x88, 0xb5, ...new Uint8Array(46).fill(mark)]);
    insideNamespace(this.sites.namespace(`${of}${site}`), () => {
      // By its queueing discipline a TAP device of the eBPF plane meets the programs.
      using socket = new FrameSocket(device, { bypassesQueue: false });
      if (!socket.send(frame)) throw new Error(`send a frame by ${device}: ${socket.problem}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sites[Symbol.asyncDispose]();
  }
}

/** A running `wirespan capture`. */
class Capturing {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  text = "";
  octets = Buffer.alloc(0);

  constructor(child: ChildProcess, readsOutput = true) {
    this.child = child;
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

  test("frames of every circuit in both directions, with their tags", async () => {
    const running = pseudowires.map((name) => {
      const path = bed.sites.file(`${name}.pcapng`);
      return { name, path, capturing: bed.capture(name, "-w", path) };
    });
    for (const { path } of running) await eventually("it has begun", () => hasHeaders(path));
    for (const name of pseudowires) {
      bed.sendFrame(name, "a", 1);
      bed.sendFrame(name, "b", 2);
      bed.sendFrame(name, "a", 3);
    }
    for (const { name, path, capturing } of running) {
      await eventually(
        `frames of ${name}`,
        () => read(path, "eth.type == 0x88b5 || vlan.etype == 0x88b5").length > 2,
      );
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
});
