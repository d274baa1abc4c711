import { equalOctets } from "../bytes/hex.ts";
import type { AvpValue, AvpValues } from "../wire/avp-table.ts";
import type { DecodedControlMessage, MessageProblem } from "../wire/message.ts";
import { cdnResult, generalError, RESULT_GENERAL_ERROR, stopResult } from "../wire/result-codes.ts";
import {
  type DataSequencing,
  type FragmentLimits,
  type L2SpecificSublayer,
  pseudowireTypeNumber,
  sequencingNumber,
  sublayerNumber,
} from "../wire/session-parameters.ts";
import { announcedFragments } from "./fragments.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";
import { type VccvCapability, vccvRefusal } from "./vccv.ts";

/**
 * Why a request is refused: the codes of a StopCCN or CDN (RFC 3931 §5.4.2), and a text, which may be empty.
 */
export interface Refusal {
  readonly resultCode: number;
  readonly errorCode?: number;
  readonly text: string;
}

/** Data of an event for what is refused. */
export interface Refused {
  readonly refusal: Refusal;
}

function nameOfNumber<Name extends string>(
  table: Readonly<Record<Name, number>>,
  number: number,
): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === number);
}

/** Value of the Result Code AVP for a refusal; a text needs an error code before it (RFC 3931 §5.4.2). */
export function resultCodeAvp(refusal: Refusal): AvpValue<"resultCode"> {
  const { resultCode, errorCode = generalError.none, text } = refusal;
  if (text !== "") return { resultCode, errorCode, errorMessage: text };
  return errorCode === generalError.none ? { resultCode } : { resultCode, errorCode };
}

/** The refusal for a problem that the decoder found. */
export function refusalOf(problem: MessageProblem): Refusal {
  return { resultCode: problem.resultCode, errorCode: problem.errorCode, text: problem.text };
}

/** Checks an SCCRQ or SCCRP; undefined when it is acceptable (RFC 3931 §7.2). */
export function checkSccrqOrSccrp(
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
      errorCode: generalError.unknownMandatoryAvp,
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

/** A value out of range; the result code is the same in StopCCN and CDN. */
export function outOfRange(text: string): Refusal {
  return { resultCode: RESULT_GENERAL_ERROR, errorCode: generalError.outOfRange, text };
}

/** What the peer requested for one session by ICRQ, ICRP or ICCN (RFC 3931 §5.4.4). */
export interface PeerChoices {
  readonly sublayer: L2SpecificSublayer;
  readonly sequencing: DataSequencing;
  /** What it takes of fragments; absent where it takes none. */
  readonly fragments?: FragmentLimits | undefined;
  /** What it offered of VCCV, by ICRQ or ICRP. */
  readonly vccv?: VccvCapability | undefined;
}

/** The values before the peer requests anything (RFC 3931 §5.4.4: absent means none). */
export const NO_CHOICES: PeerChoices = { sublayer: "none", sequencing: "none" };

/** Choices of the peer that are acceptable, or the refusal of one that is not. */
export type CheckedChoices =
  | { readonly choices: PeerChoices; readonly refusal?: undefined }
  | { readonly choices?: undefined; readonly refusal: Refusal };

/**
 * Reads what the peer wants to receive, and offers; absent AVPs leave `before` as it was (RFC 3931 §5.4.4).
 */
export function checkChoices(avps: AvpValues, before: PeerChoices): CheckedChoices {
  const sublayer =
    avps.l2SpecificSublayer === undefined
      ? before.sublayer
      : nameOfNumber(sublayerNumber, avps.l2SpecificSublayer);
  if (sublayer === undefined) return { refusal: outOfRange("unknown L2-Specific Sublayer") };
  const sequencing =
    avps.dataSequencing === undefined
      ? before.sequencing
      : nameOfNumber(sequencingNumber, avps.dataSequencing);
  if (sequencing === undefined) return { refusal: outOfRange("unknown Data Sequencing level") };
  if (sequencing !== "none" && sublayer === "none") {
    const resultCode = cdnResult.sequencingWithoutSublayer;
    const text = "sequencing was asked for without a sublayer that carries numbers";
    return { refusal: { resultCode, text } };
  }
  const refusal = vccvRefusal(avps);
  if (refusal !== undefined) return { refusal };
  const fragments = announcedFragments(avps, before.fragments);
  const vccv = avps.vccvCapability ?? before.vccv;
  return {
    choices: {
      sublayer,
      sequencing,
      ...(fragments === undefined ? {} : { fragments }),
      ...(vccv === undefined ? {} : { vccv }),
    },
  };
}

/** Checks an ICRQ for a pseudowire (RFC 3931 §7.3.2). */
export function checkCall(avps: AvpValues, pseudowire: PseudowireSettings): CheckedChoices {
  if (!avps.localSessionId) return { refusal: outOfRange("Local Session ID is 0 or absent") };
  const wanted = pseudowireTypeNumber[pseudowire.type];
  if (avps.pseudowireType !== undefined && avps.pseudowireType !== wanted) {
    const resultCode = cdnResult.pseudowireTypeUnsupported;
    const text = `pseudowire type ${avps.pseudowireType} was asked for, this end has type ${wanted}`;
    return { refusal: { resultCode, text } };
  }
  return checkChoices(avps, NO_CHOICES);
}

/**
 * Whether a message opens a control connection. Its Nr means nothing, as its sender has received nothing yet.
 */
export function isSccrq(decoded: DecodedControlMessage): boolean {
  return (
    decoded.kind === "message" && decoded.message.name === "SCCRQ" && decoded.header.controlConnectionId === 0
  );
}
