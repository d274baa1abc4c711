import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

type Keys = Readonly<Record<string, unknown>>;

/** A static tunnel with pseudowires on TAP devices `pw1` and `pw2` in bridge br7, which has some keys. */
function configOf(plane: string, bridge: Keys | undefined, port: Keys = {}) {
  const pseudowire = (id: number, own: Keys) => ({
    circuit: { tap: `pw${id}`, bridge: "br7", port: own },
    static: { local_session_id: id, remote_session_id: id },
  });
  return {
    plane,
    ...(bridge === undefined ? {} : { bridges: { br7: bridge } }),
    tunnels: {
      hq: {
        ...{ local: "192.0.2.1", remote: "192.0.2.2", control: "static" },
        pseudowires: { one: pseudowire(1, port), two: pseudowire(2, {}) },
      },
    },
  };
}

interface Shown {
  readonly linkinfo?: { readonly info_data?: Keys; readonly info_slave_data?: Keys };
  readonly master?: string;
  readonly mtu?: number;
  readonly ifindex?: number;
}

/** What the kernel says of an interface; undefined without it. */
async function shown({ name }: TestNamespace, device: string): Promise<Shown | undefined> {
  const words = ["ip", "-n", name, "-d", "-j", "link", "show", "dev", device];
  const { stdout } = await run(words, { accept: [0, 1] });
  return stdout.trim() === "" ? undefined : (JSON.parse(stdout) as Shown[])[0];
}

const bridgeData = async (namespace: TestNamespace) =>
  (await shown(namespace, "br7"))?.linkinfo?.info_data ?? {};
const portData = async (namespace: TestNamespace, device: string) =>
  (await shown(namespace, device))?.linkinfo?.info_slave_data ?? {};

/** VLANs of a port as `bridge vlan` says: "1 PVID,Egress Untagged". */
async function vlansOf({ name }: TestNamespace, device: string): Promise<readonly string[]> {
  const { stdout } = await run(["bridge", "-n", name, "-j", "vlan", "show", "dev", device]);
  const [found] = JSON.parse(stdout) as { vlans: { vlan: number; vlanEnd?: number; flags?: string[] }[] }[];
  return (found?.vlans ?? []).flatMap(({ vlan, vlanEnd = vlan, flags = [] }) =>
    Array.from({ length: vlanEnd - vlan + 1 }, (_, index) => [vlan + index, ...flags].join(" ")),
  );
}

/** Whether the kernel has VLANs of bridges (CONFIG_BRIDGE_VLAN_FILTERING). */
async function hasVlans(namespace: TestNamespace): Promise<boolean> {
  await namespace.ip("link add tried type bridge");
  const words = ["ip", "-n", namespace.name, "link", "set", "tried", "type", "bridge", "vlan_filtering", "1"];
  const { status } = await run(words, { accept: [0, 2] });
  await namespace.ip("link del tried");
  return status === 0;
}

const noVlans = "set vlanFiltering of a bridge: EOPNOTSUPP (interface br7)";

/** TABLE: keys of a bridge and what they are in the kernel; `preset` is what a bridge of ours has without. */
const bridgeMatrix: readonly (readonly [
  key: string,
  value: unknown,
  kernel: string,
  wanted: number,
  preset: number,
])[] = [
  ["vlan_filtering", true, "vlan_filtering", 1, 0],
  ["stp", true, "stp_state", 1, 0],
  ["ageing_s", 17, "ageing_time", 1700, 30_000],
  ["multicast_snooping", true, "mcast_snooping", 1, 0],
];

const PVID = "PVID Egress Untagged";

