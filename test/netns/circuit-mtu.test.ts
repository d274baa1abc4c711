import { expect, test } from "vitest";
import { eventually, Lab, planes } from "../support/lab.ts";

test.each(planes)("plane %s counts frames that the circuit's interface has no room for", async (plane) => {
  await using lab = await Lab.up("point-to-point", plane);
  for (const node of ["lcce-b", "switch-b"])
    expect((await lab.exec(node, "ip", "link", "set", "trunk", "mtu", "1400")).status).toBe(0);
  const refused = async () => (await lab.pseudowire("b", "lan")).discards["circuit-error"] ?? 0;
  const ping = (octets: number) =>
    lab.exec("a10", "ping", "-q", "-c1", "-W2", "-M", "do", "-s", `${octets}`, "10.0.0.13");
  await lab.reached("a10", "10.0.0.13");
  expect((await ping(1400 - 28)).status).toBe(0);
  expect(await refused()).toBe(0);
  expect((await ping(1500 - 28)).status).toBe(1);
  await eventually("the frame is counted", async () => (await refused()) === 1);
  expect((await lab.pseudowire("b", "lan")).plane).toBe(plane);
});
