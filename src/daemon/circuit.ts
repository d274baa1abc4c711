import type { PseudowireConfig } from "../config/config.ts";
import type { CircuitDevice } from "../forwarding/plane.ts";
import type { Lock } from "../os/locks.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import { deviceOf } from "./settings.ts";

/** A pseudowire on a device. Only with the lock of its frames it takes part in anything; another daemon may have it. */
export interface Attached {
  config: PseudowireConfig;
  lock: Lock | undefined;
  /** Why it has no lock. */
  problem: string | undefined;
}

/** A session that is to forward; another one of the same local id is another object. */
export interface Held {
  session: SessionParameters;
}

/** An attachment circuit: a device with all pseudowires on it, as it is wanted and as it is. */
export interface Circuit {
  /** Name of the device. */
  readonly name: string;
  /** By name; without any, the device stays as it is for those that come, until somebody closes it. */
  readonly pseudowires: Map<string, Attached>;
  /** Sessions that are to forward, by local session id; in the plane whenever the device is open and their pseudowire has its lock. */
  readonly sessions: Map<number, Held>;
  /** Those of them that the plane has, and others that are about to be removed from it. */
  readonly carried: Map<number, Held>;
  /** The device in the plane, and the index of its interface: one of the same name may come after it. */
  opened: { readonly device: CircuitDevice; readonly index: number } | undefined;
  /** The bridge that we put it into. */
  bridge: string | undefined;
  /** Whether this machine was seen to lose nothing by it. */
  isFree: boolean;
  /** Whether it is being changed: what links tell of it meanwhile is our own doing. And whether that is about to come. */
  isChanging: boolean;
  isDue: boolean;
  /** Index of the interface of that name when it was last changed. */
  seenIndex: number | undefined;
  isUp: boolean;
  /** Why it is not open, or not as it should be. */
  problem: string | undefined;
}

export function newCircuit(name: string): Circuit {
  return {
    name,
    pseudowires: new Map(),
    sessions: new Map(),
    carried: new Map(),
    opened: undefined,
    bridge: undefined,
    isFree: false,
    isChanging: false,
    isDue: false,
    seenIndex: undefined,
    isUp: false,
    problem: undefined,
  };
}

/** The device as its pseudowires want it, with the largest of their MTUs; undefined while none of them has its lock. */
export function wantedDevice(circuit: Circuit): CircuitDevice | undefined {
  const configs = lockedOf(circuit);
  const [first] = configs;
  return first && { ...deviceOf(first), mtu: Math.max(...configs.map(({ mtu }) => mtu)) };
}

/** The bridge where the device belongs; all its pseudowires name the same. */
export function wantedBridge({ pseudowires }: Circuit): string | undefined {
  const [first] = pseudowires.values();
  return first?.config.circuit.bridge;
}

/** The pseudowires of a circuit that have their locks. */
export function lockedOf({ pseudowires }: Circuit): readonly PseudowireConfig[] {
  return [...pseudowires.values()].flatMap(({ lock, config }) => (lock === undefined ? [] : [config]));
}
