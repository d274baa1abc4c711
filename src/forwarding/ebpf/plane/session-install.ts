import { ignoreOperational, OperationalError } from "../../../bytes/errors.ts";
import { addressOctets } from "../../../bytes/ip-address.ts";
import type { BpfMap } from "../../../environment.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { AttachmentCircuit } from "../../plane.ts";
import type { PsnEndpoint } from "../../transport.ts";
import {
  circuitEntry,
  decapsulateOptions,
  deliveryTargetOf,
  encapsulateOptions,
  type Placement,
  peerEntry,
  puntEntry,
  routeEntry,
} from "../programs/map-layout.ts";
import type { EbpfDevice } from "./devices.ts";
import { gsoHandling } from "./gso.ts";
import type { VethPair } from "./hidden-interfaces.ts";
import { numbersFrames, POLICY_TEXT, pathMtuOf } from "./obstacles.ts";
import type { PlaneMaps } from "./plane-maps.ts";
import type { Hook, ProgramAttachments } from "./program-attachments.ts";
import type { ProgramSpec } from "./program-cache.ts";
import type { PeerRoute } from "./route-cache.ts";
import type { Segmenter } from "./segmenter.ts";
import type { SessionArrays } from "./session-arrays.ts";

/** The resources of the plane that sessions are installed into. */
export interface PlaneResources {
  readonly maps: Pick<PlaneMaps, "circuits" | "peers" | "routes">;
  readonly attachments: ProgramAttachments;
  readonly arrays: Pick<SessionArrays, "hold" | "replaceStale">;
  /**
   * The veth pair in which messages from a network within this machine are segmented and their checksums
   * finished.
   */
  readonly networkExceptionPath: VethPair;
}

/** A session bound to its circuit's device. */
export interface SessionBinding {
  readonly session: SessionParameters;
  readonly attachment: AttachmentCircuit;
  readonly device: EbpfDevice;
}

type ProgramUse = readonly [spec: ProgramSpec, hook: Hook];
type MapEntry = readonly [key: Uint8Array, value: Uint8Array];

/** All that a session has in the kernel: programs at hooks, and map entries. */
export interface SessionInstall {
  readonly programs: readonly ProgramUse[];
  readonly circuits: readonly MapEntry[];
  readonly peers: readonly MapEntry[];
  readonly routes: readonly MapEntry[];
  /** The session's index in the arrays; undefined where there is no room. */
  readonly sessionIndex: number | undefined;
  /**
   * Replacements for the entries of `circuits`, with which programs send nothing and pass all frames to the
   * userspace plane.
   */
  readonly halted: readonly MapEntry[];
}

const HOP_LIMIT = 64;

function mustSegment(session: SessionParameters, endpoint: PsnEndpoint, { route }: PeerRoute): boolean {
  return gsoHandling(session, endpoint, route).choice === "segment";
}

/**
 * Whether a session needs a segmenter: the kernel can segment TCP inside UDP by itself, but not inside IP
 * protocol 115.
 */
export function needsSegmenter(session: SessionParameters, endpoint: PsnEndpoint, route: PeerRoute): boolean {
  return session.path.encapsulation === "ip" && !mustSegment(session, endpoint, route);
}

/** Veth pairs, besides those of its device, that a session's frames go through. */
interface VethPairs {
  readonly networkExceptionPath: VethPair;
  /** Given if `needsSegmenter`. */
  readonly segmenter?: Segmenter | undefined;
}

/** The install of a session that programs carry: all its programs and map entries. */
export function programInstall(
  binding: SessionBinding,
  endpoint: PsnEndpoint,
  peerRoute: PeerRoute,
  sessionIndex: number,
  vethPairs: VethPairs,
): SessionInstall {
  const { session, attachment, device } = binding;
  const { networkExceptionPath, segmenter } = vethPairs;
  const { exit } = device.exceptionPath;
  const placement = placementOf(binding, endpoint, peerRoute, sessionIndex, vethPairs);
  const placements = [placementAtExceptionExit(placement, binding), placement];
  const encapsulate: ProgramSpec = {
    kind: "encapsulate",
    options: encapsulateOptions(session, attachment, placement),
  };
  const decapsulate: ProgramSpec = {
    kind: "decapsulate",
    options: decapsulateOptions(session, attachment, placement),
  };
  return {
    programs: [
      ...(segmenter === undefined ? [] : segmenterPrograms(segmenter, placement)),
      [decapsulate, { interfaceIndex: networkExceptionPath.exit, at: "ingress" }],
      [decapsulate, { interfaceIndex: peerRoute.route.interfaceIndex, at: "ingress" }],
      [encapsulate, { interfaceIndex: exit, at: "ingress" }],
      [encapsulate, device.hook],
    ],
    circuits: placements.map((each) => circuitEntry(session, attachment, each)),
    peers: [peerEntry(session, attachment, placement)],
    routes: segmenter === undefined ? [] : [routeEntry(placement)],
    sessionIndex,
    halted: placements.map((each) => circuitEntry(session, attachment, haltedPlacement(each, exit))),
  };
}

