import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { atNode } from "../../src/lab/lab.ts";
import { expectExchange } from "../support/bulk.ts";
import { effort, scaled } from "../support/effort.ts";
import { eventually, Lab, MAIN, output } from "../support/lab.ts";
import { Sites } from "../support/sites.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-take-over-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Circuit = Readonly<Record<string, string>>;

/** Two sites; with static sessions nothing is negotiated after a crash. */
function topologyOf(
  name: string,
  circuit: Circuit,
  isStatic: boolean,
  encapsulation = "udp",
  planes: { readonly a?: string; readonly b?: string } = {},
): string {
  const site = (local: string, remote: string, ids: readonly number[], host: string, plane?: string) => {
    const staticSession = {
      local_session_id: ids[0],
      remote_session_id: ids[1],
      receive_cookie: "0102030405060708",
    };
    const lan = {
      circuit,
      ...(isStatic ? { static: { ...staticSession, transmit_cookie: staticSession.receive_cookie } } : {}),
    };
    const tunnel = {
      local,
      remote,
      encapsulation,
      gso: "offload",
      control: isStatic ? "static" : "negotiated",
      pseudowires: { lan },
    };
    return {
      address: `${local}/24`,
      ...(circuit["bridge"] === undefined ? {} : { bridge: circuit["bridge"] }),
      hosts: { [host]: 0 },
      wirespan: { ...(plane && { plane }), lcce: { host_name: host }, tunnels: { peer: tunnel } },
    };
  };
  const file = join(folder, `${name}.yaml`);
  const a = site("192.0.2.1", "192.0.2.2", [11, 22], "a1", planes.a);
  const b = site("192.0.2.2", "192.0.2.1", [22, 11], "b1", planes.b);
  const topology = {
    title: "a crash of a daemon",
    wan: { mtu: 1600 },
    sites: { a, b },
    checks: [{ ping: ["a1", "b1"] }],
  };
  writeFileSync(file, stringify(topology));
  return file;
}

/** Kills the daemon of site a, as by kill -9, and waits until there is none. */
async function crash(lab: Lab): Promise<void> {
  const { pid } = await lab.status("a");
  expect((await lab.shell("lcce-a", `kill -9 ${pid}`)).status).toBe(0);
  await eventually(
    "the daemon is gone",
    async () => (await lab.shell("lcce-a", `kill -0 ${pid}`)).status !== 0,
  );
}

/** Starts the daemon of site a again, and waits until it answers. */
async function restart(lab: Lab): Promise<void> {
  lab.spawn("lcce-a", process.execPath, MAIN, "run", "-c", "/run/wirespan-a.yaml");
  await eventually("another daemon runs", () =>
    lab.status("a").then(
      () => true,
      () => false,
    ),
  );
}

/** Waits until programs carry another session than the one of this id. */
async function replaced(lab: Lab, old: number | undefined): Promise<void> {
  await eventually("another session is up", async () => {
    const report = await lab.status("a").catch(() => undefined);
    const lan = report?.pseudowires[0];
    return lan?.state === "established" && lan.localSessionId !== old && lan.plane === "ebpf";
  });
}

const PINS = "/sys/fs/bpf/wirespan";
const OUTLIVES = "eBPF is available; forwarding continues if the daemon crashes";

