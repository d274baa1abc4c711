import { z } from "zod";

/** Limits of what floods a bridge, as the file has them: frames a second of each kind. */

const rate = z.int().min(1).max(10_000_000).optional();

export const stormLimits = z.strictObject({
  broadcast: rate.describe("Frames a second to ff-ff-ff-ff-ff-ff. Absent: no limit."),
  multicast: rate.describe("Frames a second to groups. Absent: no limit."),
  unknown_unicast: rate.describe(
    "Frames a second to MAC addresses that sent nothing to the bridge within `ageing_s`. Absent: no limit.",
  ),
});
type RawStormLimits = z.output<typeof stormLimits>;

/** Frames a second of each kind from a port; a kind that is absent has no limit. */
export interface StormLimitsConfig {
  readonly broadcast?: number;
  readonly multicast?: number;
  readonly unknownUnicast?: number;
}

export function stormLimitsOf({
  broadcast,
  multicast,
  unknown_unicast: unknownUnicast,
}: RawStormLimits): StormLimitsConfig {
  return {
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(multicast === undefined ? {} : { multicast }),
    ...(unknownUnicast === undefined ? {} : { unknownUnicast }),
  };
}

/** The way back, for the plan of a reload. */
export function stormLimitsInFile({ unknownUnicast, ...others }: StormLimitsConfig): RawStormLimits {
  return { ...others, ...(unknownUnicast === undefined ? {} : { unknown_unicast: unknownUnicast }) };
}
