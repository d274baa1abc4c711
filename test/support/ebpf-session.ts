import { Register } from "../../src/bpf/instruction.ts";
import type { Line } from "../../src/bpf/line.ts";
import { call, exit, move } from "../../src/bpf/mnemonics.ts";
import { concat, hex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import type { Placement } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import { everyOption, type ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { naiveChecksum } from "./internet-checksum.ts";
import { attachment, pathOver, sessionParameters, vlanAttachment } from "./sessions.ts";

export const LOCAL = { 4: hex`c0000201`, 6: hex`20010db8000000000000000000000001` } as const;
export const REMOTE = { 4: hex`c0000202`, 6: hex`20010db8000000000000000000000002` } as const;
const COOKIE = hex`b0b1b2b3b4b5b6b7`;
/** Test runs come in at the loopback interface. */
const LOOPBACK = 1;

export function nameOf(options: ProgramOptions): string {
  const { family, encapsulation, cookieOctets, sublayer, sequencing, vlan } = options;
  const { copiesDscp, clampsMss, controlChannel, readsProtocol, processors = 1 } = options;
  return [
    `IPv${family} ${encapsulation}`,
    `cookie ${cookieOctets}`,
    sublayer ? `numbers: ${sequencing}` : "no sublayer",
    vlan,
    ...(copiesDscp === true ? ["DSCP copied"] : []),
    ...(clampsMss === true ? ["MSS clamped"] : []),
    ...(controlChannel === true ? ["control channel"] : []),
    ...(readsProtocol === true ? ["protocol read"] : []),
    ...(processors > 1 ? [`${processors} processors`] : []),
  ].join(", ");
}

/** Every combination of options that has these. */
export function optionsWith(changes: Partial<ProgramOptions>): readonly ProgramOptions[] {
  return everyOption().filter((each) =>
    Object.entries(changes).every(([name, value]) => each[name as keyof ProgramOptions] === value),
  );
}

/** A session whose programs have these options in both directions. */
export function sessionOf(
  options: ProgramOptions,
  changes: Partial<SessionParameters> = {},
): SessionParameters {
  const cookie = COOKIE.subarray(0, options.cookieOctets);
  const sublayer = options.sublayer ? "default" : "none";
  const { sequencing } = options;
  return sessionParameters({
    path: pathOver(options.encapsulation),
    pseudowireType: options.vlan === "vlan" ? "ethernet-vlan" : "ethernet",
    receiveCookie: cookie,
    transmitCookie: cookie,
    receiveSublayer: sublayer,
    transmitSublayer: sublayer,
    receiveSequencing: sequencing,
    transmitSequencing: sequencing,
    ...(options.controlChannel === true ? { vccvControlChannel: "l2-specific-sublayer" } : {}),
    ...changes,
  });
}

/** An attachment of the kind; a VLAN is 111 on the circuit and 222 on the pseudowire. */
export function attachmentOf(
  options: ProgramOptions,
  changes: Partial<AttachmentCircuit> = {},
): AttachmentCircuit {
  const all: Partial<AttachmentCircuit> = {
    ...(options.copiesDscp === true ? { dscp: "copy" } : {}),
    ...(options.clampsMss === true ? { mssClamp: "auto" } : {}),
    ...changes,
  };
  return options.vlan === "vlan" ? vlanAttachment(111, 222, 0x8100, all) : attachment(all);
}

export function placementOf(options: ProgramOptions, changes: Partial<Placement> = {}): Placement {
  return {
    localAddress: LOCAL[options.family],
    remoteAddress: REMOTE[options.family],
    hopLimit: 64,
    fragmentation: "none",
    sessionIndex: 3,
    circuitInterface: LOOPBACK,
    networkInterface: LOOPBACK,
    nextHop: REMOTE[options.family],
    packetOctets: 9000,
    exceptionInterface: LOOPBACK,
    segment: false,
    deliver: "out",
    ...changes,
  };
}

export interface OuterShape {
  readonly source?: Uint8Array;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/**
 * What a data message comes in: Ethernet to the loopback's address, IP, UDP. Padded to 60 octets by 0xee
 * where it is short.
 */
export function packetAround(
  options: ProgramOptions,
  message: Uint8Array,
  shape: OuterShape = {},
): Uint8Array {
  const source = shape.source ?? REMOTE[options.family];
  const udp = new Writer()
    .u16(shape.sourcePort ?? 1701)
    .u16(shape.destinationPort ?? 1701)
    .u16(8 + message.length)
    .u16(0)
    .finish();
  const body = options.encapsulation === "udp" ? concat(udp, message) : message;
  const protocol = options.encapsulation === "udp" ? 17 : 115;
  const link = concat(hex`000000000000 02000000000c`, options.family === 4 ? hex`0800` : hex`86dd`);
  const header = new Writer();
  if (options.family === 4) {
    header
      .u16(0x4500)
      .u16(20 + body.length)
      .u32(0x1234_4000)
      .u8(64)
      .u8(protocol)
      .u16(0);
    header.octets(source).octets(LOCAL[4]);
    header.patchU16(10, naiveChecksum(header.finish()));
  } else {
    header.u32(0x6000_0000).u16(body.length).u8(protocol).u8(64).octets(source).octets(LOCAL[6]);
  }
  const packet = concat(link, header.finish(), body);
  return concat(packet, new Uint8Array(Math.max(0, 60 - packet.length)).fill(0xee));
}

const { result, arg1, arg2, arg3, saved1 } = Register;

/** What a program answers in a test run where it would send a frame on the exception path. */
export const EXCEPTION_PATH = 3;

/** The program with the exception path told by a verdict of its own, for a test run shows no interface. */
export function showingExceptionPath(lines: readonly Line[]): readonly Line[] {
  const start = lines.findIndex((line) => line.kind === "label" && line.name === "exception-path");
  const end = lines.findIndex((line, index) => index > start && line.kind === "label");
  if (start < 0) return lines;
  return [...lines.slice(0, start + 1), move(result, EXCEPTION_PATH), exit(), ...lines.slice(end)];
}

/**
 * The program with a tag pushed before it hands the packet over: a tag of the metadata moves into the octets,
 * where a test run shows it.
 */
export function showingTag(lines: readonly Line[]): readonly Line[] {
  const push = [move(arg1, saved1), move(arg2, 0x0081), move(arg3, 0), call("skb_vlan_push")];
  return lines.flatMap((line) => (line.kind === "label" && line.name === "send" ? [line, ...push] : [line]));
}
