import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PseudowireStatus } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { Sites } from "../support/sites.ts";

const encapsulations = ["udp", "ip"] as const;
const matrix = planes.flatMap((plane) =>
  encapsulations.map((encapsulation) => [plane, encapsulation] as const),
);

describe.each(matrix)("a daemon that runs, plane %s over %s", (plane, encapsulation) => {
  test("another one with the same file refuses before it touches anything, and says who runs", async () => {
    await using sites = await Sites.make();
    const { a } = await sites.up(plane, { encapsulation });
    for (const by of [[], ["unshare", "--mount"]]) {
      const second = sites.start("a", sites.file("a.yaml"), by);
      expect(await second.ended()).toBe(1);
      expect(second.log).toContain(`pid ${a.pid}`);
      expect(second.log).toContain("lcce.control_socket");
      expect(await sites.passes(20)).toBe(true);
    }
    expect((await sites.pseudowire("a")).plane).toBe(plane);
    expect((await sites.reload("a")).stdout).toBe("nothing changes\n");
  });

  test("one with its own control socket reports what waits, serves the rest, takes over later", async () => {
    await using sites = await Sites.make();
    const { a } = await sites.up(plane, { encapsulation });
    const twice = sites.configuration("a", plane, { encapsulation });
    const free = {
      local: "192.0.2.1",
      remote: "192.0.2.9",
      encapsulation,
      ...(encapsulation === "udp" ? { local_port: 1799 } : {}),
      pseudowires: { own: { circuit: { tap: "own0" } }, stolen: { circuit: { interface: "eth1" } } },
    };
    const { peer } = twice["tunnels"] as { peer: object };
    const alone = { ...peer, pseudowires: {} };
    const second = sites.start(
      "a",
      sites.write("second", {
        ...twice,
        lcce: { host_name: "a2", control_socket: sites.socket("second") },
        tunnels: { peer: alone, free },
      }),
    );
    const report = await sites.told("its own circuit is up", "second", ({ pseudowires }) =>
      pseudowires.some(({ name, localCircuit }) => name === "own" && localCircuit === "up"),
    );
    const [same, other] = report.controlConnections;
    expect(same?.state).toBe("waiting");
    expect(same?.whyNot).toMatch(encapsulation === "ip" ? `pid ${a.pid})` : /pid \d+\)|EADDRINUSE/);
    expect(other?.state).toBe("wait-ctl-reply");
    const stolen = report.pseudowires.find(({ name }) => name === "stolen");
    expect(stolen?.localCircuit).toBe("down");
    expect(stolen?.whyNot).toContain(`pid ${a.pid}) carries the frames of eth1`);
    expect(await sites.passes(20)).toBe(true);
    await a.end();
    await sites.told("the second one has the tunnel and the circuit", "second", (now) => {
      const circuit = now.pseudowires.find(({ name }) => name === "stolen");
      return now.controlConnections[0]?.state === "established" && circuit?.localCircuit === "up";
    });
    await second.end();
  });

  test("killed, it leaves nothing that keeps the next one away; of two at once, one runs", async () => {
    await using sites = await Sites.make();
    const { a } = await sites.up(plane, { encapsulation });
    await a.end("SIGKILL");
    const both = [sites.start("a", sites.file("a.yaml")), sites.start("a", sites.file("a.yaml"))];
    await eventually("one has ended", () => both.some(({ isRunning }) => !isRunning));
    const loser = both.find(({ isRunning }) => !isRunning);
    const winner = both.find((one) => one !== loser);
    expect(loser?.log).toContain(`pid ${winner?.pid}`);
    await sites.reached();
    expect((await sites.status("a")).pid).toBe(winner?.pid);
  });
});

test("two daemons with one control socket path, in two file systems, do not disturb each other", async () => {
  await using sites = await Sites.make();
  const folder = sites.file("run");
  mkdirSync(folder);
  const file = (site: "a" | "b") => {
    const lcce = { host_name: site, control_socket: `${folder}/wirespan.sock` };
    return sites.write(site, { ...sites.configuration(site, "ebpf"), lcce });
  };
  const by = ["unshare", "--mount", "sh", "-c", `mount -t tmpfs none ${folder} && exec "$@"`, "sh"];
  const daemons = [sites.start("a", file("a"), by), sites.start("b", file("b"), by)];
  await sites.reached();
  expect(await sites.passes(20)).toBe(true);
  expect(daemons.map(({ log }) => log.includes("another wirespan") && log.includes("pins"))).toContain(true);
  await daemons[0]?.end();
  const again = sites.start("a", file("a"), by);
  await sites.reached();
  await again.end("SIGKILL");
  expect(daemons[1]?.isRunning).toBe(true);
});

test("two daemons never share frames: a VLAN of an interface, or all of it, is for one of them", async () => {
  await using sites = await Sites.make();
  const configuration = (name: string, port: number, circuit: object) => ({
    lcce: { host_name: name, control_socket: sites.socket(name) },
    plane: "userspace",
    tunnels: {
      peer: { local: "192.0.2.1", remote: "192.0.2.2", local_port: port, pseudowires: { lan: { circuit } } },
    },
  });
  const start = (name: string, port: number, circuit: object) =>
    sites.start("a", sites.write(name, configuration(name, port, circuit)));
  const stands = (name: string) =>
    sites.told(`${name} is up`, name, ({ pseudowires }) => pseudowires[0]?.localCircuit === "up");
  start("ten", 2001, { interface: "eth1", vlan: 10 });
  await stands("ten");
  start("twenty", 2002, { interface: "eth1", vlan: 20 });
  await stands("twenty");
  const again = start("again", 2003, { interface: "eth1", vlan: 10 });
  const whole = start("whole", 2004, { interface: "eth1" });
  for (const name of ["again", "whole"]) {
    const isRefused = ({ whyNot }: PseudowireStatus) => whyNot?.includes("carries VLAN") === true;
    await sites.told(`${name} is refused`, name, ({ pseudowires }) => pseudowires.some(isRefused));
  }
  await again.end();
  await whole.end();
});

test("a file at the control socket's path stays, and an impossible path is refused", async () => {
  await using sites = await Sites.make();
  writeFileSync(sites.file("precious"), "data\n");
  const paths = {
    precious: "something else is there, and stays",
    [`${"long".repeat(30)}.sock`]: "longer than 107 octets",
    "precious/x.sock": "ENOTDIR",
  };
  const start = (path: string) =>
    sites.start(
      "a",
      sites.write("odd", { ...sites.configuration("a", "userspace"), lcce: { control_socket: path } }),
    );
  for (const [path, words] of [
    ...Object.entries(paths).map(([name, words]) => [sites.file(name), words] as const),
    ["/proc/absent/x.sock", "lcce.control_socket"] as const,
  ]) {
    const daemon = start(path);
    expect([1, 3]).toContain(await daemon.ended());
    expect(daemon.log).toContain(words);
  }
  expect(sites.read("precious")).toBe("data\n");
});
