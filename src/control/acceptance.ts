import { equalOctets } from "../bytes/hex.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import type { DecodedControlMessage, MessageProblem } from "../wire/message.ts";
import type { DataSequencing, L2SpecificSublayer, PseudowireType } from "../wire/session-parameters.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";

/**
 * Why a request is refused: the codes of a StopCCN or CDN (RFC 3931 §5.4.2), and a text, which may be empty.
 */
export interface Refusal {
  readonly resultCode: number;
  readonly errorCode?: number;
  readonly text: string;
}

/** StopCCN result codes (RFC 3931 §5.4.2). */
export const stopResult = {
  requested: 1,
  generalError: 2,
  alreadyExists: 3,
  notAuthorized: 4,
  outOfService: 6,
  stateMachine: 7,
} as const;

/** CDN result codes (RFC 3931 §5.4.2, RFC 4667 §4.2). */
export const cdnResult = {
  generalError: 2,
  administrative: 3,
  noFacilities: 4,
  noFacilitiesPermanent: 5,
  tieLost: 13,
  pseudowireTypeUnsupported: 14,
  sequencingWithoutSublayer: 15,
  stateMachine: 16,
  noForwarder: 24,
} as const;

const OUT_OF_RANGE = 3;
const UNKNOWN_MANDATORY_AVP = 8;

/** Pseudowire type numbers of an Ethernet bridge (RFC 4719 §2.1). */
export const pseudowireTypeNumber: Readonly<Record<PseudowireType, number>> = {
  ethernet: 0x0005,
  "ethernet-vlan": 0x0004,
};

export const sublayerNumber: Readonly<Record<L2SpecificSublayer, number>> = { none: 0, default: 1 };

export const sequencingNumber: Readonly<Record<DataSequencing, number>> = { none: 0, "non-ip": 1, all: 2 };

function nameOfNumber<Name extends string>(
  table: Readonly<Record<Name, number>>,
  number: number,
): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === number);
}

/** The refusal for a problem that the decoder found. */
export function refusalOf(problem: MessageProblem): Refusal {
  return { resultCode: problem.resultCode, errorCode: problem.errorCode, text: problem.text };
}

/** Checks an SCCRQ or SCCRP; undefined when it is acceptable (RFC 3931 §7.2). */
export function checkStart(
  avps: AvpValues,
  problem: MessageProblem | undefined,
  peer: PeerSettings,
): Refusal | undefined {
  if (problem !== undefined) return refusalOf(problem);
  const nonce = avps.controlMessageAuthenticationNonce;
  if (peer.authentication.mode === "digest" && nonce === undefined) {
    return { resultCode: stopResult.notAuthorized, text: "authentication is required here, no nonce came" };
  }
  if (peer.authentication.mode !== "digest" && nonce !== undefined) {
    return { resultCode: stopResult.notAuthorized, text: "authentication is not configured here" };
  }
  if (!avps.assignedControlConnectionId) return outOfRange("Assigned Control Connection ID is 0");
  if (avps.receiveWindowSize === 0) return outOfRange("Receive Window Size is 0");
  if (avps.tunnelRecovery !== undefined) {
    return {
      resultCode: stopResult.generalError,
      errorCode: UNKNOWN_MANDATORY_AVP,
      text: "AVP 77 (recovery, RFC 4951) is not supported",
    };
  }
  if (peer.peerHostName !== undefined && avps.hostName !== peer.peerHostName) {
    return { resultCode: stopResult.notAuthorized, text: "another host name is expected of this peer" };
  }
  if (peer.peerRouterId !== undefined && avps.routerId !== peer.peerRouterId) {
    return { resultCode: stopResult.notAuthorized, text: "another router id is expected of this peer" };
  }
  return undefined;
}

/**
 * Whether an SCCRQ from the same address and with the same id is a retransmission of `first`. Equal nonces
 * prove it. Without a nonce, a restarted peer may send an equal SCCRQ, as its ids and tie breakers may be
 * constant: then only while we wait for its SCCCN.
 */
export function isRepetition(first: AvpValues, again: AvpValues, waitsForScccn: boolean): boolean {
  const nonce = first.controlMessageAuthenticationNonce;
  if (!sameOctets(nonce, again.controlMessageAuthenticationNonce)) return false;
  if (!sameOctets(first.tieBreaker, again.tieBreaker)) return false;
  return waitsForScccn || nonce !== undefined;
}

function sameOctets(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalOctets(a, b);
}

/** An event in a state where it has no place (RFC 3931 §7.1). */
export function stateMachine(text: string): Refusal {
  return { resultCode: stopResult.stateMachine, text };
}

function outOfRange(text: string): Refusal {
  return { resultCode: stopResult.generalError, errorCode: OUT_OF_RANGE, text };
}

/** What the peer requested for one session by ICRQ, ICRP or ICCN (RFC 3931 §5.4.4). */
export interface PeerChoices {
  readonly sublayer: L2SpecificSublayer;
  readonly sequencing: DataSequencing;
}

/** The values before the peer requests anything (RFC 3931 §5.4.4: absent means none). */
export const NO_CHOICES: PeerChoices = { sublayer: "none", sequencing: "none" };

/**
 * Reads the sublayer and sequencing that the peer wants to receive; absent AVPs leave `before` as it was (RFC
 * 3931 §5.4.4).
 */
export function readChoices(avps: AvpValues, before: PeerChoices): PeerChoices | Refusal {
  const sublayer =
    avps.l2SpecificSublayer === undefined
      ? before.sublayer
      : nameOfNumber(sublayerNumber, avps.l2SpecificSublayer);
  if (sublayer === undefined) {
    return {
      resultCode: cdnResult.generalError,
      errorCode: OUT_OF_RANGE,
      text: "unknown L2-Specific Sublayer",
    };
  }
  const sequencing =
    avps.dataSequencing === undefined
      ? before.sequencing
      : nameOfNumber(sequencingNumber, avps.dataSequencing);
  if (sequencing === undefined) {
    return {
      resultCode: cdnResult.generalError,
      errorCode: OUT_OF_RANGE,
      text: "unknown Data Sequencing level",
    };
  }
  if (sequencing !== "none" && sublayer === "none") {
    return {
      resultCode: cdnResult.sequencingWithoutSublayer,
      text: "sequencing was asked for without a sublayer that carries numbers",
    };
  }
  return { sublayer, sequencing };
}

/** Checks an ICRQ for a pseudowire; undefined when it is acceptable (RFC 3931 §7.3.2). */
export function checkCall(avps: AvpValues, pseudowire: PseudowireSettings): Refusal | undefined {
  if (!avps.localSessionId) {
    return {
      resultCode: cdnResult.generalError,
      errorCode: OUT_OF_RANGE,
      text: "Local Session ID is 0 or absent",
    };
  }
  const wanted = pseudowireTypeNumber[pseudowire.type];
  if (avps.pseudowireType !== undefined && avps.pseudowireType !== wanted) {
    return {
      resultCode: cdnResult.pseudowireTypeUnsupported,
      text: `pseudowire type ${avps.pseudowireType} was asked for, this end has type ${wanted}`,
    };
  }
  const choices = readChoices(avps, NO_CHOICES);
  return "text" in choices ? choices : undefined;
}

/**
 * Whether a message opens a control connection. Its Nr means nothing, as its sender has received nothing yet.
 */
export function isSccrq(decoded: DecodedControlMessage): boolean {
  return (
    decoded.kind === "message" && decoded.message.name === "SCCRQ" && decoded.header.controlConnectionId === 0
  );
}
