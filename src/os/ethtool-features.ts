import { control, IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import { addressOf } from "./libc.ts";

/**
 * Features of an interface by the names that `ethtool -k` has in the kernel, such as "rx-lro"
 * (linux/ethtool.h).
 */

const SIOCETHTOOL = 0x8946;
/** TABLE: commands. */
const commands = { strings: 0x1b, sizes: 0x37, features: 0x3a } as const;
/** ETH_SS_FEATURES: the set of strings that has their names, 32 octets each. */
const NAMES_SET = 4;
const NAME_OCTETS = 32;
/** struct ethtool_sset_info: command, reserved, a mask of 64 bits, then one size. */
const SIZES_OCTETS = 20;
/** struct ethtool_gstrings and struct ethtool_gfeatures: a header, then names or blocks of four words. */
const STRINGS_HEADER_OCTETS = 12;
const FEATURES_HEADER_OCTETS = 8;
const BLOCK_OCTETS = 16;
/** More than any kernel has. */
const MOST_FEATURES = 1024;

/** A feature: whether it is on, and whether anybody can change that. */
export interface EthtoolFeature {
  readonly isOn: boolean;
  readonly isFixed: boolean;
}

/** All features of an interface by their names. Throws SystemError. */
export function ethtoolFeatures(name: string): ReadonlyMap<string, EthtoolFeature> {
  const names = featureNames(name);
  const blocks = Math.ceil(names.length / 32);
  const octets = new Uint8Array(FEATURES_HEADER_OCTETS + BLOCK_OCTETS * blocks);
  const view = new DataView(octets.buffer);
  view.setUint32(0, commands.features, true);
  view.setUint32(4, blocks, true);
  ask(name, octets);
  const word = (index: number, at: number) =>
    view.getUint32(FEATURES_HEADER_OCTETS + BLOCK_OCTETS * Math.floor(index / 32) + 4 * at, true);
  const has = (index: number, at: number) => ((word(index, at) >>> (index % 32)) & 1) === 1;
  // Of each block: available, requested, active, never changed.
  return new Map(
    names.map((each, index) => [each, { isOn: has(index, 2), isFixed: has(index, 3) || !has(index, 0) }]),
  );
}

function featureNames(name: string): readonly string[] {
  const sizes = new Uint8Array(SIZES_OCTETS);
  const view = new DataView(sizes.buffer);
  view.setUint32(0, commands.sizes, true);
  view.setBigUint64(8, 1n << BigInt(NAMES_SET), true);
  ask(name, sizes);
  const count = Math.min(view.getUint32(16, true), MOST_FEATURES);
  const octets = new Uint8Array(STRINGS_HEADER_OCTETS + NAME_OCTETS * count);
  const header = new DataView(octets.buffer);
  header.setUint32(0, commands.strings, true);
  header.setUint32(4, NAMES_SET, true);
  header.setUint32(8, count, true);
  ask(name, octets);
  return Array.from({ length: count }, (_, index) => {
    const begin = STRINGS_HEADER_OCTETS + NAME_OCTETS * index;
    const text = new TextDecoder("latin1").decode(octets.subarray(begin, begin + NAME_OCTETS));
    return text.split("\0")[0] ?? "";
  });
}

function ask(name: string, octets: Uint8Array): void {
  const request = interfaceRequest(name);
  request.view.setBigUint64(IFREQ_VALUE, BigInt(addressOf(octets)), true);
  control(request, SIOCETHTOOL, "read an interface's features", `interface ${name}`);
}
