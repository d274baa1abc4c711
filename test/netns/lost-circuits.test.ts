import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, output, planes } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

/** A static tunnel with one circuit. */
function configOf(plane: string, circuit: object, more: object = {}, local = "192.0.2.1"): object {
  const ids = { local_session_id: 1, remote_session_id: 2 };
  const lan = { circuit, static: ids, ...more };
  const tunnel = { local, remote: "192.0.2.2", control: "static", pseudowires: { lan } };
  return { plane, tunnels: { hq: tunnel } };
}

const FRAMES = fileURLToPath(new URL("../support/frames.mjs", import.meta.url));
/** A broadcast of 60 octets, of the EtherType for local experiments. */
const frame = `${"ff".repeat(6)}02000000000188b5${"00".repeat(46)}`;

interface Link {
  readonly ifindex: number;
  readonly mtu: number;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

async function linkOf(namespace: TestNamespace, name: string): Promise<Link | undefined> {
  const words = ["ip", "-n", namespace.name, "-json", "-details", "link", "show", "dev", name];
  const { stdout } = await run(words, { accept: [0, 1] });
  return (JSON.parse(stdout || "[]") as readonly Link[])[0];
}

const isUp = async (daemon: DaemonInNamespace) => {
  const { localCircuit, whyNot } = await daemon.pseudowire("lan");
  return localCircuit === "up" && whyNot === undefined;
};

/** Lines of `ip monitor link` on the end of an interface itself, not of its time as a port of a bridge. */
const deletions = (told: string, device: string) =>
  told
    .split("\n")
    .filter(
      (line) => line.startsWith("Deleted") && line.includes(` ${device}`) && !line.includes(" master "),
    );

test.each(planes)(
  "plane %s: a TAP device that somebody deletes is made once for each time, and stays then",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-lost");
    const config = configOf(plane, { tap: "ust1" });
    await using daemon = await DaemonInNamespace.start(namespace.name, config);
    await eventually("the circuit is up", () => isUp(daemon));
    const child = spawn("ip", ["-n", namespace.name, "monitor", "link"], { stdio: "pipe" });
    const told = output(child);
    const seen = [await linkOf(namespace, "ust1")];
    for (let time = 1; time <= 5; time += 1) {
      await namespace.ip("link del ust1");
      await eventually("there is another TAP device, and it is up", async () => {
        const now = await linkOf(namespace, "ust1");
        if (now === undefined || now.ifindex === seen.at(-1)?.ifindex || !(await isUp(daemon))) return false;
        seen.push(now);
        return true;
      });
    }
    // Nothing more comes of it: a reload finds it as it is.
    expect((await daemon.reload(config)).problems).toEqual([]);
    expect((await linkOf(namespace, "ust1"))?.ifindex).toBe(seen.at(-1)?.ifindex);
    child.kill("SIGTERM");
    expect(deletions(await told, "ust1")).toHaveLength(5);
    expect(daemon.log).not.toContain("cannot forward");
  },
);

test.each(planes)(
  "plane %s: an interface that is made anew again and again is the circuit in the end",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-lost");
    const make = async () => {
      await namespace.ip("link add port1 type veth peer name port2");
      await namespace.ip("link set port2 up");
      await namespace.ip("link set port1 up");
    };
    await make();
    await using daemon = await DaemonInNamespace.start(
      namespace.name,
      configOf(plane, { interface: "port1" }),
    );
    await eventually("the circuit is up", () => isUp(daemon));
    for (let time = 1; time <= 8; time += 1) {
      await namespace.ip("link del port1");
      await make();
    }
    await eventually("the circuit is up again", () => isUp(daemon));
    await eventually("a frame into it is carried", async () => {
      await namespace.exec(process.execPath, FRAMES, "send", "port2", frame);
      return (await daemon.pseudowire("lan")).transmittedFrames > 0;
    });
    expect(daemon.log).not.toContain("cannot forward");
  },
);

test.each(planes)(
  "plane %s: a TAP device gets another MTU and bridge in place; with another name it is another one",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-lost");
    const config = configOf(plane, { tap: "ust1" });
    await using daemon = await DaemonInNamespace.start(namespace.name, config);
    await eventually("the circuit is up", () => isUp(daemon));
    const before = await linkOf(namespace, "ust1");
    const other = await daemon.reload(configOf(plane, { tap: "ust1" }, { mtu: 9000 }));
    expect(other.problems).toEqual([]);
    const after = await linkOf(namespace, "ust1");
    expect([after?.ifindex, after?.mtu]).toEqual([before?.ifindex, 9000]);
    await eventually("the circuit is up", () => isUp(daemon));

    for (const bridge of ["ust8", "ust9"]) await namespace.ip(`link add ${bridge} up type bridge`);
    for (const bridge of ["ust8", "ust9", undefined, "ust8", "missing"] as const) {
      const circuit = { tap: "ust1", ...(bridge === undefined ? {} : { bridge }) };
      const { problems } = await daemon.reload(configOf(plane, circuit));
      const link = await linkOf(namespace, "ust1");
      const isThere = bridge !== "missing";
      expect([problems.length, link?.ifindex, link?.master]).toEqual(
        isThere ? [0, before?.ifindex, bridge] : [1, before?.ifindex, undefined],
      );
      await eventually("the circuit is as its bridge is", async () => (await isUp(daemon)) === isThere);
    }

    // Another device; and the first one, made anew.
    expect((await daemon.reload(configOf(plane, { tap: "ust2" }))).problems).toEqual([]);
    expect(await linkOf(namespace, "ust1")).toBeUndefined();
    await eventually("the circuit is up", () => isUp(daemon));
    for (let time = 1; time <= 5; time += 1) {
      for (const tap of ["ust1", "ust2"]) {
        expect((await daemon.reload(configOf(plane, { tap }))).problems).toEqual([]);
        await eventually("the circuit is up", () => isUp(daemon));
      }
    }
    expect(await linkOf(namespace, "ust1")).toBeUndefined();
  },
);

test.each(planes)(
  "plane %s: the TAP device of a waiting tunnel stays until the tunnel is back, or the file drops it",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-lost");
    await using daemon = await DaemonInNamespace.start(namespace.name, configOf(plane, { tap: "ust1" }));
    await eventually("the circuit is up", () => isUp(daemon));
    const before = await linkOf(namespace, "ust1");
    const moved = configOf(plane, { tap: "ust1" }, {}, "192.0.2.9");
    expect((await daemon.reload(moved)).problems).toEqual([expect.stringContaining("tunnel hq is waiting")]);
    expect((await linkOf(namespace, "ust1"))?.ifindex).toBe(before?.ifindex);
    await namespace.ip("addr add 192.0.2.9/24 dev left");
    await eventually("the circuit is up", () => isUp(daemon));
    expect((await linkOf(namespace, "ust1"))?.ifindex).toBe(before?.ifindex);

    await daemon.reload(configOf(plane, { tap: "ust1" }, {}, "192.0.2.10"));
    expect((await linkOf(namespace, "ust1"))?.ifindex).toBe(before?.ifindex);
    await daemon.reload(configOf(plane, { tap: "ust2" }, {}, "192.0.2.10"));
    expect(await linkOf(namespace, "ust1")).toBeUndefined();
  },
);
