import { LINK_HEADER_OCTETS, linkAttribute } from "./link-message.ts";
import { type Operation, withNetlink } from "./netlink.ts";
import {
  attributeList,
  decodeAttributes,
  encodeAttributes,
  u16Payload,
  u32Payload,
} from "./netlink-attributes.ts";

/**
 * VLANs of the ports of bridges that filter them, by messages of rtnetlink for the family AF_BRIDGE
 * (linux/if_bridge.h). All functions throw SystemError.
 */

/** VLANs of a port: that of untagged frames, 0 for none, and those with tags. */
export interface PortVlans {
  readonly pvid: number;
  readonly tagged: readonly number[];
}

const AF_BRIDGE = 7;
/** TABLE: types of messages (linux/rtnetlink.h). */
const messageTypes = { delete: 17, get: 18, set: 19 } as const;
const VLAN_INFO = 2;
const RTEXT_FILTER_BRVLAN = 2;
/** TABLE: flags of a VLAN (linux/if_bridge.h). */
const vlanFlags = { pvid: 2, untagged: 4 } as const;
const INDEX = 4;

interface VlanEntry {
  readonly id: number;
  readonly flags: number;
}

/** The VLANs of all ports of bridges, by their indexes. */
export function readVlansOfPorts(): ReadonlyMap<number, PortVlans> {
  const operation: Operation = { operation: "list VLANs of ports", target: "this network namespace" };
  const payload = bridgePayload(0, [[linkAttribute.extendedMask, u32Payload(RTEXT_FILTER_BRVLAN)]]);
  const answers = withNetlink("route", (netlink) =>
    netlink.dump(operation, { type: messageTypes.get, payload }),
  );
  return new Map(
    answers.map((answer) => {
      const index = new DataView(answer.buffer, answer.byteOffset).getInt32(INDEX, true);
      const attributes = decodeAttributes(answer.subarray(LINK_HEADER_OCTETS));
      return [index, vlansOf(entriesIn(attributes.get(linkAttribute.familySpecific)))] as const;
    }),
  );
}

function entriesIn(octets: Uint8Array | undefined): readonly VlanEntry[] {
  return attributeList(octets ?? new Uint8Array(0)).flatMap(([type, payload]) => {
    if (type !== VLAN_INFO || payload.length < 4) return [];
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    return [{ flags: view.getUint16(0, true), id: view.getUint16(2, true) }];
  });
}

function vlansOf(entries: readonly VlanEntry[]): PortVlans {
  const pvid = entries.find(({ flags }) => (flags & vlanFlags.pvid) !== 0)?.id ?? 0;
  const tagged = entries.filter(({ flags }) => (flags & vlanFlags.untagged) === 0).map(({ id }) => id);
  return { pvid, tagged };
}

/** Gives a port other VLANs in place of those that it has. */
export function changePortVlans(name: string, index: number, before: PortVlans, after: PortVlans): void {
  const wanted = entriesOf(after);
  const former = entriesOf(before);
  const has = (entries: readonly VlanEntry[], { id, flags }: VlanEntry) =>
    entries.some((one) => one.id === id && one.flags === flags);
  const operation: Operation = {
    operation: "set the VLANs of a port",
    target: `interface ${name}`,
    hints: { EOPNOTSUPP: "needs a kernel with CONFIG_BRIDGE_VLAN_FILTERING" },
  };
  withNetlink("route", (netlink) => {
    const request = (type: number, { id, flags }: VlanEntry) => {
      const info = new Uint8Array([...u16Payload(flags), ...u16Payload(id)]);
      const specific = encodeAttributes([[VLAN_INFO, info]]);
      const payload = bridgePayload(index, [[linkAttribute.familySpecific, specific]]);
      netlink.request(operation, { type, payload });
    };
    for (const entry of former) if (!has(wanted, entry)) request(messageTypes.delete, entry);
    for (const entry of wanted) if (!has(former, entry)) request(messageTypes.set, entry);
  });
}

function entriesOf({ pvid, tagged }: PortVlans): readonly VlanEntry[] {
  const untagged = pvid === 0 ? [] : [{ id: pvid, flags: vlanFlags.pvid | vlanFlags.untagged }];
  return [...untagged, ...tagged.filter((id) => id !== pvid).map((id) => ({ id, flags: 0 }))];
}

function bridgePayload(index: number, attributes: Parameters<typeof encodeAttributes>[0]): Uint8Array {
  const octets = new Uint8Array([...new Uint8Array(LINK_HEADER_OCTETS), ...encodeAttributes(attributes)]);
  octets[0] = AF_BRIDGE;
  new DataView(octets.buffer).setInt32(INDEX, index, true);
  return octets;
}
