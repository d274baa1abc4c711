import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

/** A static tunnel from 192.0.2.1 with one circuit, and beside it what a test adds. */
function configOf(plane: string, circuit: object, more: object = {}) {
  const ids = { local_session_id: 1, remote_session_id: 2 };
  const tunnel = { local: "192.0.2.1", remote: "192.0.2.2", control: "static" };
  return { plane, tunnels: { hq: { ...tunnel, pseudowires: { lan: { circuit, static: ids } } }, ...more } };
}

const noBridge = "bridge br77 does not exist; create it: ip link add br77 type bridge";

const counted = (text: string, words: string) => text.split(words).length - 1;

test.each(planes)(
  "plane %s: a TAP device is in its bridge whenever there is one, whatever became of the bridge meanwhile",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-bridges");
    const masterOf = async () => {
      const { stdout } = await run(["ip", "-n", namespace.name, "link", "show", "dev", "ust1"]);
      return / master (\S+)/.exec(stdout)?.[1];
    };
    const config = configOf(plane, { tap: "ust1", bridge: "br77" });
    await using daemon = await DaemonInNamespace.start(namespace.name, config);
    const puts = () => counted(daemon.log, "TAP device ust1 added to bridge br77");
    const isBack = (times: number) =>
      eventually(`in its bridge for the ${times}. time`, async () => {
        const { localCircuit } = await daemon.pseudowire("lan");
        // A bridge that is renamed meanwhile may get the port once more.
        return (await masterOf()) === "br77" && puts() >= times && localCircuit === "up";
      });
    const saysWhy = (problem: string) =>
      eventually(`status says: ${problem}`, async () => {
        return (await daemon.pseudowire("lan")).whyNot === `attachment circuit: ${problem}`;
      });
    const waits = () =>
      eventually("it waits for its bridge", async () => {
        const { localCircuit, whyNot } = await daemon.pseudowire("lan");
        return localCircuit === "down" && whyNot === `attachment circuit: ${noBridge}`;
      });
    await waits();
    // Before there is a bridge, it was never anything but down.
    expect(daemon.log).toContain("attachment circuit ust1 is not attached yet");
    expect(daemon.log).not.toMatch(/attachment circuit ust1 is (up|down)/);
    const { changed, problems } = await daemon.reload(config);
    expect({ changed, problems }).toEqual({
      changed: false,
      problems: [`pseudowire lan is waiting: ${noBridge}`],
    });
    await namespace.ip("link add br77 up type bridge");
    await isBack(1);
    expect((await daemon.reload(config)).problems).toEqual([]);

    // As one command after the other, and with time between them.
    await namespace.ip("link del br77");
    await namespace.ip("link add br77 up type bridge");
    await isBack(2);
    await namespace.ip("link del br77");
    await waits();
    await namespace.ip("link add br77 up type bridge");
    await isBack(3);
    await namespace.ip("link set ust1 nomaster");
    await isBack(4);
    await namespace.ip("link add br78 type bridge");
    await namespace.ip("link set ust1 master br78");
    await isBack(5);
    await namespace.ip("link set br77 down");
    await namespace.ip("link set br77 name br79");
    await waits();
    await namespace.ip("link set br79 name br77");
    await isBack(5);

    await daemon.reload(configOf(plane, { tap: "ust1", bridge: "right" }));
    const other =
      "right is no bridge; name a bridge in the file (they are listed by: ip link show type bridge)";
    await saysWhy(other);

    const taken = await daemon.reload(configOf(plane, { tap: "right" }));
    const another =
      "there is already an interface right that is not a TAP device: choose another name or delete it";
    expect(taken.problems).toEqual([`pseudowire lan is waiting: ${another}`]);
    await saysWhy(another);
  },
);

test("check reports missing bridges, what is no bridge, and TAP devices whose name is taken", async () => {
  await using namespace = await TestNamespace.make("ws-bridges");
  await namespace.ip("link add br0 type bridge");
  await namespace.ip("link set br0 up");
  await namespace.ip("tuntap add free0 mode tap");
  const file = join(tmpdir(), `wirespan-bridges-${process.pid}.yaml`);
  const toldOf = async (circuit: object) => {
    writeFileSync(file, JSON.stringify(configOf("auto", circuit)));
    const words = ["nsenter", `--net=/run/netns/${namespace.name}`, process.execPath, MAIN, "check"];
    const { stderr } = await run([...words, "--here", file], { accept: [0, 1] });
    return stderr
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replace(`${file}:1:`, ""));
  };
  const circuitOf = (device: string, bridge: string) => {
    const text = JSON.stringify(configOf("auto", { tap: device, bridge }));
    const column = (value: string) => text.indexOf(JSON.stringify(value)) + 1;
    const at = "tunnels.hq.pseudowires.lan.circuit";
    return {
      tap: `${column(device)}  ${at}.tap: on this machine:`,
      bridge: `${column(bridge)}  ${at}.bridge: on this machine:`,
    };
  };
  try {
    expect(await toldOf({ tap: "free0", bridge: "br0" })).toEqual([]);
    expect(await toldOf({ tap: "free1", bridge: "br77" })).toEqual([
      `${circuitOf("free1", "br77").bridge} ${noBridge}; ` +
        "run: ip link add br77 type bridge && ip link set dev br77 up",
    ]);
    expect(await toldOf({ tap: "right", bridge: "left" })).toEqual([
      `${circuitOf("right", "left").tap} there is already an interface right that is not a TAP device: ` +
        `choose another name or delete it`,
      `${circuitOf("right", "left").bridge} left is no bridge; name a bridge in the file ` +
        `(they are listed by: ip link show type bridge)`,
    ]);
  } finally {
    rmSync(file, { force: true });
  }
});

test("a reload that opens a waiting tunnel reports it; its pseudowires are not opened before", async () => {
  await using namespace = await TestNamespace.make("ws-bridges");
  await using daemon = await DaemonInNamespace.start(namespace.name, configOf("userspace", { tap: "ust1" }));
  const secret = join(daemon.folder, "secret");
  const branch = {
    ...{ local: "192.0.2.1", remote: "192.0.2.3", secret: { file: secret } },
    pseudowires: { second: { circuit: { interface: "right" } } },
  };
  const config = configOf("userspace", { tap: "ust1" }, { branch });
  await daemon.reload(config);
  expect(daemon.log).toContain("reloading the configuration: 1 step");
  expect(daemon.log).not.toContain("1 steps");
  expect((await daemon.pseudowire("second")).localCircuit).toBe("not open: its tunnel is waiting");
  // Not just before it would be tried again without a reload.
  await eventually("the pauses between attempts are long", async () => {
    const { controlConnections } = await daemon.status();
    return controlConnections.some(({ nextAttemptInMs = 0 }) => nextAttemptInMs > 1000);
  });
  writeFileSync(secret, "of ours\n", { mode: 0o600 });
  const { changed, plan, problems } = await daemon.reload(config);
  expect({ changed, problems }).toEqual({ changed: true, problems: [] });
  expect(plan).toMatch(/^open tunnel branch \(it was waiting: read a secret: ENOENT .*\)$/);
  expect((await daemon.pseudowire("second")).localCircuit).toBe("up");
  const lines = daemon.log.split("\n");
  const at = (words: string) => lines.findIndex((line) => line.includes(words));
  expect(at("tunnel branch is open, no longer waiting")).toBeGreaterThan(0);
  expect(at("tunnel branch is open, no longer waiting")).toBeLessThan(at("tunnel branch: idle"));
  expect((await daemon.reload(config)).plan).toBe("nothing changes");
});