test.each(planes)(
  "plane %s: each key of a bridge and its ports is in the kernel, comes back, and reloads in place",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-bridge-keys");
    await namespace.ip("link add eth5 type veth peer name eth6");
    const vlans = await hasVlans(namespace);
    const rows = bridgeMatrix.filter(([key]) => vlans || key !== "vlan_filtering");
    await using daemon = await DaemonInNamespace.start(namespace.name, configOf(plane, { interfaces: {} }));
    const isJoined = () =>
      eventually("both devices are in the bridge", async () => {
        const masters = await Promise.all(["pw1", "pw2"].map((device) => shown(namespace, device)));
        return masters.every((one) => one?.master === "br7");
      });
    await isJoined();
    for (const [, , kernel, , preset] of bridgeMatrix)
      expect([kernel, (await bridgeData(namespace))[kernel]]).toEqual([kernel, preset]);
    const before = (await shown(namespace, "pw1"))?.ifindex;
    for (const [key, value, kernel, wanted, preset] of rows) {
      expect((await daemon.reload(configOf(plane, { [key]: value }))).problems).toEqual([]);
      expect([key, (await bridgeData(namespace))[kernel]]).toEqual([key, wanted]);
      await daemon.reload(configOf(plane, {}));
      expect([key, (await bridgeData(namespace))[kernel]]).toEqual([key, preset]);
    }
    await daemon.reload(configOf(plane, { mtu: 1500, mac_limit: 7 }));
    expect((await shown(namespace, "br7"))?.mtu).toBe(1500);
    const [seen] = (await daemon.status()).bridges ?? [];
    expect(seen).toMatchObject({ name: "br7", made: true, learnt: 0, limit: 7, stp: false });
    expect(seen?.ports.map(({ device, pseudowires, isolated }) => [device, pseudowires, isolated])).toEqual([
      ["pw1", ["one"], true],
      ["pw2", ["two"], true],
    ]);

    // Split horizon by default, between pseudowires only.
    expect((await portData(namespace, "pw1"))["isolated"]).toBe(true);
    const ports = { isolated: false, link_local: "forward", pvid: 5, vlans: [7, "20-22"] };
    const filtering = { vlan_filtering: true, interfaces: { eth5: { vlans: [7] } } };
    const { problems } = await daemon.reload(configOf(plane, filtering, ports));
    // A kernel without VLANs says so by name, and takes all the rest.
    if (vlans) expect(problems).toEqual([]);
    else expect(problems.join()).toContain(noVlans);
    const isAsWanted = async () => {
      const one = await portData(namespace, "pw1");
      expect({ isolated: one["isolated"], mask: one["group_fwd_mask"] }).toEqual({
        isolated: false,
        mask: "0xfffc",
      });
      expect((await portData(namespace, "pw2"))["isolated"]).toBe(true);
      expect((await portData(namespace, "eth5"))["isolated"]).toBe(false);
      if (!vlans) return;
      expect(await vlansOf(namespace, "pw1")).toEqual([`5 ${PVID}`, "7", "20", "21", "22"]);
      expect(await vlansOf(namespace, "pw2")).toEqual([`1 ${PVID}`]);
      expect(await vlansOf(namespace, "eth5")).toEqual(["7"]);
    };
    await isAsWanted();
    // All of it in place: no device was made anew.
    expect((await shown(namespace, "pw1"))?.ifindex).toBe(before);

    // Somebody else changes one attribute, takes a port out, and deletes the bridge.
    await namespace.ip("link set pw1 type bridge_slave isolated on");
    const isBack = (what: string) =>
      eventually(what, async () => {
        try {
          await isAsWanted();
          return (await shown(namespace, "br7"))?.ifindex !== undefined;
        } catch {
          return false;
        }
      });
    await isBack("isolated is off again");
    await namespace.ip("link set eth5 nomaster");
    await isBack("the interface is a port again");
    await namespace.ip("link del br7");
    await isBack("the bridge is there again with all");
    expect(daemon.log).toContain("bridge br7 was deleted by somebody: it is made again");

    // Another session id replaces the pseudowire; its port stays as it is.
    const other = configOf(plane, filtering, ports);
    other.tunnels.hq.pseudowires.one.static.local_session_id = 11;
    expect((await daemon.reload(other)).plan).toContain("replace pseudowire one");
    await isAsWanted();
  },
);

