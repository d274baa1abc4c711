import type { HostTag } from "../format/topology.ts";

/** Tags of frames, the outer one first. */

/** TABLE: TPID by the name of the protocol. */
const tpids: Readonly<Record<HostTag["protocol"], number>> = { "802.1q": 0x8100, "802.1ad": 0x88a8 };

/** Octets of both addresses, behind which tags stand. */
const ADDRESSES_OCTETS = 12;
const TAG_OCTETS = 4;
const TYPE_OCTETS = 2;
const VLAN_ID = 0x0fff;

/** The frame with tags in front of those that it has. */
export function insertTags(frame: Uint8Array, tags: readonly HostTag[]): Uint8Array {
  const added = TAG_OCTETS * tags.length;
  const tagged = new Uint8Array(frame.length + added);
  tagged.set(frame.subarray(0, ADDRESSES_OCTETS));
  const view = new DataView(tagged.buffer);
  for (const [index, { id, protocol }] of tags.entries())
    view.setUint32(ADDRESSES_OCTETS + TAG_OCTETS * index, tpids[protocol] * 0x1_0000 + id);
  tagged.set(frame.subarray(ADDRESSES_OCTETS), ADDRESSES_OCTETS + added);
  return tagged;
}

/** The frame without its outer tags; undefined where they are not these. */
export function removeTags(frame: Uint8Array, tags: readonly HostTag[]): Uint8Array | undefined {
  const removed = TAG_OCTETS * tags.length;
  if (frame.length < ADDRESSES_OCTETS + removed + TYPE_OCTETS) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const matches = tags.every(({ id, protocol }, index) => {
    const at = ADDRESSES_OCTETS + TAG_OCTETS * index;
    return view.getUint16(at) === tpids[protocol] && (view.getUint16(at + 2) & VLAN_ID) === id;
  });
  if (!matches) return undefined;
  const plain = new Uint8Array(frame.length - removed);
  plain.set(frame.subarray(0, ADDRESSES_OCTETS));
  plain.set(frame.subarray(ADDRESSES_OCTETS + removed), ADDRESSES_OCTETS);
  return plain;
}
