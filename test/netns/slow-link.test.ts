import { expect, test } from "vitest";
import { builtProgram } from "../../lab/paths.ts";
import { eventually, Lab, output, planes } from "../support/lab.ts";

const FLOOD = builtProgram("traffic/flood");
const DOWNSTREAM = 1000;

test.each(planes)(
  "plane %s: an uplink that is full, with a queue longer than any send buffer, stops nothing else",
  async (plane) => {
    await using lab = await Lab.up("point-to-point", plane);
    const { pid } = await lab.status("a");
    const shape = "root tbf rate 2mbit burst 20kb limit 60mb";
    expect((await lab.exec("lcce-a", "tc", "qdisc", "add", "dev", "wan", ...shape.split(" "))).status).toBe(
      0,
    );
    const flood = lab.spawn("a10", process.execPath, FLOOD, "eth0", "60", "1454");
    const { discards } = await lab.pseudowire("a", "lan");
    const isFull = async () => {
      const pseudowire = await lab.pseudowire("a", "lan");
      // Programs in the kernel fill the queue itself; the worker of the other plane, its send buffer.
      return plane === "ebpf"
        ? pseudowire.transmittedFrames > 5000
        : (pseudowire.discards["psn-congestion"] ?? 0) > 5000;
    };
    await eventually("the uplink is full", isFull);
    expect(discards["circuit-congestion"] ?? 0).toBe(0);
    const before = (await lab.pseudowire("a", "lan")).receivedFrames;
    const downstream = output(lab.spawn("b10", process.execPath, FLOOD, "eth0", "1", "200", `${DOWNSTREAM}`));
    const { sent } = JSON.parse(await downstream) as { sent: number };
    expect(sent).toBeGreaterThan(DOWNSTREAM / 2);
    await eventually(
      "all that b sends arrives",
      async () => (await lab.pseudowire("a", "lan")).receivedFrames >= before + sent,
      5000,
    );
    expect(flood.exitCode, "the flood goes on").toBe(null);
    const reloaded = await lab.shell("lcce-a", `kill -HUP ${pid}`);
    expect(reloaded.status).toBe(0);
    expect((await lab.status("a")).pid).toBe(pid);
    expect((await lab.shell("lcce-a", `kill -TERM ${pid}`)).status).toBe(0);
    await eventually(
      "the daemon has ended",
      async () => (await lab.shell("lcce-a", `kill -0 ${pid}`)).status !== 0,
      5000,
    );
    flood.kill();
  },
);
