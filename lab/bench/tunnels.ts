import { writeFileSync } from "node:fs";
import Table from "cli-table3";
import { run } from "../../src/lab/command.ts";
import { statusOf } from "../../src/lab/daemons.ts";
import type { Print } from "../../src/lab/inside.ts";
import { inNode, RUN, socketOf } from "../../src/lab/nodes.ts";
import { builtProgram, MAIN } from "../paths.ts";
import type { Branch } from "./branches.ts";
import { machineFacts } from "./machine.ts";
import { residentMegabytes } from "./many-sessions.ts";
import { type OutputFiles, writeText } from "./output.ts";
import { end, outputOf, startIn, untilUp } from "./processes.ts";
import { machineText, markdownTable } from "./tables.ts";
import { buildTestBed, inLcce, wanAddress } from "./test-bed.ts";
import { type Plane, planeKeys } from "./wirespan-variant.ts";

/** Many tunnels at one hub with `remote: any`, each for a branch with its name and its secret. */

export interface TunnelBenchOptions extends OutputFiles {
  /** How many tunnels to measure with. */
  readonly counts: readonly number[];
  readonly planes: readonly Plane[];
}

const UP_MS = 300_000;
/** One in so many branches is behind the NAT that has the address of the other LCCE. */
const BEHIND_NAT = 10;
const NAT_RULES = `table ip nat {
  chain outward {
    type nat hook postrouting priority srcnat
    ip saddr 10.99.0.0/16 oifname "wan" masquerade random,fully-random
  }
}
`;
const HUB = "hub";
const BRANCHES = "branches";

interface Found {
  readonly plane: Plane;
  readonly circuits: "tap" | "vlan";
  readonly tunnels: number;
  /** From the start of the hub's daemon to the last session established. */
  readonly setUpMs: number;
  /** Processor time of the hub's daemon until then. */
  readonly processorMs: number;
  /** Resident memory of the hub's daemon. */
  readonly megabytes: number;
  readonly failure?: string;
}

const HEAD = [
  "plane",
  "circuits",
  "tunnels",
  "behind one NAT address",
  "set up, ms",
  "processor time, ms",
  "memory of the hub, MB",
];

/** The branches of a measurement; those behind NAT have addresses of 10.99.0.0/16. */
export function branchesOf(count: number): readonly Branch[] {
  return Array.from({ length: count }, (_, index) => {
    const net = index % BEHIND_NAT === 0 ? "10.99" : "198.18";
    const address = `${net}.${Math.floor(index / 250)}.${(index % 250) + 1}`;
    return { name: `branch-${index}`, secret: `secret of branch ${index}`, address };
  });
}

/** The hub's configuration: a tunnel for each branch, and a circuit each. */
export function hubConfig(branches: readonly Branch[], plane: Plane, circuits: Found["circuits"]): string {
  const tunnels = branches.map(({ name }, index) => {
    const circuit = circuits === "tap" ? { tap: `t${index}` } : { interface: "many", vlan: index + 1 };
    const secret = { file: `${RUN}/${name}.secret` };
    return [name, { peer_host_name: name, secret, pseudowires: { [name]: { circuit } } }];
  });
  return JSON.stringify({
    ...planeKeys(plane),
    lcce: { host_name: HUB, control_socket: socketOf("a") },
    log: { level: "warn" },
    defaults: {
      tunnel: { local: wanAddress[4].a, remote: "any" },
      pseudowire: { type: "ethernet" },
    },
    tunnels: Object.fromEntries(tunnels),
  });
}

/** Measures set-up and memory with growing numbers of tunnels. Resolves to an exit code. */
export async function benchTunnels(options: TunnelBenchOptions, print: Print): Promise<number> {
  const { counts, planes } = options;
  await buildTestBed();
  await inLcce("a", "link add many type veth peer name many-end");
  await inLcce("a", "link set many up");
  await inLcce("a", "link set many-end up");
  // Every address of these is the branches' own.
  await inLcce("a", `route add 198.18.0.0/16 via ${wanAddress[4].b}`);
  for (const net of ["198.18.0.0/16", "10.99.0.0/16"]) await inLcce("b", `route add local ${net} dev lo`);
  await run(inNode("lcce-b", "nft", "-f", "-"), { input: NAT_RULES });
  const found: Found[] = [];
  for (const tunnels of counts) {
    for (const plane of planes) {
      for (const circuits of ["vlan", "tap"] as const) {
        found.push(await measureOne(tunnels, plane, circuits));
        print(JSON.stringify(found.at(-1)));
      }
    }
  }
  const rows = found.map(({ plane, circuits, tunnels, setUpMs, processorMs, megabytes, failure }) =>
    failure === undefined
      ? [plane, circuits, tunnels, Math.ceil(tunnels / BEHIND_NAT), setUpMs, processorMs, megabytes].map(
          String,
        )
      : [plane, circuits, String(tunnels), "", "not all came up", "-", "-"],
  );
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  table.push(...rows);
  print(table.toString());
  const machine = machineFacts();
  writeText(
    { machine, found },
    `${machineText(machine)}\n\n${markdownTable(HEAD, rows)}`,
    "tunnels",
    options,
  );
  return found.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function measureOne(tunnels: number, plane: Plane, circuits: Found["circuits"]): Promise<Found> {
  const branches = branchesOf(tunnels);
  for (const { name, secret } of branches)
    writeFileSync(`${RUN}/${name}.secret`, `${secret}\n`, { mode: 0o600 });
  writeFileSync(`${RUN}/hub.yaml`, hubConfig(branches, plane, circuits));
  writeFileSync(`${RUN}/branches.json`, JSON.stringify(branches));
  const beganMs = performance.now();
  const profile = process.env["BENCH_HUB_NODE"]?.split(" ") ?? [];
  const daemon = startIn("a", HUB, [process.execPath, ...profile, MAIN, "run", "-c", `${RUN}/hub.yaml`]);
  // Branches that call nobody would wait longer and longer.
  await untilUp([daemon], async () => (await statusOf("a")) !== undefined, UP_MS);
  const program = [process.execPath, builtProgram("bench/branches"), `${RUN}/branches.json`, wanAddress[4].a];
  const others = startIn("b", BRANCHES, program);
  try {
    const haveAll = () => Promise.resolve(outputOf("b", BRANCHES).includes("up"));
    const areUp = (await untilUp([daemon, others], haveAll, UP_MS)) && (await untilUp([daemon], isUp, UP_MS));
    if (!areUp) throw new Error(`not all came up; ${outputOf("a", HUB).trim().split("\n").at(-1)}`);
    const setUpMs = Math.round(performance.now() - beganMs);
    const pid = (await statusOf("a"))?.pid ?? 0;
    const megabytes = residentMegabytes(pid);
    return { plane, circuits, tunnels, setUpMs, processorMs: await processorMsOf(pid), megabytes };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const nothing = { setUpMs: 0, processorMs: 0, megabytes: 0 };
    return { plane, circuits, tunnels, ...nothing, failure: error.message };
  } finally {
    await end([daemon, others]);
  }

  async function isUp(): Promise<boolean> {
    const report = await statusOf("a");
    return report?.pseudowires.filter(({ state }) => state === "established").length === tunnels;
  }
}

/** User and system time of a process with its threads: fields 14 and 15 of proc_pid_stat(5), in 10 ms. */
async function processorMsOf(pid: number): Promise<number> {
  const { stdout } = await run(["cat", `/proc/${pid}/stat`]);
  const fields = stdout.slice(stdout.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
