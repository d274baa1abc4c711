import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { until } from "../checks.ts";
import { isInstalled } from "../command.ts";
import { isSiteUp, socketOf } from "../daemons.ts";
import { inNode, RUN } from "../network.ts";
import { inLcce, ip, SIDES, type Side, wanAddress } from "./ground.ts";

/** A way to join the two sites; `join` resolves to what undoes it. */
export interface Candidate {
  readonly name: string;
  /** Absent: always. */
  isPossible?(): Promise<boolean>;
  join(): Promise<() => Promise<void>>;
}

/** The command that is measured. */
export const MAIN = fileURLToPath(new URL("../../cli/main.js", import.meta.url));

function other(side: Side): Side {
  return side === "a" ? "b" : "a";
}

async function onBoth(act: (side: Side) => Promise<void>): Promise<void> {
  for (const side of SIDES) await act(side);
}

async function bridge(side: Side, port: string): Promise<void> {
  await inLcce(side, "link add join type bridge mcast_snooping 0");
  await inLcce(side, "link set trunk master join");
  await inLcce(side, `link set ${port} master join up`);
  await inLcce(side, "link set join up");
}

const unbridge = (): Promise<void> => onBoth((side) => inLcce(side, "link delete join"));

/** Starts a program in an LCCE, with its output in a file under /run. */
export function startIn(side: Side, name: string, command: readonly string[]): ChildProcess {
  const log = openSync(`${RUN}/${name}-${side}.log`, "w");
  const [program = "", ...words] = inNode(`lcce-${side}`, ...command);
  const child = spawn(program, words, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

/** Ends programs and waits until they are gone. */
export async function end(children: readonly ChildProcess[]): Promise<void> {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = running.map((child) => new Promise((resolve) => child.on("exit", resolve)));
  for (const child of running) child.kill("SIGTERM");
  await Promise.all(ended);
}

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
      const ends = `local ${wanAddress[4][side]} remote ${wanAddress[4][other(side)]}`;
      await inLcce(side, `link add vx type vxlan id 7 ${ends} dstport 4789 dev wan`);
      await inLcce(side, "link set vx mtu 1500");
      await bridge(side, "vx");
    });
    return async () => {
      await unbridge();
      await onBoth((side) => inLcce(side, "link delete vx"));
    };
  },
};

/** A user-space tunnel that many know, without encryption, on a TAP device in a bridge. */
const openvpn: Candidate = {
  name: "OpenVPN, no cipher",
  isPossible: () => isInstalled("openvpn"),
  async join() {
    await onBoth(async (side) => {
      await ip(`netns exec lcce-${side} ip tuntap add dev vpn mode tap`);
      await inLcce(side, "link set vpn mtu 1500 up");
      await bridge(side, "vpn");
    });
    const children = SIDES.map((side) => {
      const ends = `--local ${wanAddress[4][side]} --remote ${wanAddress[4][other(side)]} --proto udp`;
      const options = "--dev vpn --dev-type tap --cipher none --auth none --tun-mtu 1500 --mssfix 0 --verb 3";
      return startIn(side, "openvpn", ["openvpn", ...`${ends} ${options}`.split(" ")]);
    });
    const log = `${RUN}/openvpn-a.log`;
    const up = await until(() => Promise.resolve(readFileSync(log, "utf8").includes("Sequence Completed")));
    if (!up) throw new Error(`join the sites by OpenVPN: ${readFileSync(log, "utf8")}`);
    return async () => {
      await end(children);
      await unbridge();
      await onBoth((side) => inLcce(side, "link delete vpn"));
    };
  },
};

/** How Wirespan joins the sites. */
interface Way {
  readonly encapsulation: "udp" | "ip";
  readonly family: 4 | 6;
  readonly cookie: 0 | 4 | 8;
  readonly circuit: "interface" | "tap";
}

function configOf(side: Side, { encapsulation, family, cookie, circuit }: Way): string {
  const [local, remote] = [wanAddress[family][side], wanAddress[family][other(side)]];
  const device = circuit === "tap" ? { tap: "pw", bridge: "join" } : { interface: "trunk" };
  const pseudowires = { lan: { circuit: device, cookie } };
  return stringify({
    lcce: { host_name: side, control_socket: socketOf(side) },
    tunnels: { peer: { local, remote, encapsulation, pseudowires } },
  });
}

function wirespan(way: Way): Candidate {
  const { encapsulation, family, cookie, circuit } = way;
  const words = [encapsulation === "udp" ? "UDP" : "IP 115", `IPv${family}`, `cookie ${cookie}`];
  const name = `Wirespan userspace, ${[...words, ...(circuit === "tap" ? ["TAP in a bridge"] : [])].join(", ")}`;
  return {
    name,
    async join() {
      if (circuit === "tap") await onBoth((side) => bridge(side, "trunk"));
      const daemons = SIDES.map((side) => {
        const file = `${RUN}/wirespan-${side}.yaml`;
        writeFileSync(file, configOf(side, way));
        return startIn(side, "wirespan", [process.execPath, MAIN, "run", "-c", file]);
      });
      const up = await until(async () => (await isSiteUp("a")) && (await isSiteUp("b")));
      if (!up) throw new Error(`join the sites by ${name}: ${readFileSync(`${RUN}/wirespan-a.log`, "utf8")}`);
      return async () => {
        await end(daemons);
        if (circuit === "tap") await unbridge();
      };
    },
  };
}

const ways: readonly Way[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((family) =>
    ([8, 4, 0] as const).map((cookie) => ({ encapsulation, family, cookie, circuit: "interface" as const })),
  ),
);

/** TABLE: what is measured, the baselines first. */
export const candidates: readonly Candidate[] = [
  plain,
  vxlan,
  openvpn,
  ...ways.map(wirespan),
  wirespan({ encapsulation: "udp", family: 4, cookie: 8, circuit: "tap" }),
];

/** Those that a run without --only takes: the rest differ little from them. */
export const usual = /^(plain|kernel|OpenVPN)|IPv4, cookie 8/;
