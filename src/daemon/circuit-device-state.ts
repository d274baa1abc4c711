import type { CircuitConfig, PseudowireConfig } from "../config/config.ts";
import type { CircuitDevice } from "../forwarding/plane.ts";
import type { Lock } from "../os/locks.ts";
import type { ChannelStatus, SessionParameters } from "../wire/session-parameters.ts";
import { deviceOf } from "./settings.ts";
import type { PathMtuKnowledge } from "./tunnel-path-mtus.ts";

/**
 * A pseudowire on a device. It takes part only while we hold the lock of its frames: another daemon may have
 * it.
 */
export interface AttachedPseudowire {
  config: PseudowireConfig;
  lock: Lock | undefined;
  /** Why it has no lock. */
  problem: string | undefined;
}

/** A session that should forward; a later one with the same local id is another object. */
export interface WantedSession {
  session: SessionParameters;
  /** What a protocol on its control channel said of it last. */
  channelStatus?: ChannelStatus;
  /** What was known of its path when it was given to the plane last. */
  pathMtu?: PathMtuKnowledge | undefined;
}

/** A circuit device with all pseudowires on it, as it is wanted and as it is. */
export interface CircuitDeviceState {
  /** Name of the device. */
  readonly name: string;
  /** By name; without any, the device stays as it is for those that come, until somebody closes it. */
  readonly pseudowires: Map<string, AttachedPseudowire>;
  /**
   * Sessions that are to forward, by local session id; in the plane whenever the device is open and their
   * pseudowire has its lock.
   */
  readonly sessions: Map<number, WantedSession>;
  /** Those of them that the plane has, and others that are about to be removed from it. */
  readonly installed: Map<number, WantedSession>;
  /** The device in the plane, and the index of its interface: one of the same name may come after it. */
  opened: { readonly device: CircuitDevice; readonly index: number } | undefined;
  /** The bridge that we added it to. */
  bridge: string | undefined;
  /** Whether the interface was checked, and the host does not use it. */
  isUnusedByHost: boolean;
  /**
   * Whether it is being changed now, so that link events are our own doing, and whether a change is queued.
   */
  isReconciling: boolean;
  isReconcilePending: boolean;
  /** Index of the interface of that name when it was last changed. */
  lastIndex: number | undefined;
  isUp: boolean;
  /** Whether we switched it off because the other end is down (followed-devices.ts). */
  isHeldDown: boolean;
  /** Why it is not open or not in its wanted state. */
  problem: string | undefined;
}

export function newCircuitDeviceState(name: string): CircuitDeviceState {
  return {
    name,
    pseudowires: new Map(),
    sessions: new Map(),
    installed: new Map(),
    opened: undefined,
    bridge: undefined,
    isUnusedByHost: false,
    isReconciling: false,
    isReconcilePending: false,
    lastIndex: undefined,
    isUp: false,
    isHeldDown: false,
    problem: undefined,
  };
}

/**
 * The device as its pseudowires want it, with the largest of their MTUs; undefined while none of them has its
 * lock. Asked for at each attachment, so it makes no list of what may be 4094 VLANs.
 */
export function wantedDevice({ pseudowires }: CircuitDeviceState): CircuitDevice | undefined {
  let first: PseudowireConfig | undefined;
  let mtu = 0;
  for (const { lock, config } of pseudowires.values()) {
    if (lock === undefined) continue;
    first ??= config;
    mtu = Math.max(mtu, config.mtu);
  }
  return first && { ...deviceOf(first), mtu };
}

/** The bridge where the device belongs; all its pseudowires name the same. */
export function wantedBridge({ pseudowires }: CircuitDeviceState): string | undefined {
  const [first] = pseudowires.values();
  return first?.config.circuit.bridge;
}

/**
 * Whether a device that no pseudowire is on stays as it is for one whose tunnel waits, by the circuits of the
 * configuration: a TAP device, for what was set up on it would be lost, and an interface that is switched off
 * because the other end is down, for no session has said since that it is up.
 */
export function staysOpen(
  { name, opened, isHeldDown }: CircuitDeviceState,
  wanted: ReadonlyMap<string, CircuitConfig>,
): boolean {
  const circuit = wanted.get(name);
  if (circuit === undefined) return false;
  return opened?.device.kind === "tap" || (isHeldDown && circuit.followPeer === "link-down");
}

/** The pseudowires of a circuit that have their locks. */
export function lockedPseudowires({ pseudowires }: CircuitDeviceState): readonly PseudowireConfig[] {
  return [...pseudowires.values()].flatMap(({ lock, config }) => (lock === undefined ? [] : [config]));
}

/** The pseudowire of a session, if it is attached and has its lock. */
export function lockedPseudowireOf(
  { pseudowires }: CircuitDeviceState,
  { session }: WantedSession,
): AttachedPseudowire | undefined {
  const attached = pseudowires.get(session.pseudowire);
  return attached?.lock === undefined ? undefined : attached;
}