/** The placement of a session at its device. */
function placementOf(
  { session, attachment, device }: SessionBinding,
  endpoint: PsnEndpoint,
  peerRoute: PeerRoute,
  sessionIndex: number,
  { networkExceptionPath, segmenter }: VethPairs,
): Placement {
  const { route } = peerRoute;
  const { entry } = device.exceptionPath;
  const { path } = session;
  return {
    localAddress: addressOctets(path.localAddress),
    remoteAddress: addressOctets(path.remoteAddress),
    hopLimit: HOP_LIMIT,
    fragmentation: endpoint.fragmentation === "none" ? "none" : "outer",
    sessionIndex,
    circuitInterface: device.hook.interfaceIndex,
    networkInterface: route.interfaceIndex,
    nextHop: route.nextHop,
    packetOctets: pathMtuOf(attachment, route),
    exceptionInterface: entry,
    exceptionEntry: entry,
    unsent: device.delivery === "in",
    segment: mustSegment(session, endpoint, peerRoute),
    segmenter:
      segmenter === undefined
        ? undefined
        : { segment: segmenter.segment.entry, coalesce: segmenter.coalesce.entry },
    networkExceptionPath,
    deliver: device.delivery,
  };
}

/**
 * The placement of a session at the exit of its exception path. What the program there cannot forward either
 * goes on to the userspace plane, but for numbered frames: that plane would return them as long as programs
 * number, or send them after later ones.
 */
function placementAtExceptionExit(placement: Placement, { session, device }: SessionBinding): Placement {
  const { exit } = device.exceptionPath;
  return {
    ...placement,
    circuitInterface: exit,
    exceptionInterface: numbersFrames(session) ? 0 : exit,
    unsent: false,
    segment: false,
    segmenter: undefined,
  };
}

/**
 * The placement of a halted session: no frame fits, so each takes the exception path to the userspace plane.
 */
function haltedPlacement(placement: Placement, exit: number): Placement {
  return {
    ...placement,
    packetOctets: 0,
    fragmentation: "outer",
    exceptionInterface: exit,
    segmenter: undefined,
  };
}

function segmenterPrograms({ segment, coalesce }: Segmenter, placement: Placement): readonly ProgramUse[] {
  return [
    [{ kind: "deliver", options: deliveryTargetOf(placement) }, coalesce.exit],
    [{ kind: "emit" }, segment.exit],
  ];
}

/** The install of a session that the userspace plane carries: a program passes all its frames there. */
export function puntInstall(
  { attachment, device }: SessionBinding,
  sessionIndex: number | undefined,
): SessionInstall {
  const options = { vlan: attachment.vlan === undefined ? "port" : "vlan" } as const;
  return {
    programs: [[{ kind: "punt", options }, device.hook]],
    circuits: [
      puntEntry(attachment, device.hook.interfaceIndex, device.exceptionPath.exit, {
        unsent: device.delivery === "in",
        sessionIndex,
      }),
    ],
    peers: [],
    routes: [],
    sessionIndex,
    halted: [],
  };
}

/** The install of a session that was halted: what `halt` leaves of it in the kernel. */
export function haltedInstall(install: SessionInstall): SessionInstall {
  return { ...install, circuits: install.halted, peers: [] };
}

/** Conditions of activating programs. */
export interface ActivationConditions {
  isAllowed(): boolean;
  /** Has the userspace plane release the session's numbers to programs; undefined where it has none. */
  yieldNumbers: (() => Promise<void>) | undefined;
}

/** What the session has in the kernel at the time of the call; undefined for nothing. */
type FormerInstall = () => SessionInstall | undefined;

/**
 * Activates the install of a session that programs carry: first the programs, then the entries that make them
 * act, unless that is no longer allowed by then. Frames to be numbered still go to the userspace plane until
 * it releases the numbers with nothing left unsent. The peer entry comes after that, for programs begin at
 * the number that the userspace plane expects. Where programs forward the session already they have the
 * numbers, and both directions change at once, as when the peer has another address. Rejects with
 * VerifierError or SystemError, and the former install is in force as before.
 */
