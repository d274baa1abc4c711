import { expect, test } from "vitest";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, planes } from "../support/lab.ts";
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
    expect(port.problems).toEqual([]);
    expect((await daemon.pseudowire("lan")).whyNot).toBe(
      `attachment circuit: right is a port of the bridge br0: ${advice}`,
    );

    // One VLAN leaves the rest to the machine.
    await daemon.reload(configOf(plane, { interface: "left", vlan: 10 }));
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
