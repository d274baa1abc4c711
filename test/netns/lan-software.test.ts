import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { run } from "../../src/lab/command.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { type LanProgram, lanLoads, lanPrograms, PRELUDE } from "../support/lan-programs.ts";

/**
 * Programs that networks rely on, between two hosts: by a veth pair, and by a pseudowire whose circuits
 * are the hosts' own veth pairs.
 */

const LIMIT_MS = 60_000;
const prefix = `wirespan-lan-${process.pid}`;
const hosts = [`${prefix}-h1`, `${prefix}-h2`] as const;
const lcces = [`${prefix}-l1`, `${prefix}-l2`] as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-lan-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ip(words: string): Promise<void> {
  await run(["ip", ...words.split(" ")]);
}

type End = readonly [node: string, port: string];

async function addPair(one: End, other: End, mtu: number): Promise<void> {
  const peer = `peer name ${other[1]} mtu ${mtu} netns ${other[0]}`;
  await ip(`link add ${one[1]} mtu ${mtu} netns ${one[0]} type veth ${peer}`);
  for (const [node, port] of [one, other]) await ip(`-n ${node} link set ${port} up`);
}

/** Two hosts and what is between them; goes when it is disposed of. */
class Line implements AsyncDisposable {
  readonly #daemons: ChildProcess[] = [];

  /** `plane` of both daemons; undefined for a veth pair. */
  static async lay(plane: string | undefined): Promise<Line> {
    const line = new Line();
    try {
      for (const node of [...hosts, ...(plane === undefined ? [] : lcces)]) {
        await ip(`netns add ${node}`);
        await ip(`-n ${node} link set lo up`);
      }
      if (plane === undefined) await addPair([hosts[0], "eth0"], [hosts[1], "eth0"], 1500);
      else await line.#addPseudowire(plane);
      for (const [index, host] of hosts.entries())
        await ip(`-n ${host} addr add 10.1.0.${index + 1}/24 dev eth0`);
      const ping = ["ip", "netns", "exec", hosts[1], "ping", "-q", "-c1", "-W1", "10.1.0.1"];
      const reaches = async () => (await run(ping, { accept: [0, 1, 2] })).status === 0;
      await eventually("hosts reach each other", reaches, LIMIT_MS);
      return line;
    } catch (error) {
      await line[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #addPseudowire(plane: string): Promise<void> {
    await addPair([lcces[0], "wan"], [lcces[1], "wan"], 1600);
    for (const [index, lcce] of lcces.entries()) {
      await addPair([hosts[index] as string, "eth0"], [lcce, "circuit"], 1500);
      const [local, remote] = [`192.0.2.${index + 1}`, `192.0.2.${2 - index}`];
      await ip(`-n ${lcce} addr add ${local}/24 dev wan`);
      const circuit = { interface: "circuit" };
      const tunnel = { local, remote, encapsulation: "udp", pseudowires: { lan: { circuit } } };
      const own = { host_name: `l${index}`, control_socket: join(folder, `${lcce}.sock`) };
      const file = join(folder, `${lcce}.yaml`);
      writeFileSync(file, stringify({ lcce: own, plane, tunnels: { peer: tunnel } }));
      const daemon = ["netns", "exec", lcce, process.execPath, MAIN, "run", "-c", file];
      this.#daemons.push(spawn("ip", daemon, { stdio: "ignore" }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await ended(daemon, "SIGTERM");
    for (const node of [...hosts, ...lcces]) await run(["ip", "netns", "delete", node], { accept: [0, 1] });
  }
}

/** Ends a program, and resolves once it has ended. */
async function ended(program: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  const closed = new Promise((resolve) => program.once("close", resolve));
  program.kill(signal);
  await closed;
}

/**
 * A script at a site, with namespaces of its own for processes, mounts and its name: whatever it starts ends
 * with it. The shell stays the first process to the end: programs that change their rights would forget to
 * end with their parent.
 */
function script(site: 1 | 2, text: string): ChildProcess {
  const shell = ["bash", "-c", `N=${site} M=${3 - site}\n${PRELUDE}\n${text}\nexit $?`];
  const own = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", ...shell];
  const at = hosts[site - 1] as string;
  return spawn("ip", ["netns", "exec", at, ...own], { stdio: ["ignore", "ignore", "pipe"] });
}

/** "works", or how site 2 ended and what was said. */
async function outcome({ one, two }: LanProgram): Promise<string> {
  const [server, client] = [script(1, one), script(2, two)];
  let said = "";
  for (const side of [server, client])
    side.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2000);
    });
  const timer = setTimeout(() => client.kill("SIGKILL"), LIMIT_MS);
  const status = await new Promise((resolve) => client.once("close", resolve));
  clearTimeout(timer);
  await ended(server, "SIGKILL");
  return status === 0 ? "works" : `status ${status}: ${said}`;
}

test.each([undefined, ...planes])(
  "programs that local networks rely on work by plane %s (undefined: by a veth pair)",
  async (plane) => {
    await using _ = await Line.lay(plane);
    const found = await Promise.all(
      lanPrograms.map(async (program) => [program.name, await outcome(program)] as const),
    );
    for (const program of lanLoads) found.push([program.name, await outcome(program)]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(found.map(([name]) => [name, "works"])));
  },
);
