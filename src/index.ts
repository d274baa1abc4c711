/**
 * Wirespan as a library: L2TPv3 (RFC 3931) and its Ethernet pseudowires (RFC 4719), apart from any operating
 * system.
 *
 * - The wire: `decodeControlMessage` and `encodeControlMessage`, `decodeDataMessage` and `encodeDataMessage`,
 *   octets to values and back. What cannot be read throws `TruncatedError` or `ProtocolError`.
 * - Control: `Lcce` is the whole control plane of a node as a function of inputs and time. It opens no socket
 *   and reads no clock: `handle` and `expire` return effects, which the caller performs in order.
 * - Forwarding: `encapsulate` and `decapsulate` convert a frame of a session to a data message and back, or
 *   return the reason of a discard; `outerTrafficClass` is the traffic class of the outer IP header. They are
 *   the reference implementation that the daemon's data planes are tested against.
 * - Configuration: `parseConfig` reads the daemon's file, or returns all problems of it; `planChange` lists
 *   the steps from one configuration to another.
 * - eBPF: `bpf` is an assembler for the kernel's BPF virtual machine, independent of L2TP.
 *
 * All of it is pure: clock and randomness come from the caller.
 */

export * as bpf from "./bpf/index.ts";
export { OperationalError, TruncatedError } from "./bytes/errors.ts";
export type {
  AuthenticationConfig,
  BridgeConfig,
  CircuitConfig,
  Config,
  ConfigProblem,
  ControlConfig,
  DisabledConfig,
  ForwarderConfig,
  HttpConfig,
  LcceConfig,
  LogConfig,
  MemberConfig,
  MetricsConfig,
  PortConfig,
  PseudowireConfig,
  StaticSessionConfig,
  TunnelConfig,
} from "./config/config.ts";
export type { FoundFiles, IncludeReader } from "./config/includes.ts";
export type { Issue as ConfigIssue } from "./config/issues.ts";
export type { Location } from "./config/key-locations.ts";
export type { ListenAddress } from "./config/listen-address.ts";
export {
  type FileLocations,
  formatProblem,
  type ParsedConfig,
  parseConfig,
  type SourceFileText,
  type ValidParts,
} from "./config/parse.ts";
export type { PeerKind } from "./config/peer-kinds.ts";
export { formatPlan, type PlanStep, planChange } from "./config/plan.ts";
export type { SecretSource } from "./config/secret-source.ts";
export type { FileLocation } from "./config/source-texts.ts";
export type { ControlDiscardReason } from "./control/control-discards.ts";
export type { Effect, Input, PathChange, PeerResult, ReportedEvent } from "./control/effects.ts";
export { Lcce } from "./control/lcce.ts";
export type { PathHistory } from "./control/path-follower.ts";
export type { PathLimits, PathMtuSnapshot } from "./control/path-mtu.ts";
export type { FoundPathMtu, MeasuredPathMtu } from "./control/path-mtu-memory.ts";
export type { PathMtuState } from "./control/path-mtu-table.ts";
export type { EchoRequest } from "./control/path-prober.ts";
export type { EchoCarrier, ProbeCarrier } from "./control/probe-carriers.ts";
export type {
  AuthenticationSettings,
  DeliverySettings,
  LcceIdentity,
  PeerSettings,
  PseudowireSettings,
} from "./control/settings.ts";
export type {
  ConnectionSnapshot,
  LcceOverview,
  LcceSnapshot,
  PseudowireSnapshot,
} from "./control/snapshot.ts";
export type { UnknownCall, UnknownPeer, UnknownPeerReason } from "./control/unknown-peers.ts";
export type { Clock, Random } from "./environment.ts";
export { type DiscardReason, discardReasons } from "./forwarding/discard-reasons.ts";
export {
  type ChannelMessage,
  decapsulate,
  decapsulateChannel,
  encapsulate,
  encapsulateChannel,
  newSequenceState,
  type Outcome,
  outerTrafficClass,
  type SequenceState,
} from "./forwarding/encapsulation.ts";
export {
  decapsulateFragments,
  encapsulateInFragments,
  type Reassembled,
  type ReassemblyState,
} from "./forwarding/fragments.ts";
export type { MssClampChoice } from "./forwarding/mss.ts";
export type { AttachmentCircuit, ChannelOptions, LinkLocalPolicy } from "./forwarding/plane.ts";
export type { ReceiveSequence } from "./forwarding/sequencing.ts";
export type { PacketTooBigChoice } from "./forwarding/too-big.ts";
export type { AvpName, AvpValue, AvpValues } from "./wire/avp-table.ts";
export type { CircuitStatus, ValueCodec } from "./wire/avp-values.ts";
export type { ControlHeader } from "./wire/control-header.ts";
export {
  type ChannelHeader,
  type DataHeader,
  type DefaultSublayer,
  decodeDataMessage,
  decodeSessionId,
  encodeDataMessage,
  type FragmentPosition,
} from "./wire/data-header.ts";
export type { DscpChoice } from "./wire/dscp.ts";
export { ProtocolError } from "./wire/errors.ts";
export {
  type ControlMessage,
  type DecodedControlMessage,
  type DecodedMessage,
  type DigestRequest,
  decodeControlMessage,
  encodeControlMessage,
  type Hiding,
  type MessageName,
  type MessageNumbers,
  type MessageProblem,
  type ReceivedMessage,
} from "./wire/message.ts";
export {
  type DigestKey,
  type DigestType,
  hasMessageDigest,
  verifyMessageDigest,
} from "./wire/message-digest.ts";
export type { AvpsOf, ReceivedAvps, UnacceptableMessage } from "./wire/message-types.ts";
export type {
  ChannelStatus,
  DataSequencing,
  Encapsulation,
  FragmentLimits,
  L2SpecificSublayer,
  PseudowireType,
  PsnPath,
  SequenceRule,
  SessionParameters,
  VccvControlChannel,
} from "./wire/session-parameters.ts";
