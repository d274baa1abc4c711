import { addressOctets } from "../../../os/sockets.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { CircuitAttachment, PsnEndpoint } from "../../plane.ts";
import {
  circuitEntry,
  decapsulateOptions,
  deliveryOf,
  encapsulateOptions,
  type Placement,
  peerEntry,
  puntEntry,
  routeEntry,
} from "../programs/map-layout.ts";
import type { KernelDevice } from "./devices.ts";
import { superFramesOf } from "./gso.ts";
import type { Cable } from "./hidden-interfaces.ts";
import { numbersFrames, POLICY_WORDS } from "./obstacles.ts";
import type { PlaneMaps } from "./plane-maps.ts";
import type { Attachments, Place } from "./program-attachments.ts";
import type { ProgramOrder } from "./program-cache.ts";
import type { Way } from "./route-cache.ts";
import type { Cutter } from "./segmenter.ts";
import type { SessionSlots } from "./session-arrays.ts";

/** What sessions are put into. */
export interface Ground {
  readonly maps: PlaneMaps;
  readonly attachments: Attachments;
  readonly slots: SessionSlots;
  /** Where messages of a network within this machine are cut and finished. */
  readonly networkDetour: Cable;
}

/** A session on its device. */
export interface Subject {
  readonly session: SessionParameters;
  readonly attachment: CircuitAttachment;
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
  /** The session's place in the arrays; undefined where there is no room. */
  readonly slot: number | undefined;
  /** With the keys of `circuits`, what has programs send nothing and give all frames to the userspace plane. */
  readonly halted: readonly Entry[];
}

const HOP_LIMIT = 64;

function mustCut(session: SessionParameters, endpoint: PsnEndpoint, { route }: Way): boolean {
  return superFramesOf(session, endpoint, route).choice === "segment";
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
    // What the userspace plane got it would give back as long as programs have the numbers, and if it sent it, theirs would overtake it.
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
    slot,
    halted: [behindDetour, placement].map((each) => circuitEntry(session, attachment, haltedAt(each, far))),
  };
}

/** A place where no frame fits, and the userspace plane has each. */
function haltedAt(placement: Placement, far: number): Placement {
  return { ...placement, packetOctets: 0, fragmentation: "outer", detourInterface: far, cutter: undefined };
}

function throughCutter({ cut, join }: Cutter, placement: Placement): readonly Use[] {
  return [
    [{ kind: "deliver", options: deliveryOf(placement) }, join.out],
    [{ kind: "emit" }, cut.out],
  ];
}

/** What a session needs so that the userspace plane gets its frames, and carries it. */
export function puntOf({ attachment, device }: Subject, slot: number | undefined): Carriage {
  const options = { vlan: attachment.vlan === undefined ? "port" : "vlan" } as const;
  return {
    uses: [[{ kind: "punt", options }, device.place]],
    circuits: [
      puntEntry(attachment, device.place.interfaceIndex, device.detour.far, {
        unsent: device.delivery === "in",
        slot,
      }),
    ],
    peers: [],
    routes: [],
    slot,
    halted: [],
  };
}

/** What a carriage by programs waits for before they act. */
export interface Admission {
  isAllowed(): boolean;
  /** Has the userspace plane leave the session's numbers to programs (`Tables.yieldNumbers`); undefined where it has none. */
  yieldNumbers: (() => Promise<void>) | undefined;
}

/**
 * Puts a carriage by programs in place: programs first, then what makes them act, unless it is not allowed by then. Frames that would be
 * numbered still go to the userspace plane, until that leaves the numbers to programs with nothing unsent; messages reach programs
 * after that, for they begin at the number that the userspace plane expects. Rejects with VerifierError or SystemError, and nothing is left.
 */
export async function load(
  ground: Ground,
  carriage: Carriage,
  { isAllowed, yieldNumbers }: Admission,
): Promise<void> {
  const { maps } = ground;
  await use(ground, carriage, async () => {
    if (!isAllowed()) throw new Error(POLICY_WORDS);
    for (const entry of carriage.routes) maps.routes.update(...entry);
    for (const entry of carriage.circuits) maps.circuits.update(...entry);
    if (yieldNumbers !== undefined) await yieldNumbers();
    if (!isAllowed()) throw new Error(POLICY_WORDS);
    for (const entry of carriage.peers) maps.peers.update(...entry);
  });
}

/**
 * Has all frames of a session go to the userspace plane. From the first moment on that has the numbers; programs that are still in place
 * take the detour with what they would number. Rejects as `load` does.
 */
export async function divert(ground: Ground, punt: Carriage): Promise<void> {
  ground.slots.hold(punt.slot);
  await use(ground, punt, async () => {
    for (const entry of punt.circuits) ground.maps.circuits.update(...entry);
  });
}

/** Makes its programs run, then acts; if that fails, nothing is left. */
async function use(ground: Ground, carriage: Carriage, act: () => Promise<void>): Promise<void> {
  const { attachments } = ground;
  const used: Use[] = [];
  try {
    for (const each of carriage.uses) {
      await attachments.use(...each);
      used.push(each);
    }
    await act();
  } catch (error) {
    removeEntries(ground, carriage);
    for (const each of used) await attachments.release(...each);
    throw error;
  }
}

/** Has programs send and take nothing more for it, and the userspace plane do so; it is still to be unloaded. */
export function halt({ maps, slots }: Ground, carriage: Carriage): void {
  slots.hold(carriage.slot);
  for (const entry of carriage.halted) maps.circuits.update(...entry);
  for (const [key] of carriage.peers) maps.peers.remove(key);
}

/** Takes it away, but for entries that `next` has too. */
export async function unload(ground: Ground, carriage: Carriage, next?: Carriage): Promise<void> {
  removeEntries(ground, carriage, next);
  for (const each of carriage.uses) await ground.attachments.release(...each);
}

function removeEntries({ maps, slots }: Ground, carriage: Carriage, next?: Carriage): void {
  // Programs that find no entry number nothing, and the userspace plane must not leave it to them.
  if (next === undefined) slots.hold(carriage.slot);
  for (const name of ["circuits", "peers"] as const) {
    const kept = new Set((next?.[name] ?? []).map(([key]) => key.join()));
    for (const [key] of carriage[name]) if (!kept.has(key.join())) maps[name].remove(key);
  }
}