test.each(planes)(
  "plane %s: a bridge of ours survives a killed daemon, and goes with the last one; interfaces are put back",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-bridge-life");
    await namespace.ip("link add eth5 type veth peer name eth6");
    const config = configOf(plane, { ageing_s: 17, interfaces: { eth5: { isolated: true } } });
    const daemon = await DaemonInNamespace.start(namespace.name, config);
    const isJoined = () =>
      eventually("all ports are in the bridge", async () => {
        const all = await Promise.all(["pw1", "pw2", "eth5"].map((device) => shown(namespace, device)));
        return all.every((one) => one?.master === "br7");
      });
    await isJoined();
    const index = (await shown(namespace, "br7"))?.ifindex;
    process.kill(daemon.pid, "SIGKILL");
    expect(await daemon.ended).toBe(null);
    {
      await using _next = await DaemonInNamespace.start(namespace.name, config, { folder: daemon.folder });
      await isJoined();
      expect((await shown(namespace, "br7"))?.ifindex).toBe(index);
      expect((await portData(namespace, "eth5"))["isolated"]).toBe(true);
    }
    expect(await shown(namespace, "br7")).toBe(undefined);
    expect((await shown(namespace, "eth5"))?.master).toBe(undefined);
    rmSync(daemon.folder, { recursive: true, force: true });
  },
);

test("the log says that a bridge has learnt as many addresses as it may", async () => {
  await using namespace = await TestNamespace.make("ws-bridge-limit");
  await namespace.ip("link add eth5 type veth peer name eth6");
  for (const words of ["link set eth5 up", "link set eth6 up", "addr add 198.51.100.9/24 dev eth6"])
    await namespace.ip(words);
  const config = configOf("userspace", { mac_limit: 1, interfaces: { eth5: {} } });
  await using daemon = await DaemonInNamespace.start(namespace.name, config);
  await eventually("the interface is in the bridge", async () => {
    return (await shown(namespace, "eth5"))?.master === "br7";
  });
  const told = "bridge br7: 1 of at most 1 MAC address learnt: frames to others go to all ports";
  await eventually("the limit is told", async () => {
    // Nobody has that address: the bridge learns from who asks for it.
    const ping = ["ip", "netns", "exec", namespace.name, "ping", "-c", "1", "-W", "1", "198.51.100.10"];
    await run(ping, { accept: [0, 1, 2] });
    return daemon.log.includes(told);
  });
  await daemon.reload(configOf("userspace", { mac_limit: 50, interfaces: { eth5: {} } }));
  const gone = "bridge br7: its limit of 1 MAC address is gone";
  await eventually("the other limit is seen", async () => daemon.log.includes(gone));
});

/** TABLE: where an interface goes that was in a bridge of ours, what the next file says, and its master. */
const movedTo = [
  ["another bridge of ours", { bridges: { br8: { interfaces: { eth5: {} } } } }, "br8"],
  ["a bridge of somebody else's", { bridges: { br9: { create: false, interfaces: { eth5: {} } } } }, "br9"],
  ["a circuit alone", { circuit: { interface: "eth5" } }, undefined],
  ["no bridge", {}, undefined],
] as const;

test.each(movedTo.flatMap((row) => ([true, false] as const).map((isKilled) => [isKilled, ...row] as const)))(
  "an interface that a daemon (killed: %s) put into its bridge goes to %s by the next file, by itself",
  async (isKilled, _what, { circuit, ...keys }: { circuit?: Keys; bridges?: Keys }, master) => {
    await using namespace = await TestNamespace.make("ws-bridge-moved");
    await namespace.ip("link add eth5 type veth peer name eth6");
    for (const words of ["link add br9 type bridge", "link set eth5 up", "link set eth6 up"])
      await namespace.ip(words);
    const { bridges: _bridges, tunnels, ...others } = configOf("userspace", undefined);
    const { hq } = tunnels;
    const one = { ...hq.pseudowires.one, circuit: circuit ?? { tap: "pw1" } };
    const next = { ...others, ...keys, tunnels: { hq: { ...hq, pseudowires: { one } } } };
    await using first = await DaemonInNamespace.start(
      namespace.name,
      configOf("userspace", { interfaces: { eth5: {} } }),
    );
    await eventually("the interface is in the bridge, and that is recorded", async () => {
      const isJoined = (await shown(namespace, "eth5"))?.master === "br7";
      return isJoined && existsSync(`${first.socket}.bridges`);
    });
    if (isKilled) {
      process.kill(first.pid, "SIGKILL");
      await first.ended;
    }
    const { folder } = first;
    first.write(next);
    const words = ["nsenter", `--net=/run/netns/${namespace.name}`, process.execPath, MAIN, "check"];
    const file = join(folder, "wirespan.yaml");
    const { stderr } = await run([...words, "--here", file], { accept: [0, 1] });
    expect(stderr.split("\n").filter((line) => line.includes("eth5"))).toEqual([]);
    await using second = isKilled
      ? await DaemonInNamespace.start(namespace.name, next, { folder })
      : undefined;
    const daemon = second ?? first;
    if (!isKilled) expect((await daemon.reload(next)).problems).toEqual([]);
    await eventually("the former bridge is gone", async () => (await shown(namespace, "br7")) === undefined);
    expect((await shown(namespace, "eth5"))?.master).toBe(master);
    if (circuit !== undefined)
      await eventually("the circuit is up", async () => {
        const { circuit: found, localCircuit } = await daemon.pseudowire("one");
        return found === "eth5" && localCircuit === "up";
      });
    expect(daemon.log).not.toMatch(/take it out first|cut off|not put back/);
    expect((await daemon.status()).bridges?.flatMap(({ problem }) => problem ?? []) ?? []).toEqual([]);
  },
);

