import { spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { until } from "../checks.ts";
import { isSiteUp, socketOf } from "../daemons.ts";
import { inNode, RUN } from "../network.ts";
import { inLcce, SIDES, type Side, wanAddress } from "./ground.ts";

/** A way to join the two sites; `join` resolves to what undoes it. */
export interface Candidate {
  readonly name: string;
  join(): Promise<() => Promise<void>>;
}

const MAIN = fileURLToPath(new URL("../../cli/main.js", import.meta.url));

async function bridge(side: Side, port: string): Promise<void> {
  await inLcce(side, "link add join type bridge mcast_snooping 0");
  await inLcce(side, "link set trunk master join");
  await inLcce(side, `link set ${port} master join up`);
  await inLcce(side, "link set join up");
}

async function onBoth(act: (side: Side) => Promise<void>): Promise<void> {
  for (const side of SIDES) await act(side);
}

const unbridge = (): Promise<void> => onBoth((side) => inLcce(side, "link delete join"));

/** Both LCCEs as mere switches: the WAN is a cable. */
const plain: Candidate = {
  name: "plain bridge",
  async join() {
    await onBoth((side) => bridge(side, "wan"));
    return unbridge;
  },
};

const vxlan: Candidate = {
  name: "kernel VXLAN",
  async join() {
    await onBoth(async (side) => {
      const remote = wanAddress[side === "a" ? "b" : "a"];
      await inLcce(
        side,
        `link add vx type vxlan id 7 local ${wanAddress[side]} remote ${remote} dstport 4789 dev wan`,
      );
      await inLcce(side, "link set vx mtu 1500");
      await bridge(side, "vx");
    });
    return async () => {
      await unbridge();
      await onBoth((side) => inLcce(side, "link delete vx"));
    };
  },
};

function start(
  side: Side,
  tunnel: Readonly<Record<string, unknown>>,
  pseudowire: Readonly<Record<string, unknown>>,
) {
  const file = `${RUN}/bench-${side}.yaml`;
  const remote = wanAddress[side === "a" ? "b" : "a"];
  const pseudowires = { lan: { circuit: { interface: "trunk" }, ...pseudowire } };
  writeFileSync(
    file,
    stringify({
      lcce: { host_name: side, control_socket: socketOf(side) },
      tunnels: { peer: { local: wanAddress[side], remote, ...tunnel, pseudowires } },
    }),
  );
  const log = openSync(`${RUN}/bench-${side}.log`, "w");
  const [program = "", ...words] = inNode(`lcce-${side}`, process.execPath, MAIN, "run", "-c", file);
  const child = spawn(program, words, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

function wirespan(
  name: string,
  tunnel: Readonly<Record<string, unknown>>,
  pseudowire: Readonly<Record<string, unknown>> = {},
): Candidate {
  return {
    name,
    async join() {
      const daemons = SIDES.map((side) => start(side, tunnel, pseudowire));
      const up = await until(async () => (await isSiteUp("a")) && (await isSiteUp("b")));
      if (!up) throw new Error(`join the sites by ${name}: no session came up; see ${RUN}/bench-a.log`);
      return async () => {
        const ended = daemons.map((daemon) => new Promise((resolve) => daemon.on("exit", resolve)));
        for (const daemon of daemons) daemon.kill("SIGTERM");
        await Promise.all(ended);
      };
    },
  };
}

/** TABLE: what is measured, the baselines first. */
export const candidates: readonly Candidate[] = [
  plain,
  vxlan,
  wirespan("Wirespan userspace, UDP", {}),
  wirespan("Wirespan userspace, IP 115", { encapsulation: "ip" }),
];
