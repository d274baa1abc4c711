import { type Candidate, gretap, kernelL2tp, openvpn, plain, vxlan } from "./other-tunnels.ts";
import { type Variant, wirespan } from "./wirespan-variant.ts";

/** The candidates that all others are compared with. */
export const baselines = [plain, vxlan] as const;

const planes = ["userspace", "ebpf"] as const;
const encapsulations = ["udp", "ip"] as const;

/** TABLE: no MSS clamp where it has nothing to do; the network that most have, with it and without. */
const mtus: readonly Pick<Variant, "wanMtu" | "mssClamp">[] = [
  { mssClamp: "off" },
  { wanMtu: 1500 },
  { wanMtu: 1500, mssClamp: "off" },
];

/** TABLE: the variants of Wirespan. */
const variants: readonly Variant[] = planes.flatMap((plane) => [
  ...encapsulations.flatMap((encapsulation) =>
    ([4, 6] as const).flatMap((family) =>
      ([8, 4, 0] as const).map(
        (cookie): Variant => ({ plane, encapsulation, family, cookie, circuit: "existing" }),
      ),
    ),
  ),
  ...encapsulations.map((encapsulation): Variant => {
    return { plane, encapsulation, family: 4, cookie: 8, circuit: "new" };
  }),
  ...encapsulations.flatMap((encapsulation) =>
    mtus.map((mtu): Variant => ({ plane, encapsulation, family: 4, cookie: 8, circuit: "existing", ...mtu })),
  ),
]);

/** TABLE: all candidates, the baselines first. */
export const candidates: readonly Candidate[] = [
  ...baselines,
  gretap,
  kernelL2tp("udp"),
  kernelL2tp("ip"),
  openvpn,
  ...variants.map(wirespan),
];

/** Candidates of a run without --only: the others differ little from them. */
export const usual = /^(plain|kernel|OpenVPN)|IPv4, cookie 8(?!, (WAN|no MSS))/;
