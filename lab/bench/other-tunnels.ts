import { CommandError, isInstalled, run } from "../../src/lab/command.ts";
import { end, outputOf, startIn, untilUp } from "./processes.ts";
import { inLcce, SIDES, type Side, wanAddress } from "./test-bed.ts";

/** Candidates other than Wirespan. */

/** A method of connecting the two sites; `connect` resolves to a function that undoes it. */
export interface Candidate {
  readonly name: string;
  /** Why this machine does not have it; absent or undefined: it has. */
  whyNot?(): Promise<string | undefined>;
  connect(): Promise<() => Promise<void>>;
}

export function otherSide(side: Side): Side {
  return side === "a" ? "b" : "a";
}

/** Runs `act` for one LCCE and then for the other. */
export async function onBoth(act: (side: Side) => Promise<void>): Promise<void> {
  for (const side of SIDES) await act(side);
}

/** A bridge `br0` with the site's port, and another port if there is one. */
export async function bridge(side: Side, port?: string): Promise<void> {
  await inLcce(side, "link add br0 type bridge mcast_snooping 0");
  await inLcce(side, "link set trunk master br0");
  if (port !== undefined) await inLcce(side, `link set ${port} master br0 up`);
  await inLcce(side, "link set br0 up");
}

export const unbridge = (): Promise<void> => onBoth((side) => inLcce(side, "link delete br0"));

/** Plain bridging: both LCCEs are switches, connected by the WAN. */
export const plain: Candidate = {
  name: "plain bridge",
  async connect() {
    await onBoth((side) => bridge(side, "wan"));
    return unbridge;
  },
};

/** Why the kernel refuses a command of `ip` in an LCCE; one that it accepts is undone. */
async function probeRefusal(add: string, remove: string): Promise<string | undefined> {
  try {
    await inLcce("a", add);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return `the kernel refuses: ${error.stderr.trim()}`;
  }
  await inLcce("a", remove);
  return undefined;
}

function ends(side: Side): string {
  return `local ${wanAddress[4][side]} remote ${wanAddress[4][otherSide(side)]}`;
}

/** A tunnel of the kernel: an interface at each end, in a bridge with the site. */
function tunnel(
  name: string,
  {
    add,
    remove,
    probe,
  }: { add: (side: Side) => readonly string[]; remove: readonly string[]; probe?: [string, string] },
): Candidate {
  return {
    name,
    whyNot: () => (probe === undefined ? Promise.resolve(undefined) : probeRefusal(...probe)),
    async connect() {
      await onBoth(async (side) => {
        for (const args of add(side)) await inLcce(side, args);
        await inLcce(side, "link set tunnel mtu 1500");
        await bridge(side, "tunnel");
      });
      return async () => {
        await unbridge();
        await onBoth(async (side) => {
          for (const args of remove) await inLcce(side, args);
        });
      };
    },
  };
}

export const vxlan = tunnel("kernel VXLAN", {
  add: (side) => [`link add tunnel type vxlan id 7 ${ends(side)} dstport 4789 dev wan`],
  remove: ["link delete tunnel"],
});

export const gretap = tunnel("kernel GRETAP", {
  add: (side) => [`link add tunnel type gretap ${ends(side)} nopmtudisc`],
  remove: ["link delete tunnel"],
  probe: [`link add probe type gretap ${ends("a")}`, "link delete probe"],
});

/** The kernel's l2tp_eth, with static ids and cookies. */
export function kernelL2tp(encapsulation: "udp" | "ip"): Candidate {
  const encap = encapsulation === "udp" ? "encap udp udp_sport 1701 udp_dport 1701" : "encap ip";
  const cookies = "cookie 0011223344556677 peer_cookie 0011223344556677";
  return tunnel(`kernel L2TP, ${encapsulation === "udp" ? "UDP" : "IP 115"}`, {
    add: (side) => [
      `l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 ${encap} ${ends(side)}`,
      `l2tp add session name tunnel tunnel_id 1 session_id 1 peer_session_id 1 ${cookies} l2spec_type none`,
    ],
    remove: ["l2tp del session tunnel_id 1 session_id 1", "l2tp del tunnel tunnel_id 1"],
    probe: [
      `l2tp add tunnel tunnel_id 9 peer_tunnel_id 9 encap ip ${ends("a")}`,
      "l2tp del tunnel tunnel_id 9",
    ],
  });
}

/** A well-known user-space tunnel, without encryption, on a TAP device in a bridge. */
export const openvpn: Candidate = {
  name: "OpenVPN, no cipher",
  whyNot: async () => ((await isInstalled("openvpn")) ? undefined : "not installed: apt-get install openvpn"),
  async connect() {
    await onBoth(async (side) => {
      await run(["ip", "netns", "exec", `lcce-${side}`, "ip", "tuntap", "add", "dev", "vpn", "mode", "tap"]);
      await inLcce(side, "link set vpn mtu 1500 up");
      await bridge(side, "vpn");
    });
    const children = SIDES.map((side) => {
      const [local, remote] = [wanAddress[4][side], wanAddress[4][otherSide(side)]];
      const addresses = `--local ${local} --remote ${remote} --proto udp`;
      const options = "--dev vpn --dev-type tap --cipher none --auth none --tun-mtu 1500 --mssfix 0 --verb 3";
      return startIn(side, "openvpn", ["openvpn", ...`${addresses} ${options}`.split(" ")]);
    });
    const up = await untilUp(children, async () => outputOf("a", "openvpn").includes("Sequence Completed"));
    if (!up) throw new Error(`connect the sites by OpenVPN: ${outputOf("a", "openvpn")}`);
    return async () => {
      await end(children);
      await unbridge();
      await onBoth((side) => inLcce(side, "link delete vpn"));
    };
  },
};
