import netlink from "netlink";
import { attributesIn } from "./rtnetlink.ts";

/**
 * Attributes of an interface in answers of rtnetlink (linux/if_link.h) that the package hands over as octets.
 */
export interface LinkAttributes {
  readonly linkinfo?: unknown;
  readonly master?: unknown;
}

/** Attributes that stand within IFLA_LINKINFO. */
const INFO_KIND = 1;
const INFO_DATA = 2;

/** Kind of a virtual interface, such as "vlan" or "bridge"; undefined for hardware. */
export function kindOf({ linkinfo }: LinkAttributes): string | undefined {
  return infoIn(linkinfo)?.get(INFO_KIND)?.toString("latin1").replace(/\0.*$/, "");
}

/** What is particular to the kind: attributes that stand within each other. */
export function kindDataOf({ linkinfo }: LinkAttributes): Buffer | undefined {
  return infoIn(linkinfo)?.get(INFO_DATA);
}

/** Index of the bridge, bond or VRF that it is a port of. */
export function masterOf({ master }: LinkAttributes): number | undefined {
  return numberIn(master);
}

/** An attribute of 32 bits, which the package gives as a number or as octets. */
export function numberIn(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return Buffer.isBuffer(value) ? netlink.getU32(value) : undefined;
}

function infoIn(linkinfo: unknown): ReadonlyMap<number, Buffer> | undefined {
  return Buffer.isBuffer(linkinfo) ? attributesIn(linkinfo) : undefined;
}