export async function activate(
  resources: PlaneResources,
  install: SessionInstall,
  { isAllowed, yieldNumbers, former }: ActivationConditions & { readonly former: FormerInstall },
): Promise<void> {
  const { maps } = resources;
  await withPrograms(resources, install, former, async () => {
    if (!isAllowed()) throw new OperationalError(POLICY_TEXT);
    for (const entry of install.routes) maps.routes.update(...entry);
    for (const entry of install.circuits) maps.circuits.update(...entry);
    const programsHaveNumbers = (former()?.peers.length ?? 0) > 0;
    if (yieldNumbers !== undefined && !programsHaveNumbers) await yieldNumbers();
    if (!isAllowed()) throw new OperationalError(POLICY_TEXT);
    for (const entry of install.peers) maps.peers.update(...entry);
  });
}

/**
 * Diverts all frames of a session to the userspace plane. It has the numbers from the first moment on;
 * programs still in place pass it what they would number. Rejects as `activate` does, but for the numbers.
 */
export async function divertToUserspace(
  resources: PlaneResources,
  punt: SessionInstall,
  former: FormerInstall,
): Promise<void> {
  resources.arrays.hold(punt.sessionIndex);
  await withPrograms(resources, punt, former, async () => {
    for (const entry of punt.circuits) resources.maps.circuits.update(...entry);
  });
}

/** Attaches the programs of an install, then acts; if that fails, the former install is in force again. */
async function withPrograms(
  resources: PlaneResources,
  install: SessionInstall,
  former: FormerInstall,
  act: () => Promise<void>,
): Promise<void> {
  const { attachments } = resources;
  const used: ProgramUse[] = [];
  try {
    for (const each of install.programs) {
      await attachments.use(...each);
      used.push(each);
    }
    await act();
  } catch (error) {
    try {
      restore(resources, install, former());
    } catch (again) {
      ignoreOperational(again);
    }
    for (const each of used) await attachments.release(...each).catch(ignoreOperational);
    throw error;
  }
}

/** Puts the entries of the former install in place of those that an install may have made. */
function restore(resources: PlaneResources, install: SessionInstall, former: SessionInstall | undefined) {
  const { maps, arrays } = resources;
  removeEntries(resources, install, former ?? NOTHING);
  for (const name of ["circuits", "peers"] as const)
    for (const entry of former?.[name] ?? []) maps[name].update(...entry);
  // Without a peer entry of its own, programs did not number what the session sent, or did for nobody.
  if (former === undefined || former.peers.length === 0) arrays.hold(install.sessionIndex);
}

const NOTHING: Pick<SessionInstall, "circuits" | "peers"> = { circuits: [], peers: [] };

/**
 * Halts a session at once: programs send and receive nothing more for it, and the userspace plane does. It is
 * still to be deactivated, as its `haltedInstall`.
 */
export function halt({ maps, arrays }: PlaneResources, install: SessionInstall): void {
  arrays.hold(install.sessionIndex);
  for (const entry of install.halted) maps.circuits.update(...entry);
  for (const [key] of install.peers) remove(maps.peers, key);
}

/**
 * Removes an install, but for entries that `next` has too. Programs that cannot be detached are no failure:
 * without entries they do nothing, and are detached later. Rejects with SystemError where entries stay.
 */
export async function deactivate(
  resources: PlaneResources,
  install: SessionInstall,
  next?: SessionInstall,
): Promise<void> {
  // A program that finds no entry numbers nothing, so the userspace plane must number.
  if (next === undefined) resources.arrays.hold(install.sessionIndex);
  removeEntries(resources, install, next ?? NOTHING);
  for (const each of install.programs) await resources.attachments.release(...each).catch(ignoreOperational);
}

/**
 * Makes the entries of a session on the circuit side, and removes those of `other`, which had the circuit so
 * far. Throws SystemError, and then those are as before.
 */
export function bindCircuits(
  resources: PlaneResources,
  install: SessionInstall,
  other: SessionInstall | undefined,
): void {
  const { circuits } = resources.maps;
  try {
    for (const entry of install.circuits) circuits.update(...entry);
    removeEntries(resources, { circuits: other?.circuits ?? [], peers: [] }, install);
  } catch (error) {
    removeEntries(resources, { circuits: install.circuits, peers: [] }, other ?? NOTHING);
    for (const entry of other?.circuits ?? []) circuits.update(...entry);
    throw error;
  }
}

function removeEntries(
  { maps }: PlaneResources,
  install: Pick<SessionInstall, "circuits" | "peers">,
  kept: Pick<SessionInstall, "circuits" | "peers">,
): void {
  for (const name of ["circuits", "peers"] as const) {
    const stay = new Set(kept[name].map(([key]) => key.join()));
    for (const [key] of install[name]) if (!stay.has(key.join())) remove(maps[name], key);
  }
}

/** Removes an entry. A map that programs change at that moment may refuse that once (EBUSY). */
function remove(map: BpfMap, key: Uint8Array): void {
  try {
    map.remove(key);
  } catch (error) {
    ignoreOperational(error);
    map.remove(key);
  }
}