test("a bridge that exists stays, keeps what the file does not name, and gets the rest back", async () => {
  await using namespace = await TestNamespace.make("ws-bridge-used");
  for (const words of [
    "link add br7 type bridge ageing_time 4200 mcast_snooping 1 stp_state 0",
    "link add eth5 type veth peer name eth6",
    "link set eth5 master br7",
    "link set eth5 type bridge_slave isolated on",
  ])
    await namespace.ip(words);
  const config = configOf("userspace", {
    ageing_s: 17,
    stp: true,
    interfaces: { eth5: { isolated: false } },
  });
  const values = async () => {
    const { ageing_time, mcast_snooping, stp_state } = await bridgeData(namespace);
    return [ageing_time, mcast_snooping, stp_state, (await portData(namespace, "eth5"))["isolated"]];
  };
  const before = await values();
  expect(before).toEqual([4200, 1, 0, true]);
  const daemon = await DaemonInNamespace.start(namespace.name, config);
  await eventually("the file's values are there", async () => String(await values()) === "1700,1,1,false");
  // A key that goes is put back while the daemon runs; the rest after a crash, by the next daemon.
  await daemon.reload(configOf("userspace", { ageing_s: 17, interfaces: { eth5: { isolated: false } } }));
  expect(await values()).toEqual([1700, 1, 0, false]);
  process.kill(daemon.pid, "SIGKILL");
  await daemon.ended;
  {
    await using next = await DaemonInNamespace.start(namespace.name, config, { folder: daemon.folder });
    await eventually("the file's values are there", async () => String(await values()) === "1700,1,1,false");
    expect((await next.status()).pseudowires.length).toBe(2);
  }
  expect(await values()).toEqual(before);
  expect((await shown(namespace, "eth5"))?.master).toBe("br7");
  rmSync(daemon.folder, { recursive: true, force: true });
});

test("two daemons: the second waits for a bridge that the first has, and removes nothing of it", async () => {
  await using namespace = await TestNamespace.make("ws-bridge-two");
  const alone = (bridge: Keys) => ({
    ...configOf("userspace", bridge),
    tunnels: { t: { local: "192.0.2.1", remote: "192.0.2.9", control: "static", pseudowires: {} } },
  });
  await using first = await DaemonInNamespace.start(namespace.name, configOf("userspace", { ageing_s: 17 }));
  await eventually("the bridge is there", async () => (await shown(namespace, "br7")) !== undefined);
  const index = (await shown(namespace, "br7"))?.ifindex;
  {
    await using second = await DaemonInNamespace.start(namespace.name, alone({ ageing_s: 99 }));
    await eventually("the second says who has it", async () =>
      second.log.includes(`bridge br7: another wirespan (pid ${first.pid}) has it in its file`),
    );
  }
  expect((await shown(namespace, "br7"))?.ifindex).toBe(index);
  expect((await bridgeData(namespace))["ageing_time"]).toBe(1700);
});
