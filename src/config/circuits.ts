import type { CircuitConfig } from "./config.ts";
import type { RawCircuit } from "./fields.ts";
import type { circuitRows } from "./pseudowire-rows.ts";
import type { PartNames } from "./rows.ts";

/** What of a device a circuit carries, and what two circuits cannot both have. */

/** The fields of a circuit that take several keys. */
export const circuitParts = {
  device: ({ tap, interface: device }) => (tap ?? device) as string,
  vlan: ({ vlan: id, vlan_on_pseudowire: idOnPseudowire = id, vlan_protocol: protocol }) =>
    id === undefined || idOnPseudowire === undefined
      ? undefined
      : { id, idOnPseudowire, protocol: protocol === "802.1ad" ? (0x88a8 as const) : (0x8100 as const) },
} as const satisfies Record<PartNames<typeof circuitRows>, (raw: RawCircuit) => unknown>;

/** The frames of a circuit: those of a whole port, or of one VLAN of it. */
type CircuitFrames = Pick<CircuitConfig, "device" | "vlan">;

/** A circuit as a string, to be a key of maps: equal for circuits with the same frames only. */
export function circuitFramesKey({ device, vlan }: CircuitFrames): string {
  return vlan === undefined ? device : `${device}/${vlan.protocol.toString(16)}.${vlan.id}`;
}

/**
 * Why a circuit cannot be beside others: its device is of another kind or in another bridge there or follows
 * the peer in another way, or they carry the same frames: "port" wants all of a device of which `owner`
 * carries some, "in port" some of a device that `owner` carries as a whole, "vlan" the same VLAN.
 */
export type CircuitConflict =
  | { readonly kind: "device kind" }
  | { readonly kind: "bridge"; readonly bridge: string }
  | { readonly kind: "follow peer"; readonly follow: CircuitConfig["followPeer"] }
  | { readonly kind: "port" | "in port" | "vlan"; readonly owner: string };

interface DeviceUse {
  readonly kind: CircuitConfig["kind"];
  readonly bridge: string;
  readonly followPeer: CircuitConfig["followPeer"];
  /** The owner of each circuit on the device, by its key. */
  readonly owners: Map<string, string>;
}

/** The circuits of pseudowires, by their devices, and what others conflict with them. */
export class CircuitConflicts {
  readonly #devices = new Map<string, DeviceUse>();

  /** Takes a circuit in, which may have conflicts with those before. */
  add(circuit: Omit<CircuitConfig, "linkLocal" | "allowHostUse" | "port">, owner: string): void {
    const { device, kind, followPeer } = circuit;
    const bridge = bridgeOf(circuit);
    const use = this.#devices.get(device) ?? { kind, bridge, followPeer, owners: new Map() };
    this.#devices.set(device, use);
    if (use.kind === kind) use.owners.set(circuitFramesKey(circuit), owner);
  }

  /** Why a circuit cannot be beside those that were added; empty where it can. */
  of(circuit: Omit<CircuitConfig, "linkLocal" | "allowHostUse" | "port">): readonly CircuitConflict[] {
    const { device, kind, followPeer, vlan } = circuit;
    const use = this.#devices.get(device);
    if (use === undefined) return [];
    // With two kinds, further conflicts would only repeat that.
    if (use.kind !== kind) return [{ kind: "device kind" }];
    const asDevice: readonly CircuitConflict[] = [
      ...(use.bridge === bridgeOf(circuit) ? [] : [{ kind: "bridge" as const, bridge: use.bridge }]),
      ...(use.followPeer === followPeer ? [] : [{ kind: "follow peer" as const, follow: use.followPeer }]),
    ];
    const [first] = use.owners.values();
    const whole = use.owners.get(circuitFramesKey({ device }));
    const same = use.owners.get(circuitFramesKey(circuit));
    if (vlan === undefined)
      return first === undefined ? asDevice : [...asDevice, { kind: "port", owner: first }];
    if (whole !== undefined) return [...asDevice, { kind: "in port", owner: whole }];
    return same === undefined ? asDevice : [...asDevice, { kind: "vlan", owner: same }];
  }
}

function bridgeOf({ kind, bridge }: Pick<CircuitConfig, "kind" | "bridge">): string {
  return (kind === "tap" ? bridge : undefined) ?? "no bridge";
}
