import { nearest } from "../../config/nearest.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../daemon/status.ts";
import { choiceText } from "./declared.ts";

/** Keys of the status that checks may look at, so that a path is judged before a lab is built. */

/** Keys of the whole status. */
const reportKeys = {
  apiVersion: true,
  version: true,
  pid: true,
  uptimeMs: true,
  hostName: true,
  routerId: true,
  configuration: true,
  plane: true,
  controlConnections: true,
  pseudowires: true,
  discards: true,
  bridges: true,
  control: true,
  clearedAgoMs: true,
  unknownPeers: true,
  otherUnknownPeers: true,
  http: true,
  log: true,
} as const satisfies Readonly<Record<keyof StatusReport, true>>;

const connectionKeys = {
  tunnel: true,
  state: true,
  encapsulation: true,
  local: true,
  remote: true,
  pathForMs: true,
  pathMoves: true,
  formerLocal: true,
  formerRemote: true,
  nat: true,
  localFrom: true,
  remoteName: true,
  localControlConnectionId: true,
  remoteControlConnectionId: true,
  peerHostName: true,
  peerRouterId: true,
  peerVendorName: true,
  authentication: true,
  establishedForMs: true,
  downForMs: true,
  lastChange: true,
  ups: true,
  downs: true,
  flapping: true,
  whyNot: true,
  notes: true,
  nextAttemptInMs: true,
  pathMtu: true,
  pathMtuUnknown: true,
  sent: true,
  received: true,
  retransmitted: true,
  clearedAgoMs: true,
} as const satisfies Readonly<Record<keyof ControlConnectionStatus, true>>;

const pseudowireKeys = {
  name: true,
  tunnel: true,
  state: true,
  type: true,
  circuit: true,
  localSessionId: true,
  remoteSessionId: true,
  receiveCookieOctets: true,
  transmitCookieOctets: true,
  receiveSublayer: true,
  transmitSublayer: true,
  receiveSequencing: true,
  transmitSequencing: true,
  frameSize: true,
  fragments: true,
  vccv: true,
  localCircuit: true,
  forwarder: true,
  heldDown: true,
  remoteCircuit: true,
  channelStatus: true,
  whyNot: true,
  notes: true,
  establishedForMs: true,
  downForMs: true,
  lastChange: true,
  ups: true,
  downs: true,
  flapping: true,
  plane: true,
  planeReason: true,
  gso: true,
  discards: true,
  clearedAgoMs: true,
  receivedFrames: true,
  receivedOctets: true,
  receivedClamped: true,
  receivedReassembled: true,
  receivedFragments: true,
  transmittedFrames: true,
  transmittedOctets: true,
  transmittedClamped: true,
  transmittedFragmented: true,
  transmittedFragments: true,
  transmittedUnanswered: true,
} as const satisfies Readonly<Record<keyof PseudowireStatus, true>>;

/** TABLE: keys of the items of lists in the status. */
const itemKeys: Readonly<Record<string, readonly string[]>> = {
  controlConnections: Object.keys(connectionKeys),
  pseudowires: Object.keys(pseudowireKeys),
};

/** Why a text is no path to a value of the status; undefined where it may be one. */
export function statusPathProblem(text: string): string | undefined {
  if (!/^\w+(\.[\w-]+|\[[^\][.]+\])*$/.test(text))
    return "wanted a path of the status, such as pseudowires[0].state or pseudowires[NAME].state";
  const [key = "", item, inner] = text.split(/[.[\]]+/).filter((step) => step !== "");
  if (!Object.hasOwn(reportKeys, key))
    return `the status has no ${key}${choiceText(key, Object.keys(reportKeys))}`;
  const keys = itemKeys[key];
  if (keys === undefined) return undefined;
  const like = item !== undefined && !text.startsWith(`${key}[`) ? nearest(item, keys) : undefined;
  if (like !== undefined) return `${key} is a list: write ${key}[0].${like}`;
  if (inner === undefined || keys.includes(inner)) return undefined;
  return `an item of ${key} has no ${inner}${choiceText(inner, keys)}`;
}
