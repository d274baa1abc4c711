import type { BridgeConfig, PortConfig } from "../config/config.ts";
import { vlanIds } from "../config/vlan-ranges.ts";
import type { BridgeAttribute, BridgeValues, PortValues } from "../os/bridge-attributes.ts";
import type { PortVlans } from "../os/bridge-vlans.ts";

/** What the configuration of bridges and ports means as attributes of the kernel. */

/** A field of the configuration as an attribute. */
interface FieldRow<Value> {
  readonly attribute: BridgeAttribute;
  /** Where the field is absent and the bridge is ours. */
  readonly preset: unknown;
  readonly of: (value: Value) => number;
}

const asNumber = (value: boolean) => (value ? 1 : 0);

/** TABLE: fields of a bridge that are attributes of the kernel's. Its times are in hundredths of a second. */
const bridgeFields = {
  vlanFiltering: { attribute: "vlanFiltering", preset: false, of: asNumber },
  stp: { attribute: "stpState", preset: false, of: asNumber },
  macLimit: { attribute: "fdbMostLearned", preset: 0, of: (count: number) => count },
  ageingMs: { attribute: "ageingTime", preset: 300_000, of: (ms: number) => ms / 10 },
  multicastSnooping: { attribute: "multicastSnooping", preset: false, of: asNumber },
} as const satisfies Partial<Record<keyof BridgeConfig, FieldRow<never>>>;

/** Attributes for a bridge; of one that is not ours those that the file names alone. */
export function wantedBridgeValues(config: BridgeConfig, isOurs: boolean): BridgeValues {
  const rows = Object.entries(bridgeFields) as [keyof typeof bridgeFields, FieldRow<unknown>][];
  return Object.fromEntries(
    rows.flatMap(([field, { attribute, preset, of }]) => {
      const value: unknown = config[field] ?? (isOurs ? preset : undefined);
      return value === undefined ? [] : [[attribute, of(value)]];
    }),
  );
}

/** The addresses 01-80-C2-00-00-02..0F, a bit each: not BPDUs, on which STP decides, and not PAUSE. */
const FORWARDED_LINK_LOCAL = 0xfffc;

/** Defaults of a port that we made one: for pseudowires the split horizon. */
export const portPresets = {
  pseudowire: { isolated: true, portLinkLocal: "bridge" },
  interface: { isolated: false, portLinkLocal: "bridge" },
} as const satisfies Readonly<Record<string, PortConfig>>;

/** Attributes for a port; `presets` are undefined for one that is not ours, which keeps what it has. */
export function wantedPortValues(
  { isolated, portLinkLocal }: PortConfig,
  presets: PortConfig | undefined,
): PortValues {
  const wanted = {
    isolated: isolated ?? presets?.isolated,
    linkLocal: portLinkLocal ?? presets?.portLinkLocal,
  };
  return {
    ...(wanted.isolated === undefined ? {} : { isolated: asNumber(wanted.isolated) }),
    ...(wanted.linkLocal === undefined
      ? {}
      : { groupForwardMask: wanted.linkLocal === "forward" ? FORWARDED_LINK_LOCAL : 0 }),
  };
}

/** VLANs of a port as the kernel gives them to each new one. */
const presetVlans: PortVlans = { pvid: 1, tagged: [] };

/** VLANs for a port; undefined where the file does not say and the port is to keep them. */
export function wantedPortVlans({ pvid, vlans }: PortConfig, isPreset: boolean): PortVlans | undefined {
  if (pvid === undefined && vlans === undefined) return isPreset ? presetVlans : undefined;
  const tagged = vlanIds(vlans ?? []);
  const untagged = pvid ?? (vlans === undefined ? presetVlans.pvid : 0);
  return { pvid: untagged, tagged: tagged.filter((id) => id !== untagged) };
}

/** The values of `wanted` that `there` has otherwise. */
export function differing<Values extends Readonly<Partial<Record<string, number>>>>(
  wanted: Values,
  there: Values,
): Values {
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => there[name] !== value),
  ) as Values;
}

export function areSameVlans(one: PortVlans, other: PortVlans): boolean {
  const text = ({ pvid, tagged }: PortVlans) => `${pvid}/${[...tagged].sort((a, b) => a - b).join(",")}`;
  return text(one) === text(other);
}
