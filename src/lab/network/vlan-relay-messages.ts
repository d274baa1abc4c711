import type { HostTag } from "../format/topology.ts";

/** What a lab and its relay of VLANs say to each other: lines of JSON, one answer for each interface. */

/** An interface that the relay creates: a TAP device, whose frames pass through another one. */
export interface VlanRelayInterface {
  /** Namespace of both interfaces. */
  readonly node: string;
  /** The interface that frames pass through. */
  readonly lower: string;
  /** Name of the TAP device. */
  readonly name: string;
  readonly mtu: number;
  /** Tags of the frames at one side, the outer one first. */
  readonly tags: readonly HostTag[];
  /** Which of the two has them: the lower one for a host, the TAP device for an access port. */
  readonly taggedSide: "lower" | "tap";
}

/** An answer of the relay. */
export interface VlanRelayAnswer {
  /** Why there is no such interface. */
  readonly problem?: string;
}
