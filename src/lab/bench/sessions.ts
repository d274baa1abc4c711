import { readFileSync, writeFileSync } from "node:fs";
import Table from "cli-table3";
import { stringify } from "yaml";
import { until } from "../checks.ts";
import { socketOf, statusOf } from "../daemons.ts";
import type { Print } from "../inside.ts";
import { RUN } from "../network.ts";
import { end, MAIN, startIn } from "./candidates.ts";
import { buildGround, inLcce, SIDES, type Side, wanAddress } from "./ground.ts";
import { flood } from "./measures.ts";

export interface SessionBenchOptions {
  /** How many sessions to measure with. */
  readonly counts: readonly number[];
  readonly seconds: number;
  readonly json?: string | undefined;
}

/** VLANs that one device can part sessions by. */
const MOST_VLANS = 4094;
const UP_MS = 300_000;

interface Found {
  readonly sessions: number;
  /** From the start of both daemons to the last session established. */
  readonly setUpMs: number;
  /** Resident memory of one daemon. */
  readonly megabytes: number;
  /** Untagged frames a second, in thousands, of a flood over one of the sessions. */
  readonly kiloFrames: number;
}

/** Measures set-up, memory and look-up with growing numbers of sessions over one control connection. Resolves to an exit code. */
export async function benchSessions(
  { counts, seconds, json }: SessionBenchOptions,
  print: Print,
): Promise<number> {
  await buildGround();
  const devices = Math.ceil(Math.max(...counts) / MOST_VLANS);
  for (const side of SIDES) {
    for (let index = 1; index <= devices; index += 1) {
      await inLcce(side, `link add many${index} type veth peer name end${index}`);
      await inLcce(side, `link set many${index} up`);
      await inLcce(side, `link set end${index} up`);
    }
  }
  const found: Found[] = [];
  for (const sessions of counts) {
    found.push(await measureOne(sessions, seconds));
    print(JSON.stringify(found.at(-1)));
  }
  const table = new Table({
    head: ["sessions", "set up, ms", "memory of a daemon, MB", "60-octet frames, thousand/s of a flood"],
    style: { head: [], border: [], compact: true },
  });
  for (const { sessions, setUpMs, megabytes, kiloFrames } of found) {
    table.push([sessions, setUpMs, megabytes, kiloFrames.toFixed(0)]);
  }
  print(table.toString());
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(found, null, 2)}\n`);
  return 0;
}

/** One session for the whole trunk, the others each for a VLAN. */
function configOf(side: Side, sessions: number): string {
  const remote = wanAddress[4][side === "a" ? "b" : "a"];
  const vlans = Array.from({ length: sessions - 1 }, (_, index) => {
    const device = `many${Math.floor(index / MOST_VLANS) + 1}`;
    return [`pw${index}`, { circuit: { interface: device, vlan: (index % MOST_VLANS) + 1 } }];
  });
  return stringify({
    lcce: { host_name: side, control_socket: socketOf(side) },
    log: { level: "warn" },
    tunnels: {
      peer: {
        local: wanAddress[4][side],
        remote,
        receive_window: 64,
        pseudowires: { lan: { circuit: { interface: "trunk" } }, ...Object.fromEntries(vlans) },
      },
    },
  });
}

async function measureOne(sessions: number, seconds: number): Promise<Found> {
  const files = SIDES.map((side) => {
    const file = `${RUN}/sessions-${side}.yaml`;
    writeFileSync(file, configOf(side, sessions));
    return [side, file] as const;
  });
  const beganMs = performance.now();
  const daemons = files.map(([side, file]) =>
    startIn(side, "sessions", [process.execPath, MAIN, "run", "-c", file]),
  );
  try {
    const up = await until(
      async () => (await Promise.all(SIDES.map((side) => isUp(side, sessions)))).every(Boolean),
      UP_MS,
    );
    if (!up)
      throw new Error(
        `measure ${sessions} sessions: not all came up; ${readFileSync(`${RUN}/sessions-a.log`, "utf8")}`,
      );
    const setUpMs = Math.round(performance.now() - beganMs);
    const pid = (await statusOf("a"))?.pid ?? 0;
    const kilobytes = Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    const { arrived } = await flood(seconds, 60);
    if (arrived === 0) throw new Error(`measure ${sessions} sessions: no frame arrived`);
    return {
      sessions,
      setUpMs,
      megabytes: Math.round(kilobytes / 1024),
      kiloFrames: arrived / seconds / 1000,
    };
  } finally {
    await end(daemons);
  }
}

async function isUp(side: Side, sessions: number): Promise<boolean> {
  const report = await statusOf(side);
  return report?.pseudowires.filter(({ state }) => state === "established").length === sessions;
}
