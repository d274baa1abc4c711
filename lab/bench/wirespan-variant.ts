import { writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { isSiteUp, statusOf } from "../../src/lab/daemons.ts";
import { RUN, socketOf } from "../../src/lab/nodes.ts";
import { until } from "../../src/lab/until.ts";
import { MAIN } from "../paths.ts";
import { bridge, type Candidate, onBoth, otherSide, unbridge } from "./other-tunnels.ts";
import { end, outputOf, startIn, untilUp } from "./processes.ts";
import { SIDES, type Side, setWanMtu, WAN_MTU, wanAddress } from "./test-bed.ts";

export type Plane = "userspace" | "ebpf";

/** How Wirespan connects the sites. */
export interface Variant {
  readonly plane: Plane;
  readonly encapsulation: "udp" | "ip";
  readonly family: 4 | 6;
  readonly cookie: 0 | 4 | 8;
  /** An existing interface, or a new one in a bridge with it. */
  readonly circuit: "existing" | "new";
  /** MTU of the link between the two, if another than the test bed's. */
  readonly wanMtu?: number;
  /** Default: on, as in configurations. */
  readonly mssClamp?: "off";
}

const LOG = "wirespan";
/** Time until an established session is in its plane. */
const PLANE_MS = 5000;
/** Generous: the processor may be emulated. */
const UP_MS = 180_000;

export function variantName(variant: Variant): string {
  const { plane, encapsulation, family, cookie, circuit, wanMtu, mssClamp } = variant;
  const parts = [encapsulation === "udp" ? "UDP" : "IP 115", `IPv${family}`, `cookie ${cookie}`];
  const suffix = [
    ...(circuit === "new" ? ["new interface in a bridge"] : []),
    ...(wanMtu === undefined ? [] : [`WAN of ${wanMtu}`]),
    ...(mssClamp === "off" ? ["no MSS clamp"] : []),
  ];
  return `Wirespan ${plane === "ebpf" ? "eBPF" : plane}, ${[...parts, ...suffix].join(", ")}`;
}

/** The keys of a configuration that choose a plane. */
export function planeKeys(plane: Plane): { readonly plane: Plane } {
  return { plane };
}

export function configOf(side: Side, variant: Variant): string {
  const { plane, encapsulation, family, cookie, circuit, mssClamp } = variant;
  const [local, remote] = [wanAddress[family][side], wanAddress[family][otherSide(side)]];
  const device = circuit === "new" ? { tap: "pw", bridge: "br0" } : { interface: "trunk" };
  // eBPF programs cannot compute the UDP checksum, which IPv6 requires by default.
  const checksum =
    plane === "ebpf" && family === 6 && encapsulation === "udp" ? { udp_checksum: "zero" } : {};
  const clamp = mssClamp === undefined ? {} : { mss_clamp: mssClamp };
  const pseudowires = { lan: { circuit: device, cookie, ...clamp } };
  return stringify({
    ...planeKeys(plane),
    lcce: { host_name: side, control_socket: socketOf(side) },
    tunnels: { peer: { local, remote, encapsulation, gso: "offload", ...checksum, pseudowires } },
  });
}

/** Throws where a session is not forwarded by the plane, soon after it is established. */
export async function checkPlane(side: Side, plane: Plane): Promise<void> {
  await until(async () => {
    const report = await statusOf(side);
    return report?.pseudowires.every((pseudowire) => pseudowire.plane === plane) ?? false;
  }, PLANE_MS);
  const report = await statusOf(side);
  for (const pseudowire of report?.pseudowires ?? []) {
    const { plane: found } = pseudowire;
    if (found === plane) continue;
    const status = JSON.stringify({ plane: report?.plane, pseudowire });
    throw new Error(`forward by ${plane} at ${side}: it is forwarded by ${found ?? "no plane"}; ${status}`);
  }
}

export function wirespan(variant: Variant): Candidate {
  const name = variantName(variant);
  const isNew = variant.circuit === "new";
  const { wanMtu = WAN_MTU } = variant;
  return {
    name,
    async connect() {
      if (isNew) await onBoth((side) => bridge(side));
      await setWanMtu(wanMtu);
      const daemons = SIDES.map((side) => {
        const file = `${RUN}/wirespan-${side}.yaml`;
        writeFileSync(file, configOf(side, variant));
        return startIn(side, LOG, [process.execPath, MAIN, "run", "-c", file]);
      });
      const undo = async () => {
        await end(daemons);
        await setWanMtu(WAN_MTU);
        if (isNew) await unbridge();
      };
      try {
        const sitesUp = async () => {
          const reports = await Promise.all(["a", "b"].map(statusOf));
          return reports.every((report) => report !== undefined && isSiteUp(report));
        };
        const up = await untilUp(daemons, sitesUp, UP_MS);
        if (!up)
          throw new Error(`connect the sites: not up; the daemon at a said: ${outputOf("a", LOG).trim()}`);
        await onBoth((side) => checkPlane(side, variant.plane));
      } catch (error) {
        await undo();
        throw error;
      }
      return undo;
    },
  };
}