describe.each([
  ["an interface", { interface: "trunk" }],
  ["an interface of its own in a bridge", { tap: "pw0", bridge: "lan" }],
] as const)("the eBPF plane on %s", (name, circuit) => {
  test("forwards while no daemon runs, and a later one takes over: no frame is lost", async () => {
    let pins: readonly string[];
    {
      await using lab = await Lab.up(topologyOf(`static-${Object.keys(circuit)[0]}`, circuit, true), "ebpf");
      expect((await lab.status("a")).plane).toEqual({ name: "ebpf", reason: OUTLIVES });
      expect((await lab.pseudowire("a", "lan")).plane, name).toBe("ebpf");
      await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
      const ping = "echo $$ > /run/ping.pid; exec ping -q -i 0.02 10.0.0.12";
      const printed = output(lab.spawn("a1", "sh", "-c", ping));
      await crash(lab);
      const alone = await lab.exec("a1", "ping", "-q", "-i", "0.1", "-c", "20", "10.0.0.12");
      expect(alone.stdout).toContain(" 0% packet loss");
      await restart(lab);
      const socket = ["--socket", "/run/wirespan-a.sock"];
      const { stdout: events } = await lab.exec("lcce-a", process.execPath, MAIN, "events", ...socket);
      expect(events).toMatch(/ adopted 1 session of the programs found in \/sys\/fs\/bpf\/wirespan\//);
      const { transmittedFrames } = await lab.pseudowire("a", "lan");
      const isCounted = async () =>
        (await lab.pseudowire("a", "lan")).transmittedFrames > transmittedFrames + 20;
      await eventually("pings pass", isCounted);
      // What programs of the former daemon count is counted from the first moment on.
      const isCarried = async () => (await lab.pseudowire("a", "lan")).plane === "ebpf";
      await eventually("its own programs carry it", isCarried);
      await lab.shell("a1", "kill -INT $(cat /run/ping.pid)");
      expect(await printed).toContain(" 0% packet loss");
      await crash(lab);
      pins = readdirSync(lab.path(PINS));
      expect(pins.length).toBe(2);
    }
    const left = existsSync(PINS) ? readdirSync(PINS) : [];
    expect(left.filter((directory) => pins.includes(directory))).toEqual([]);
  });
});

test.each(["udp", "ip"])(
  "over %s from a peer on the userspace plane frames pass while the daemon is dead",
  async (encapsulation) => {
    const planes = { a: "ebpf", b: "userspace" };
    const topology = topologyOf(
      `mixed-${encapsulation}`,
      { interface: "trunk" },
      true,
      encapsulation,
      planes,
    );
    await using lab = await Lab.up(topology);
    await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
    await eventually("programs carry it", async () => (await lab.pseudowire("a", "lan")).plane === "ebpf");
    await crash(lab);
    // Of all lengths, from those that are padded on. So far apart that a busy machine's worker does not send
    // two in one group, which would pass by the programs.
    for (const octets of [0, 1, 8, 18, 19, 100, 1472]) {
      const ping = await lab.exec(
        "b1",
        "ping",
        "-q",
        "-i",
        "0.15",
        "-c",
        "10",
        "-s",
        `${octets}`,
        "10.0.0.11",
      );
      expect(ping.stdout, `${octets} octets`).toContain(" 0% packet loss");
    }
  },
);

test("TCP over IP 115 is segmented while the daemon is dead; the next one adopts the segmenter", async () => {
  const topology = topologyOf("segmenter", { interface: "trunk" }, true, "ip");
  await using lab = await Lab.up(topology, "ebpf");
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
  const before = await lab.segmenters("a");
  expect(before.length).toBe(1);
  const at = (host: string) => atNode(topology, host, []);
  const exchange = (there: number) =>
    expectExchange(at("a1"), at("b1"), { address: "10.0.0.12", there, back: 1_000_000 });
  // So much that the crash comes before its end, also on an emulated processor, which takes a fifth.
  const during = exchange(scaled(50_000_000, Math.max(effort, 0.2)));
  await crash(lab);
  await during;
  await restart(lab);
  await exchange(1_000_000);
  expect(await lab.segmenters("a")).toEqual(before);
  expect((await lab.pseudowire("a", "lan")).plane).toBe("ebpf");
  console.log(`taken over: ${before}`);
});

test("a negotiated session is replaced after a crash, and what is left of the old one goes", async () => {
  await using lab = await Lab.up(topologyOf("negotiated", { interface: "trunk" }, false), "ebpf");
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
  const old = (await lab.pseudowire("a", "lan")).localSessionId;
  const ping = lab.spawn("a1", "ping", "-q", "-i", "0.02", "-c", "300", "10.0.0.12");
  const printed = output(ping);
  await crash(lab);
  await restart(lab);
  await replaced(lab, old);
  const lost = /(\d+) packets transmitted, (\d+) received/.exec(await printed);
  console.log(`crash of a daemon with a negotiated session: ${lost?.[0]}`);
  await lab.reached("a1", "10.0.0.12");
});

/** Kills the daemon of site a, and starts it again with another configuration. */
async function crashInto(lab: Lab, change: (config: Configuration) => void): Promise<void> {
  const config = parse((await lab.shell("lcce-a", "cat /run/wirespan-a.yaml")).stdout) as Configuration;
  change(config);
  await lab.shell("lcce-a", "cat > /run/wirespan-a.yaml", stringify(config));
  await crash(lab);
  await restart(lab);
}

interface Configuration {
  plane?: string;
  readonly tunnels: { readonly peer: { readonly pseudowires: Record<string, object> } };
}

const staticSession = (id: number) => ({
  ...{ local_session_id: id, remote_session_id: id },
  ...{ receive_cookie: "0102030405060708", transmit_cookie: "0102030405060708" },
});

/** Site a waits for whoever proves to be b1, which notices within seconds that site a knows it no more. */
function waitingTopology(): string {
  const file = topologyOf("waiting", { tap: "pw0", bridge: "lan" }, false);
  const topology = parse(readFileSync(file, "utf8"));
  topology.secret = "correct horse battery staple";
  const secret = { file: "/run/wirespan.secret" };
  const [a, b] = [topology.sites.a, topology.sites.b].map(({ wirespan }) => wirespan.tunnels.peer);
  Object.assign(a, { secret, remote: "any", peer_host_name: "b1" });
  Object.assign(b, { secret, role: "initiator", hello_interval_s: 1, retransmit_limit: 2 });
  writeFileSync(file, stringify(topology));
  return file;
}

test("a crash of a daemon that waits for its peer: carrier stays, and frames pass", async () => {
  await using lab = await Lab.up(waitingTopology(), "ebpf");
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
  const isCarried = async () => (await lab.pseudowire("a", "lan")).plane === "ebpf";
  await eventually("programs carry it", isCarried);
  const changes = "cat /sys/class/net/pw0/carrier_changes";
  const { stdout: before } = await lab.shell("lcce-a", changes);
  const old = (await lab.pseudowire("a", "lan")).localSessionId;
  const printed = output(
    lab.spawn("a1", "sh", "-c", "echo $$ > /run/ping.pid; exec ping -q -i 0.1 10.0.0.12"),
  );
  await crash(lab);
  await restart(lab);
  await replaced(lab, old);
  await lab.reached("a1", "10.0.0.12");
  await lab.shell("a1", "kill -INT $(cat /run/ping.pid)");
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(await printed) ?? [];
  console.log(`crash of a daemon that waits for its peer: ${received} of ${sent} pings`);
  // Less than 3 s; without programs of the former daemon it would be all of the time.
  expect(Number(sent) - Number(received)).toBeLessThan(30);
  expect((await lab.shell("lcce-a", changes)).stdout).toBe(before);
});

test("a crash, and a configuration for the userspace plane: programs forward nothing beside it", async () => {
  await using lab = await Lab.up(topologyOf("to-userspace", { interface: "trunk" }, true), "ebpf");
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
  await crashInto(lab, (config) => {
    config.plane = "userspace";
  });
  expect((await lab.status("a")).plane.name).toBe("userspace");
  await lab.reached("a1", "10.0.0.12");
  const before = await lab.pseudowire("a", "lan");
  for (const [from, to] of [
    ["a1", "10.0.0.12"],
    ["b1", "10.0.0.11"],
  ] as const) {
    const { stdout } = await lab.exec(from, "ping", "-q", "-i", "0.1", "-c", "50", to);
    expect(stdout).toContain("50 packets transmitted, 50 received, 0% packet loss");
  }
  const after = await lab.pseudowire("a", "lan");
  expect(after.receivedFrames - before.receivedFrames).toBeGreaterThanOrEqual(100);
  const left = (await lab.shell("lcce-a", "ls /sys/class/net")).stdout.split(/\s+/);
  expect(left.filter((name) => name.startsWith("ws"))).toEqual([]);
  expect(existsSync(lab.path(PINS)) ? readdirSync(lab.path(PINS)) : []).toHaveLength(1);
});

test("after a crash, maps too small for the new configuration are replaced by the next daemon", async () => {
  await using lab = await Lab.up(topologyOf("grown", { interface: "trunk" }, true), "ebpf");
  for (const words of ["add many type veth peer name end", "set many up", "set end up"])
    expect((await lab.shell("lcce-a", `ip link ${words}`)).status, words).toBe(0);
  await crashInto(lab, ({ tunnels: { peer } }) => {
    for (let vlan = 1; vlan <= 2000; vlan += 1)
      peer.pseudowires[`v${vlan}`] = {
        circuit: { interface: "many", vlan },
        static: staticSession(1000 + vlan),
      };
  });
  const { plane, pseudowires } = await lab.status("a");
  expect(plane.name, plane.reason).toBe("ebpf");
  expect(pseudowires.length).toBe(2001);
  const isInKernel = async () => (await lab.status("a")).pseudowires.every((one) => one.plane === "ebpf");
  await eventually("programs carry all", isInKernel);
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
  // The next one finds room enough in what this one leaves.
  await crashInto(lab, () => undefined);
  expect((await lab.status("a")).plane.name).toBe("ebpf");
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
});

test("after a crash, the next start removes hidden interfaces of circuits out of use", async () => {
  await using lab = await Lab.up(topologyOf("shrunk", { interface: "trunk" }, true), "ebpf");
  await lab.shell("lcce-a", "ip link add wsa0000cafe0000 type veth peer name wsb0000cafe0000");
  const links = async () => (await lab.shell("lcce-a", "ls /sys/class/net")).stdout.trim().split(/\s+/);
  const before = (await links()).sort();
  await crashInto(lab, ({ tunnels: { peer } }) => {
    peer.pseudowires["gone"] = { circuit: { tap: "pw7" }, static: staticSession(77) };
  });
  const isUp = async () => (await lab.pseudowire("a", "gone")).localCircuit === "up";
  await eventually("its circuit is up", isUp);
  const added = (await links()).filter((name) => !before.includes(name));
  expect(added.map((name) => name.slice(0, 3)).sort()).toEqual(["pw7", "wsa", "wsb", "wst"]);
  await crashInto(lab, ({ tunnels: { peer } }) => {
    delete peer.pseudowires["gone"];
  });
  await eventually("its interfaces are gone", async () => `${(await links()).sort()}` === `${before}`);
  await lab.reached("a1", "10.0.0.12");
});

test("a clean stop leaves no program, no pin and no interface behind", async () => {
  await using lab = await Lab.up(topologyOf("clean", { tap: "pw0", bridge: "lan" }, true), "ebpf");
  const { pid } = await lab.status("a");
  const links = async () => (await lab.shell("lcce-a", "ls /sys/class/net")).stdout.split(/\s+/);
  expect((await links()).filter((link) => /^(ws|pw)/.test(link)).length).toBe(6);
  await lab.shell("lcce-a", `kill ${pid}`);
  await eventually(
    "the daemon is gone",
    async () => (await lab.shell("lcce-a", `kill -0 ${pid}`)).status !== 0,
  );
  expect((await links()).filter((link) => /^(ws|pw)/.test(link))).toEqual([]);
});

test.each(["udp", "ip"])(
  "over %s by ip netns exec: frames pass without a daemon, the next takes over, a stop cleans up",
  async (encapsulation) => {
    await using sites = await Sites.make();
    const keys = { control: "static", encapsulation };
    const pseudowires = { lan: { circuit: { interface: "eth1" }, static: staticSession(7) } };
    const start = (site: "a" | "b") =>
      sites.start(site, sites.write(site, sites.configuration(site, "ebpf", { ...keys, pseudowires })), [
        "ip",
        "netns",
        "exec",
        sites.namespace(site),
      ]);
    const [a] = [start("a"), start("b")];
    await sites.reached();
    expect((await sites.status("a")).plane).toEqual({ name: "ebpf", reason: OUTLIVES });
    await a.end("SIGKILL");
    expect(await sites.passes(50)).toBe(true);
    const next = start("a");
    await sites.told("the next one carries frames", "a", ({ pseudowires: [lan] }) => lan?.plane === "ebpf");
    expect(await sites.passes(50)).toBe(true);
    await next.end();
    const { stdout } = await sites.exec("a", "ip", "-brief", "link");
    expect(stdout).toContain("eth1");
    expect(stdout).not.toMatch(/^ws/m);
  },
);
