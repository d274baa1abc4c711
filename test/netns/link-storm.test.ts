import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { CommandResult } from "../../src/lab/command.ts";
import { openLinks } from "../../src/os/links.ts";
import { watchRoutes } from "../../src/os/routes.ts";
import { eventually, Lab, MAIN, planes } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

const PAIRS = 100;

/** Lines for `ip -batch`: pairs of interfaces that come, rise and go, some 800 notifications. */
function storm(): string {
  const pairs = Array.from({ length: PAIRS }, (_, index) => index);
  return [
    ...pairs.map((pair) => `link add ws${pair} group 77 type veth peer name we${pair}`),
    ...pairs.map((pair) => `link set ws${pair} up`),
    "link del group 77",
  ].join("\n");
}

/** An interface that goes up and down over and over. */
function flaps(name: string, count: number): string {
  return `link set ${name} up\nlink set ${name} down\n`.repeat(count);
}

async function batch(lab: Lab, lines: string): Promise<void> {
  const { status, stderr } = await lab.shell("lcce-a", "ip -batch -", lines);
  expect(status, stderr).toBe(0);
}

async function signal(lab: Lab, pid: number, name: string): Promise<void> {
  expect((await lab.shell("lcce-a", `kill -${name} ${pid}`)).status).toBe(0);
}

/**
 * What a daemon must know at last: its circuit, which went down in the middle of it all, and what passes once
 * it is up again.
 */
async function expectKnown(lab: Lab, pid: number): Promise<void> {
  await eventually(
    "the circuit is reported down",
    async () => (await lab.pseudowire("a", "lan")).localCircuit === "down",
  );
  await eventually(
    "the peer was told",
    async () => (await lab.pseudowire("b", "lan")).remoteCircuit?.startsWith("down") === true,
  );
  await lab.exec("lcce-a", "ip", "link", "set", "trunk", "up");
  await eventually("hosts reach each other again", () => lab.reaches("a10", "10.0.0.13"));
  expect((await lab.status("a")).pid).toBe(pid);
}

/** Has the daemon reload with a thousand pseudowires more; what is given back ends with the reload. */
async function longReload(lab: Lab): Promise<{ readonly done: Promise<CommandResult> }> {
  await batch(lab, "link add many type veth peer name end\nlink set many up\nlink set end up");
  const file = "/run/wirespan-a.yaml";
  const config = parse((await lab.shell("lcce-a", `cat ${file}`)).stdout) as Configuration;
  for (let vlan = 1; vlan <= 1000; vlan += 1)
    config.tunnels["to-b"].pseudowires[`v${vlan}`] = { circuit: { interface: "many", vlan } };
  await lab.shell("lcce-a", `cat > ${file}`, stringify(config));
  return { done: lab.exec("lcce-a", process.execPath, MAIN, "reload", "--socket", "/run/wirespan-a.sock") };
}

interface Configuration {
  readonly tunnels: { readonly "to-b": { readonly pseudowires: Record<string, object> } };
}

/** A storm in whose middle the circuit goes down. */
const whole = `${storm()}\nlink set trunk down\n${storm()}\n`;

test.each(planes)(
  "thousands of link changes at once leave the daemon knowing how things are, plane %s",
  async (plane) => {
    await using lab = await Lab.up("point-to-point", plane);
    const { pid } = await lab.status("a");
    await batch(lab, whole);
    await expectKnown(lab, pid);
    await batch(lab, "link add y1 type veth peer name y2");
    await batch(lab, `${flaps("y1", 300)}link set trunk down\n${flaps("y1", 300)}`);
    await expectKnown(lab, pid);

    await signal(lab, pid, "STOP");
    await batch(lab, whole);
    await signal(lab, pid, "CONT");
    await expectKnown(lab, pid);

    const { done } = await longReload(lab);
    await batch(lab, whole);
    await expectKnown(lab, pid);
    expect((await done).status).toBe(0);
  },
);

test("who reads nothing while they come knows the last of them all the same", async () => {
  await using namespace = await TestNamespace.make("wst-storm");
  using _entered = namespace.enter();
  const links = await openLinks();
  let told = "nothing";
  const watch = watchRoutes(() => {
    told = links.get("left")?.up === true ? "up" : "down";
  });
  try {
    for (const up of [false, true, false]) {
      const last = `link set right ${up ? "up" : "down"}\n`;
      // This thread stands still while they come, and the socket overflows.
      execFileSync("ip", ["-batch", "-"], { input: `${storm()}\n${last}${storm()}\n` });
      await eventually(`left is ${up ? "up" : "down"}`, () => links.get("left")?.up === up);
      await eventually("routes were looked at", () => told === (up ? "up" : "down"));
      expect(
        links
          .all()
          .map(({ name }) => name)
          .sort(),
      ).toEqual(["left", "lo", "right"]);
    }
  } finally {
    watch.close();
    links.close();
  }
});
