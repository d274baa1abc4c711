import { SystemError } from "./errors.ts";
import { control, IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import { addressOf } from "./libc.ts";

/** Offloads of an interface, by the oldest ethtool ioctls, which every kernel has. */

const SIOCETHTOOL = 0x8946;
/** struct ethtool_value: a command and a number. */
const ETHTOOL_VALUE_OCTETS = 8;

/** TABLE: commands of linux/ethtool.h. */
const commands = {
  readChecksums: 0x16,
  writeChecksums: 0x17,
  readScatterGather: 0x18,
  readTcpSegmentation: 0x1e,
  writeTcpSegmentation: 0x1f,
  readGro: 0x2b,
  writeGro: 0x2c,
} as const;

/** Offloads of an interface. */
export interface DeviceFeatures {
  /** Transmit checksums: frames with unfinished checksums may be sent. */
  readonly checksums: boolean;
  /** Scatter-gather: frames may lie in several pieces of memory. */
  readonly scatterGather: boolean;
  /** TCP segmentation offload (TSO): TCP GSO packets may be sent. */
  readonly tcpSegmentation: boolean;
  /** Generic receive offload (GRO): received segments of TCP are coalesced. */
  readonly gro: boolean;
}

function ethtool(name: string, command: number, operation: string, value = 0): number {
  const cells = new Uint32Array([command, value]);
  const octets = new Uint8Array(cells.buffer, 0, ETHTOOL_VALUE_OCTETS);
  const request = interfaceRequest(name);
  request.view.setBigUint64(IFREQ_VALUE, BigInt(addressOf(octets)), true);
  control(request, SIOCETHTOOL, operation, `interface ${name}`);
  return cells[1] ?? 0;
}

/** Throws SystemError. */
export function deviceFeatures(name: string): DeviceFeatures {
  const read = (command: number) => ethtool(name, command, "read an interface's features") !== 0;
  return {
    checksums: read(commands.readChecksums),
    scatterGather: read(commands.readScatterGather),
    tcpSegmentation: read(commands.readTcpSegmentation),
    gro: read(commands.readGro),
  };
}

/**
 * Turns TCP segmentation offload off: the kernel segments TCP GSO packets before the interface gets them,
 * which still finishes checksums. Throws SystemError.
 */
export function turnOffSegmentationOffload(name: string): void {
  ethtool(name, commands.writeTcpSegmentation, "turn off TCP segmentation offload", 0);
}

/** Turns GRO on: the interface coalesces segments of TCP that it receives. Throws SystemError. */
export function turnOnGro(name: string): void {
  ethtool(name, commands.writeGro, "turn on GRO", 1);
}

/**
 * Turns checksum and segmentation offload off: the interface gets finished checksums and no GSO packets.
 * Scatter-gather stays on, without which every frame would be copied. Throws SystemError, also where the
 * kernel reports success and did otherwise.
 */
export function turnOffTransmitOffloads(name: string): void {
  ethtool(name, commands.writeChecksums, "turn off checksum offload", 0);
  const { checksums, scatterGather, tcpSegmentation } = deviceFeatures(name);
  if (!checksums && scatterGather && !tcpSegmentation) return;
  const cells = { checksums, scatterGather, tcpSegmentation };
  throw new SystemError("turn off checksum offload", {
    errno: "EOPNOTSUPP",
    target: `interface ${name}`,
    hint: `it now stands at ${JSON.stringify(cells)}; see: ethtool -k ${name}`,
  });
}
