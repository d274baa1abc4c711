import type { AvpValue, AvpValues } from "../wire/avp-table.ts";
import type { DecodedMessage } from "../wire/message.ts";
import type { SessionMessageName } from "../wire/message-table.ts";
import { cdnResult } from "../wire/result-codes.ts";
import type { ChannelStatus, FragmentLimits } from "../wire/session-parameters.ts";
import {
  checkChoices,
  NO_CHOICES,
  outOfRange,
  type PeerChoices,
  type Refusal,
  type Refused,
  refusalOf,
} from "./acceptance.ts";
import { describeCdn, peerResult } from "./describe.ts";
import type { ReportedEvent } from "./effects.ts";
import { announcedFragments } from "./fragments.ts";
import type { EventOf, NoData, Why } from "./state-table.ts";

/** A received message that is about a session. */
export type SessionMessage = DecodedMessage & { readonly message: { readonly name: SessionMessageName } };

/** An acceptable ICRQ, ICRP or ICCN: what the peer says of a session, and what it wants to receive. */
export interface CallMessage {
  readonly avps: AvpValues;
  readonly choices: PeerChoices;
}

interface CallEvent {
  readonly message: CallMessage;
}

/**
 * Events of a session with their data. `-bad` is a message that is not acceptable; `icrq-again` an ICRQ for a
 * session that is not idle; `icrq-lost` one of the peer that wins the tie against ours.
 */
export interface SessionEvents {
  open: NoData;
  icrq: CallEvent;
  "icrq-again": Why;
  "icrq-lost": Why;
  "icrq-equal": Why;
  icrp: CallEvent;
  "icrp-bad": Refused;
  iccn: CallEvent;
  "iccn-bad": Refused;
  cdn: Why & { readonly result: AvpValue<"resultCode"> | undefined };
  sli: {
    readonly status: AvpValue<"circuitStatus"> | undefined;
    readonly fragments: FragmentLimits | undefined;
  };
  "sli-bad": Refused;
  wen: NoData;
  "wen-bad": Refused;
  outgoing: Refused;
  close: Why;
  "circuit-status": NoData;
  "channel-status": { readonly status: ChannelStatus };
  "forwarding-failed": Why;
  timeout: Why;
  /** `by` is the kind of event that ended the connection. */
  "connection-lost": Why & { readonly by: string };
}

export type SessionEvent = EventOf<SessionEvents>;

/** Events that a CDN may answer. */
export type DisconnectingEvent = EventOf<
  SessionEvents,
  Exclude<
    keyof SessionEvents,
    | "open"
    | "icrq"
    | "icrq-lost"
    | "icrq-equal"
    | "cdn"
    | "sli"
    | "wen"
    | "circuit-status"
    | "channel-status"
    | "connection-lost"
  >
>;

/** The event of a received message, other than an ICRQ, for a session whose peer made `choices` before. */
export function sessionEventOf(received: SessionMessage, choices: PeerChoices): SessionEvent {
  const { name, avps } = received.message;
  const refusal = received.problem === undefined ? undefined : refusalOf(received.problem);
  switch (name) {
    case "ICRP": {
      const refused = refusal ?? (avps.localSessionId ? undefined : outOfRange("Local Session ID is 0"));
      const checked = refused === undefined ? checkChoices(avps, NO_CHOICES) : { refusal: refused };
      return checked.refusal === undefined
        ? { kind: "icrp", message: { avps, choices: checked.choices } }
        : { kind: "icrp-bad", refusal: checked.refusal };
    }
    case "ICCN": {
      // VCCV is agreed on by ICRQ and ICRP for the life of the session (RFC 5085 §6.3).
      const { vccvCapability: _late, ...lasting } = avps;
      const checked = refusal === undefined ? checkChoices(lasting, choices) : { refusal };
      return checked.refusal === undefined
        ? { kind: "iccn", message: { avps, choices: checked.choices } }
        : { kind: "iccn-bad", refusal: checked.refusal };
    }
    case "CDN": {
      const { resultCode: result } = avps;
      const why = result === undefined ? (refusal?.text ?? "the peer disconnected it") : describeCdn(result);
      return { kind: "cdn", result, why };
    }
    case "SLI":
      return refusal === undefined
        ? {
            kind: "sli",
            status: avps.circuitStatus,
            fragments: announcedFragments(avps, choices.fragments),
          }
        : { kind: "sli-bad", refusal };
    case "WEN":
      return refusal === undefined ? { kind: "wen" } : { kind: "wen-bad", refusal };
    case "ICRQ":
    case "OCRQ":
    case "OCRP":
    case "OCCN": {
      const text = `${name} for an incoming call`;
      return { kind: "outgoing", refusal: refusal ?? { resultCode: cdnResult.stateMachine, text } };
    }
  }
}

/** The codes and the text of the CDN for an event (RFC 3931 §5.4.2). */
export function cdnFor(event: DisconnectingEvent): Refusal {
  switch (event.kind) {
    case "close":
      return { resultCode: cdnResult.administrative, text: event.why };
    case "forwarding-failed":
      // Why is for our operator alone: paths and names of this machine are not the peer's business.
      return { resultCode: cdnResult.noFacilities, text: "it cannot forward the frames; its log says why" };
    case "icrq-again":
    case "timeout":
      return { resultCode: cdnResult.stateMachine, text: event.why };
    case "icrp":
    case "iccn":
      return { resultCode: cdnResult.stateMachine, text: "" };
    default:
      return event.refusal;
  }
}

/** Why an event ends a session; text for people. */
export function whyDisconnected(event: SessionEvent): string {
  if ("why" in event) return event.why;
  if ("refusal" in event) return event.refusal.text;
  return `${event.kind.toUpperCase()} out of state`;
}

/** The report that an event changed the state of a session. */
export function sessionChange(
  session: { readonly peer: string; readonly pseudowire: string; readonly localSessionId: number },
  from: string,
  event: SessionEvent,
  to: string,
): ReportedEvent {
  return {
    ...{ event: "session", ...session, from, cause: event.kind, to },
    ...(to === "idle" ? { detail: whyDisconnected(event) } : {}),
    ...(event.kind === "connection-lost" ? { connectionCause: event.by } : {}),
    ...(event.kind === "cdn" ? peerResult(event.result) : {}),
  };
}
