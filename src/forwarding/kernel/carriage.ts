import { addressOctets } from "../../os/sockets.ts";
import type { SessionParameters } from "../../wire/session-parameters.ts";
import {
  circuitEntry,
  decapsulateOptions,
  deliveryOf,
  encapsulateOptions,
  mapSizes,
  type Placement,
  peerEntry,
  puntEntry,
  routeEntry,
  slotKey,
} from "../ebpf/map-layout.ts";
import type { Attachment, PsnEndpoint } from "../plane.ts";
import { numbersFrames, POLICY_WORDS } from "./acceleration.ts";
import type { Attachments, Place } from "./attachments.ts";
import type { Cutter } from "./cutter.ts";
import type { KernelDevice } from "./devices.ts";
import type { Cable } from "./hidden-interfaces.ts";
import type { PlaneMaps } from "./plane-maps.ts";
import type { ProgramOrder } from "./program-shop.ts";
import { superFramesOf } from "./super-frames.ts";
import type { Way } from "./ways.ts";

/** What sessions are put into. */
export interface Ground {
  readonly maps: PlaneMaps;
  readonly attachments: Attachments;
  /** Where messages of a network within this machine are cut and finished. */
  readonly networkDetour: Cable;
}

/** A session on its device. */
export interface Subject {
  readonly session: SessionParameters;
  readonly attachment: Attachment;
  readonly device: KernelDevice;
}

type Use = readonly [order: ProgramOrder, place: Place];
type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** What a session has in the kernel. */
export interface Carriage {
  readonly uses: readonly Use[];
  readonly circuits: readonly Entry[];
  readonly peers: readonly Entry[];
  readonly routes: readonly Entry[];
}

const HOP_LIMIT = 64;

function mustCut(session: SessionParameters, endpoint: PsnEndpoint, { route }: Way): boolean {
  return superFramesOf(session, endpoint, route).choice === "cut";
}

/** Whether a session needs a cutter: the kernel cuts TCP that is in UDP when it must, but not what is in IP protocol 115. */
export function needsCutter(session: SessionParameters, endpoint: PsnEndpoint, way: Way): boolean {
  return session.path.encapsulation === "ip" && !mustCut(session, endpoint, way);
}

/** What a session needs so that programs carry it; with the cutter if `needsCutter`. */
export function carriageOf(
  { session, attachment, device }: Subject,
  endpoint: PsnEndpoint,
  way: Way,
  slot: number,
  { networkDetour, cutter }: { readonly networkDetour: Cable; readonly cutter?: Cutter | undefined },
): Carriage {
  const { route } = way;
  const { near, far } = device.detour;
  const placement: Placement = {
    localAddress: addressOctets(session.path.localAddress),
    remoteAddress: addressOctets(session.path.remoteAddress),
    hopLimit: HOP_LIMIT,
    fragmentation: endpoint.fragmentation,
    slot,
    circuitInterface: device.place.interfaceIndex,
    networkInterface: route.interfaceIndex,
    nextHop: route.nextHop,
    packetOctets: route.mtu,
    detourInterface: near,
    nearInterface: near,
    unsent: device.delivery === "in",
    cut: mustCut(session, endpoint, way),
    cutter: cutter === undefined ? undefined : { cut: cutter.cut.into, join: cutter.join.into },
    networkDetour,
    deliver: device.delivery,
  };
  const behindDetour = {
    ...placement,
    circuitInterface: far,
    // What a socket sent would have numbers that know nothing of the programs' own: it is given up.
    detourInterface: numbersFrames(session) ? 0 : far,
    unsent: false,
    cut: false,
    cutter: undefined,
  };
  const encapsulate = {
    kind: "encapsulate",
    options: encapsulateOptions(session, attachment, placement),
  } as const;
  const decapsulate = {
    kind: "decapsulate",
    options: decapsulateOptions(session, attachment, placement),
  } as const;
  return {
    uses: [
      ...(cutter === undefined ? [] : throughCutter(cutter, placement)),
      [decapsulate, { interfaceIndex: networkDetour.far, at: "ingress" }],
      [decapsulate, { interfaceIndex: route.interfaceIndex, at: "ingress" }],
      [encapsulate, { interfaceIndex: far, at: "ingress" }],
      [encapsulate, device.place],
    ],
    circuits: [circuitEntry(session, attachment, behindDetour), circuitEntry(session, attachment, placement)],
    peers: [peerEntry(session, attachment, placement)],
    routes: cutter === undefined ? [] : [routeEntry(placement)],
  };
}

function throughCutter({ cut, join }: Cutter, placement: Placement): readonly Use[] {
  return [
    [{ kind: "deliver", options: deliveryOf(placement) }, join.out],
    [{ kind: "emit" }, cut.out],
  ];
}

/** What a session needs so that the userspace plane gets its frames, and carries it. */
export function puntOf({ attachment, device }: Subject): Carriage {
  const options = { vlan: attachment.vlan === undefined ? "port" : "vlan" } as const;
  return {
    uses: [[{ kind: "punt", options }, device.place]],
    circuits: [
      puntEntry(attachment, device.place.interfaceIndex, device.detour.far, device.delivery === "in"),
    ],
    peers: [],
    routes: [],
  };
}

/**
 * Puts it in place: programs first, then what makes them act, unless it is not allowed by then. Rejects with VerifierError or
 * SystemError, and nothing is left.
 */
export async function load(
  { maps, attachments }: Ground,
  carriage: Carriage,
  isAllowed: () => boolean = () => true,
): Promise<void> {
  const used: Use[] = [];
  try {
    for (const use of carriage.uses) {
      await attachments.use(...use);
      used.push(use);
    }
    if (!isAllowed()) throw new Error(POLICY_WORDS);
    for (const entry of carriage.routes) maps.routes.update(...entry);
    for (const entry of carriage.peers) maps.peers.update(...entry);
    for (const entry of carriage.circuits) maps.circuits.update(...entry);
  } catch (error) {
    removeEntries(maps, carriage);
    for (const use of used) await attachments.release(...use);
    throw error;
  }
}

/** Has programs do nothing more for it; it is still to be unloaded. */
export function halt({ maps }: Ground, carriage: Carriage): void {
  removeEntries(maps, carriage);
}

/** Takes it away, but for entries that `next` has too. */
export async function unload(
  { maps, attachments }: Ground,
  carriage: Carriage,
  next?: Carriage,
): Promise<void> {
  removeEntries(maps, carriage, next);
  for (const use of carriage.uses) await attachments.release(...use);
}

function removeEntries(maps: PlaneMaps, carriage: Carriage, next?: Carriage): void {
  for (const name of ["circuits", "peers"] as const) {
    const kept = new Set((next?.[name] ?? []).map(([key]) => key.join()));
    for (const [key] of carriage[name]) if (!kept.has(key.join())) maps[name].remove(key);
  }
}

/** A session that begins has counted nothing and numbered nothing. */
export function clearSlot({ counters, sequences }: PlaneMaps, slot: number): void {
  counters.update(slotKey(slot), new Uint8Array(mapSizes.counters.valueOctets));
  sequences.update(slotKey(slot), new Uint8Array(mapSizes.sequences.valueOctets));
}
