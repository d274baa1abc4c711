import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

/** A static tunnel from 192.0.2.1, which `left` has, with one circuit. */
function configOf(plane: string, circuit: object) {
  const ids = { local_session_id: 1, remote_session_id: 2 };
  const tunnel = { local: "192.0.2.1", remote: "192.0.2.2", control: "static" };
  return { plane, tunnels: { hq: { ...tunnel, pseudowires: { lan: { circuit, static: ids } } } } };
}

const advice =
  "as an attachment circuit it would be cut off from this machine; " +
  "use another interface, or set allow_host_use: true";

test.each(planes)(
  "the plane %s takes no interface that its machine uses, until it uses it no more",
  async (plane) => {
    await using namespace = await TestNamespace.make("ws-host-use");
    await namespace.ip("link add br0 type bridge");
    await namespace.ip("link set right master br0");
    await namespace.ip("link set br0 up");
    await using daemon = await DaemonInNamespace.start(
      namespace.name,
      configOf(plane, { interface: "left" }),
    );
    const refused = `attachment circuit: left has 192.0.2.1, the local address of tunnel hq: ${advice}`;
    await eventually(
      "the circuit is refused",
      async () => (await daemon.pseudowire("lan")).whyNot === refused,
    );
    expect((await daemon.pseudowire("lan")).localCircuit).toBe("down");
    const told = daemon.log.split("\n").filter((line) => line.includes(advice));
    expect(told).toEqual([expect.stringMatching(/allow_host_use: true \(\/\S+:\d+:\d+\)/)]);

    const port = await daemon.reload(configOf(plane, { interface: "right" }));
    const isPort = `right is a port of the bridge br0: ${advice}`;
    expect(port.problems).toEqual([`pseudowire lan is waiting: ${isPort}`]);
    expect((await daemon.pseudowire("lan")).whyNot).toBe(`attachment circuit: ${isPort}`);

    const missing = await daemon.reload(configOf(plane, { interface: "dmy" }));
    expect(missing.problems).toEqual(["pseudowire lan is waiting: there is no interface dmy"]);
    expect(missing.changed).toBe(true);

    // One VLAN leaves the rest to the machine.
    const vlan = await daemon.reload(configOf(plane, { interface: "left", vlan: 10 }));
    expect(vlan.problems).toEqual([]);
    expect(await daemon.pseudowire("lan")).toMatchObject({ localCircuit: "up", state: "established" });

    await daemon.reload(configOf(plane, { interface: "left", allow_host_use: true }));
    expect(await daemon.pseudowire("lan")).toMatchObject({ localCircuit: "up", state: "established" });

    await daemon.reload(configOf(plane, { interface: "right" }));
    await namespace.ip("link set right nomaster");
    await eventually(
      "the circuit is attached",
      async () => (await daemon.pseudowire("lan")).localCircuit === "up",
    );
  },
);

/** TABLE: circuits of every kind, by the names of their pseudowires. */
const circuits = {
  tap: { tap: "tap7" },
  tap_vlan: { tap: "tap8", vlan: 8 },
  port: { tap: "tap9", bridge: "br0" },
  interface: { interface: "right" },
  vlan: { interface: "trunk", vlan: 9 },
} as const;

test.each(planes)("a file that a daemon on the plane %s runs has nothing to complain of", async (plane) => {
  await using namespace = await TestNamespace.make("ws-check-running");
  await namespace.ip("link add br0 type bridge");
  await namespace.ip("link add trunk type veth peer name trunk-end");
  for (const name of ["br0", "trunk", "trunk-end"]) await namespace.ip(`link set ${name} up`);
  const pseudowires = Object.fromEntries(
    Object.entries(circuits).map(([name, circuit], index) => [
      name,
      { circuit, static: { local_session_id: 10 + index, remote_session_id: 20 + index } },
    ]),
  );
  const tunnel = { local: "192.0.2.1", remote: "192.0.2.2", control: "static", pseudowires };
  const config = { plane, tunnels: { hq: tunnel } };
  await using daemon = await DaemonInNamespace.start(namespace.name, config);
  await eventually("all circuits are up", async () =>
    (await daemon.status()).pseudowires.every(({ localCircuit }) => localCircuit === "up"),
  );
  expect((await daemon.status()).plane.name).toBe(plane);
  const check = async () => {
    const words = [`--net=/run/netns/${namespace.name}`, process.execPath, MAIN, "check", "--here"];
    return run(["nsenter", ...words, join(daemon.folder, "wirespan.yaml")], { accept: [0, 1] });
  };
  expect(await check()).toMatchObject({ stdout: "OK: 1 tunnel, 5 pseudowires\n", stderr: "", status: 0 });
  // An interface of somebody else is told as before.
  daemon.write({
    ...config,
    tunnels: {
      hq: { ...tunnel, pseudowires: { tap: { ...pseudowires["tap"], circuit: { tap: "trunk" } } } },
    },
  });
  expect((await check()).stderr).toContain("there is already an interface trunk that is not a TAP device");
});
