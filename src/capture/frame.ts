import { Reader } from "../bytes/reader.ts";
import { etherTypes } from "../wire/code-names.ts";
import { ETHERNET_HEADER_OCTETS, isTag } from "../wire/ethernet.ts";

/** Header fields of an Ethernet frame. */
export interface FrameSummary {
  readonly destination: string;
  readonly source: string;
  readonly tags: readonly Tag[];
  /** Type behind all tags; null where the field is a length (802.3). */
  readonly etherType: number | null;
  /** Such as "IPv4" or "STP". */
  readonly content: string;
  /** Octets of the frame that are there. */
  readonly octets: number;
}

/** One 802.1Q or 802.1ad tag. */
export interface Tag {
  readonly protocol: number;
  readonly vlanId: number;
  readonly priority: number;
  readonly dropEligible: boolean;
}

/** Largest value of the type field that is a length (IEEE 802.3). */
const LONGEST_LENGTH = 1500;
const SNAP = 0xaa;

/** TABLE: destination service access points of 802.2. */
const servicePoints: ReadonlyMap<number, string> = new Map([
  [0x06, "IP over LLC"],
  [0x42, "STP"],
  [0xe0, "IPX"],
  [0xf0, "NetBIOS"],
  [0xfe, "IS-IS"],
]);

/** TABLE: protocols of Cisco (organisation 00-00-0c) in SNAP. */
const ciscoSnap: ReadonlyMap<number, string> = new Map([
  [0x0104, "PAgP"],
  [0x010b, "PVST+"],
  [0x0111, "UDLD"],
  [0x2000, "CDP"],
  [0x2003, "VTP"],
  [0x2004, "DTP"],
]);
const CISCO_ORGANISATION = 0x00000c;

/** Reads an Ethernet frame's addresses, tags and type; undefined for one too short to have them. */
export function summariseFrame(octets: Uint8Array): FrameSummary | undefined {
  if (octets.length < ETHERNET_HEADER_OCTETS) return undefined;
  const reader = new Reader(octets);
  const destination = macText(reader.octets("destination", 6));
  const source = macText(reader.octets("source", 6));
  const tags: Tag[] = [];
  let type = reader.u16("etherType");
  while (isTag(type) && reader.remaining >= 4) {
    const control = reader.u16("tag");
    tags.push({
      protocol: type,
      vlanId: control & 0x0fff,
      priority: control >>> 13,
      dropEligible: (control & 0x1000) !== 0,
    });
    type = reader.u16("etherType");
  }
  const isLength = type <= LONGEST_LENGTH;
  return {
    destination,
    source,
    tags,
    etherType: isLength ? null : type,
    content: isLength ? logicalLinkText(reader) : etherTypeText(type),
    octets: octets.length,
  };
}

function etherTypeText(type: number): string {
  return etherTypes.get(type) ?? `EtherType 0x${type.toString(16).padStart(4, "0")}`;
}

function logicalLinkText(reader: Reader): string {
  if (reader.remaining < 3) return "802.3";
  const point = reader.u8("destinationServicePoint");
  reader.u16("sourceServicePointAndControl");
  if (point !== SNAP || reader.remaining < 5) {
    return servicePoints.get(point) ?? `LLC 0x${point.toString(16).padStart(2, "0")}`;
  }
  const organisation = reader.u8("organisation") * 0x1_0000 + reader.u16("organisation");
  const protocol = reader.u16("protocol");
  if (organisation === 0) return `${etherTypeText(protocol)} over SNAP`;
  const known = organisation === CISCO_ORGANISATION ? ciscoSnap.get(protocol) : undefined;
  const numbers = [organisation.toString(16).padStart(6, "0"), protocol.toString(16).padStart(4, "0")];
  return known ?? `SNAP ${numbers.join("/")}`;
}

function macText(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(":");
}
