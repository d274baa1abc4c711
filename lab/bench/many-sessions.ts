import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { RUN, socketOf } from "../../src/lab/nodes.ts";
import { MAIN } from "../paths.ts";
import { onBoth, otherSide } from "./other-tunnels.ts";
import { outputOf, startIn } from "./processes.ts";
import { inLcce, SIDES, type Side, wanAddress } from "./test-bed.ts";
import { type Plane, planeKeys } from "./wirespan-variant.ts";

/** Two daemons with many sessions between them, of which one carries the sites' frames. */

/** VLANs of one device. */
const MOST_VLANS = 4094;
const LOG = "sessions";
const COOKIE = "0011223344556677";

export interface ManySessions {
  readonly sessions: number;
  readonly control: "negotiated" | "static";
  readonly plane: Plane;
  /** How long a peer may be silent before a HELLO; default that of the configuration. */
  readonly helloSeconds?: number;
}

/** Adds devices at both ends for the circuits of so many sessions. */
export async function addCircuits(sessions: number): Promise<void> {
  const devices = Math.ceil(sessions / MOST_VLANS);
  await onBoth(async (side) => {
    for (let index = 1; index <= devices; index += 1) {
      await inLcce(side, `link add many${index} type veth peer name end${index}`);
      await inLcce(side, `link set many${index} up`);
      await inLcce(side, `link set end${index} up`);
    }
  });
}

/**
 * One session for the whole trunk, the last one, so that all others exist when it is up; the others each for
 * a VLAN.
 */
export function configOf(side: Side, many: ManySessions): string {
  const { sessions, control, plane, helloSeconds } = many;
  const keysOf = (number: number) =>
    control === "negotiated"
      ? {}
      : {
          static: {
            ...{ local_session_id: number, remote_session_id: number },
            ...{ receive_cookie: COOKIE, transmit_cookie: COOKIE },
          },
        };
  const vlans = Array.from({ length: sessions - 1 }, (_, index) => {
    const device = `many${Math.floor(index / MOST_VLANS) + 1}`;
    const circuit = { interface: device, vlan: (index % MOST_VLANS) + 1 };
    return [`pw${index}`, { circuit, ...keysOf(index + 1) }];
  });
  const lan = { circuit: { interface: "trunk" }, ...keysOf(sessions) };
  const [local, remote] = [wanAddress[4][side], wanAddress[4][otherSide(side)]];
  const pseudowires = { ...Object.fromEntries(vlans), lan };
  // JSON is YAML, and quicker to write where there is much of it.
  return JSON.stringify({
    ...planeKeys(plane),
    lcce: { host_name: side, control_socket: socketOf(side) },
    log: { level: "warn" },
    tunnels: {
      peer: {
        local,
        remote,
        gso: "offload",
        control,
        ...(control === "static" ? {} : { receive_window: 64 }),
        ...(helloSeconds === undefined ? {} : { hello_interval_s: helloSeconds }),
        pseudowires,
      },
    },
  });
}

/** Starts a daemon at both ends. */
export function startMany(many: ManySessions): readonly ChildProcess[] {
  const files = SIDES.map((side) => {
    const file = `${RUN}/sessions-${side}.yaml`;
    writeFileSync(file, configOf(side, many));
    return [side, file] as const;
  });
  return files.map(([side, file]) => startIn(side, LOG, [process.execPath, MAIN, "run", "-c", file]));
}

/** The error of daemons that did not come up. */
export function notUp({ sessions, plane }: ManySessions): Error {
  const lines = outputOf("a", LOG).trim().split("\n").slice(-3).join("\n");
  return new Error(`measure ${sessions} sessions by ${plane}: not all came up; ${lines}`);
}

function numberIn(text: string, key: string): number | undefined {
  const found = new RegExp(`^${key}:\\s*(\\d+)`, "m").exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Resident memory of a process. */
export function residentMegabytes(pid: number): number {
  const kilobytes = numberIn(readFileSync(`/proc/${pid}/status`, "utf8"), "VmRSS") ?? 0;
  return Math.round(kilobytes / 1024);
}

/** Kernel memory of the BPF maps that a process has open. */
export function mapMegabytesOf(pid: number): number {
  const octets = new Map<number, number>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
    const id = numberIn(text, "map_id");
    if (id !== undefined) octets.set(id, numberIn(text, "memlock") ?? 0);
  }
  return Math.round([...octets.values()].reduce((sum, size) => sum + size, 0) / 2 ** 20);
}
