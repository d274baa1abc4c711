import { concat, fromHex } from "../bytes/hex.ts";
import type { HostTag } from "./format/topology.ts";

/** Source address of the lab's test frames, which tells them from the hosts' own. */
export const TEST_SOURCE = "02575350414e";

const UNKNOWN = "02aabbccddee";
const GROUP = "0180c20000";

/** A payload whose neighbouring octets differ. */
function payload(octets: number): Uint8Array {
  return Uint8Array.from({ length: octets }, (_, index) => (index * 7 + 13) & 0xff);
}

/** A frame of `length` octets: destination, our source, tags and type in hexadecimal, then payload. */
function frame(destination: string, typeAndTags: string, length: number): Uint8Array {
  const header = fromHex(`${destination}${TEST_SOURCE}${typeAndTags}`);
  return concat(header, payload(length - header.length));
}

/** A frame given in hexadecimal, padded to 60 octets. */
function short(destination: string, rest: string): Uint8Array {
  return padded(fromHex(`${destination}${TEST_SOURCE}${rest}`));
}

/** Chassis and port id, time to live, end (IEEE 802.1AB). */
const LLDP = `88cc020704${TEST_SOURCE}04020731060200780000`;
const BRIDGE = `8000${TEST_SOURCE}`;
/** LLC header and a configuration BPDU of a root bridge (IEEE 802.1D). */
const STP = `00264242030000000000${BRIDGE}00000000${BRIDGE}80010000140002000f00`;

/** TABLE: frames that bridges are known to drop or change, each as it is sent. */
export const specialFrames: readonly (readonly [name: string, frame: Uint8Array])[] = [
  ["60 octets", frame("ffffffffffff", "88b5", 60)],
  ["runt of 20 octets", frame("ffffffffffff", "88b5", 20)],
  ["VLAN 111, priority 5", frame("ffffffffffff", "8100a06f88b5", 64)],
  ["priority tag, VLAN 0", frame("ffffffffffff", "8100e00088b5", 64)],
  ["802.1ad with 802.1Q inside", frame("ffffffffffff", "88a80064810000c888b5", 72)],
  ["unknown unicast", frame(UNKNOWN, "88b5", 60)],
  ["LLDP", short(`${GROUP}0e`, LLDP)],
  ["STP", short(`${GROUP}00`, STP)],
  ["PAUSE", short(`${GROUP}01`, "88080001ffff")],
  ["1514 octets", frame("ffffffffffff", "88b5", 1514)],
  ["1518 octets, tagged", frame("ffffffffffff", "8100a06f88b5", 1518)],
];

/** A frame as it must arrive: padded with zeros to 60 octets, the shortest that a port may send. */
export function padded(octets: Uint8Array): Uint8Array {
  return concat(octets, new Uint8Array(Math.max(0, 60 - octets.length)));
}

/** TABLE: the EtherTypes of tags. */
const tagTypes: Readonly<Record<HostTag["protocol"], string>> = { "802.1q": "8100", "802.1ad": "88a8" };

/** A broadcast frame with these tags, the outer one first, each with a priority. */
export function taggedFrame(tags: readonly HostTag[], priority: number): Uint8Array {
  const octets = tags.map(
    ({ id, protocol }) => `${tagTypes[protocol]}${((priority << 13) | id).toString(16).padStart(4, "0")}`,
  );
  return frame("ffffffffffff", `${octets.join("")}88b5`, 192 + 4 * tags.length + 4);
}

/** An untagged frame to a destination, with a payload that begins with `mark`. */
export function markedFrame(destination: string, mark: string): Uint8Array {
  return frame(destination, `88b5${mark}`, 100);
}
