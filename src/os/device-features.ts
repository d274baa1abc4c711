import { SystemError } from "./errors.ts";
import { control, IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import { addressOf } from "./libc.ts";

/** What an interface takes off the stack, by the oldest part of ethtool, which every kernel has. */

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

/** What may be handed to an interface for sending. */
export interface DeviceFeatures {
  /** Frames whose checksums are not finished. */
  readonly checksums: boolean;
  /** Frames that lie in several places of memory. */
  readonly scatterGather: boolean;
  /** TCP super-frames, for it to cut. */
  readonly tcpSegmentation: boolean;
  /** Whether it joins segments of TCP that it receives one behind the other. */
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

/** Has the kernel cut TCP super-frames before an interface gets them, and leave checksums to it. Throws SystemError. */
export function turnOffSegmentationOffload(name: string): void {
  ethtool(name, commands.writeTcpSegmentation, "turn off TCP segmentation offload", 0);
}

/** Has an interface join segments of TCP that it receives one behind the other. Throws SystemError. */
export function turnOnGro(name: string): void {
  ethtool(name, commands.writeGro, "turn on GRO", 1);
}

/**
 * Has the kernel finish checksums and cut super-frames before an interface gets them; frames may still lie in several places,
 * without which every one would be copied. Throws SystemError, also if the kernel agreed but did otherwise.
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
