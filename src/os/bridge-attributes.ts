import {
  changeLink,
  deleteLink,
  infoAttribute,
  type LinkMessage,
  linkAttribute,
  newLink,
  readLink,
  setLink,
} from "./link-message.ts";
import { type Operation, requestFlags, withNetlink } from "./netlink.ts";
import {
  type Attribute,
  type AttributeMap,
  encodeAttributes,
  textPayload,
  u8In,
  u16In,
  u16Payload,
  u32In,
  u32Payload,
} from "./netlink-attributes.ts";

/** Bridges of the kernel and their ports, by rtnetlink (linux/if_link.h). All functions throw SystemError. */

interface AttributeRow {
  readonly type: number;
  readonly octets: 1 | 2 | 4;
}

/** TABLE: attributes of a bridge (IFLA_BR_*). Times in hundredths of a second. */
export const bridgeAttributes = {
  ageingTime: { type: 4, octets: 4 },
  stpState: { type: 5, octets: 4 },
  vlanFiltering: { type: 7, octets: 1 },
  multicastSnooping: { type: 23, octets: 1 },
  fdbLearned: { type: 48, octets: 4 },
  fdbMostLearned: { type: 49, octets: 4 },
} as const satisfies Readonly<Record<string, AttributeRow>>;
export type BridgeAttribute = keyof typeof bridgeAttributes;

/** TABLE: attributes of a port of a bridge (IFLA_BRPORT_*). */
export const portAttributes = {
  state: { type: 1, octets: 1 },
  groupForwardMask: { type: 31, octets: 2 },
  isolated: { type: 33, octets: 1 },
} as const satisfies Readonly<Record<string, AttributeRow>>;
export type PortAttribute = keyof typeof portAttributes;

/** TABLE: states of a port by their numbers (BR_STATE_*, IEEE 802.1D-2004 §7.4). */
export const portStates = ["disabled", "listening", "learning", "forwarding", "blocking"] as const;
export type PortState = (typeof portStates)[number];

/** Values of attributes by their names. */
export type BridgeValues = Partial<Record<BridgeAttribute, number>>;
export type PortValues = Partial<Record<PortAttribute, number>>;

/** The attributes of a bridge that the kernel has and that are in the table; empty for what is no bridge. */
export function bridgeValuesIn({ kind, kindData }: Pick<LinkMessage, "kind" | "kindData">): BridgeValues {
  return kind === "bridge" && kindData !== undefined ? valuesIn(bridgeAttributes, kindData) : {};
}

/** The attributes as a port of a bridge; empty for what is none. */
export function portValuesIn({ portData }: Pick<LinkMessage, "portData">): PortValues {
  return portData === undefined ? {} : valuesIn(portAttributes, portData);
}

function valuesIn<Name extends string>(
  rows: Readonly<Record<Name, AttributeRow>>,
  attributes: AttributeMap,
): Partial<Record<Name, number>> {
  const read = { 1: u8In, 2: u16In, 4: u32In } as const;
  const found = Object.entries<AttributeRow>(rows).flatMap(([name, { type, octets }]) => {
    const value = read[octets](attributes, type);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found) as Partial<Record<Name, number>>;
}

function encoded(
  rows: Readonly<Record<string, AttributeRow>>,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const payload = (octets: 1 | 2 | 4, value: number) =>
    octets === 1 ? Uint8Array.of(value) : octets === 2 ? u16Payload(value) : u32Payload(value);
  return encodeAttributes(
    Object.entries(values).flatMap(([name, value]): Attribute[] => {
      const row = rows[name];
      return row === undefined ? [] : [[row.type, payload(row.octets, value)]];
    }),
  );
}

const BRIDGE = new TextEncoder().encode("bridge");

/** Makes a bridge, which is up, with an alias. */
export function makeBridge(name: string, alias: string): void {
  const operation: Operation = {
    operation: "make a bridge",
    target: `interface ${name}`,
    hints: {
      EEXIST: "an interface has this name by now; see: ip link show",
      EOPNOTSUPP: "needs a kernel with CONFIG_BRIDGE",
    },
  };
  withNetlink("route", (netlink) => {
    const attributes: readonly Attribute[] = [
      [linkAttribute.name, textPayload(name)],
      [linkAttribute.alias, textPayload(alias)],
      [linkAttribute.linkInfo, encodeAttributes([[infoAttribute.kind, BRIDGE]])],
    ];
    netlink.request(operation, newLink(attributes, requestFlags.create | requestFlags.exclusive));
    const named: readonly Attribute[] = [[linkAttribute.name, textPayload(name)]];
    // The kernel takes an alias of an interface that exists only.
    netlink.request(operation, setLink({ up: true }, [...named, [linkAttribute.alias, textPayload(alias)]]));
  });
}

/** Removes the bridge of a name with an index; another one, or none, is no error. */
export function removeBridge(name: string, index: number): void {
  const operation: Operation = { operation: "remove a bridge", target: `interface ${name}` };
  withNetlink("route", (netlink) => {
    const found = readLink(netlink, operation, index);
    if (found?.name === name && found.kind === "bridge") netlink.request(operation, deleteLink(index));
  });
}

/** Sets attributes of a bridge. */
export function setBridge(name: string, index: number, values: BridgeValues): void {
  const operation: Operation = {
    operation: `set ${Object.keys(values).join(", ")} of a bridge`,
    target: `interface ${name}`,
    hints: { EOPNOTSUPP: "the kernel was built without it; VLANs need CONFIG_BRIDGE_VLAN_FILTERING" },
  };
  const linkInfo = encodeAttributes([
    [infoAttribute.kind, BRIDGE],
    [infoAttribute.data, encoded(bridgeAttributes, values)],
  ]);
  withNetlink("route", (netlink) =>
    netlink.request(operation, changeLink(index, [[linkAttribute.linkInfo, linkInfo]])),
  );
}

/** Sets attributes of a port of a bridge. */
export function setPort(name: string, index: number, values: PortValues): void {
  const operation: Operation = {
    operation: `set ${Object.keys(values).join(", ")} of a port of a bridge`,
    target: `interface ${name}`,
    hints: { EBUSY: "the bridge's STP decides on the state of its ports" },
  };
  const linkInfo = encodeAttributes([
    [infoAttribute.portKind, BRIDGE],
    [infoAttribute.portData, encoded(portAttributes, values)],
  ]);
  withNetlink("route", (netlink) =>
    netlink.request(operation, changeLink(index, [[linkAttribute.linkInfo, linkInfo]])),
  );
}

/** Makes an interface a port of a bridge; with 0 of none. */
export function setPortOf(name: string, index: number, bridgeIndex: number): void {
  const operation: Operation = {
    operation: bridgeIndex === 0 ? "take an interface out of its bridge" : "put an interface into a bridge",
    target: `interface ${name}`,
  };
  withNetlink("route", (netlink) =>
    netlink.request(operation, setLink({ index }, [[linkAttribute.master, u32Payload(bridgeIndex)]])),
  );
}

/** Sets the MTU of an interface. */
export function setMtu(name: string, index: number, mtu: number): void {
  const operation: Operation = { operation: `set the MTU to ${mtu}`, target: `interface ${name}` };
  withNetlink("route", (netlink) =>
    netlink.request(operation, setLink({ index }, [[linkAttribute.mtu, u32Payload(mtu)]])),
  );
}
