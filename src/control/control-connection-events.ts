import type { AvpValues } from "../wire/avp-table.ts";
import type { ControlMessage, DecodedControlMessage } from "../wire/message.ts";
import { isSessionMessage } from "../wire/message-table.ts";
import { generalError, stopResult } from "../wire/result-codes.ts";
import { checkSccrqOrSccrp, type Refusal, type Refused, refusalOf, resultCodeAvp } from "./acceptance.ts";
import { describeStop, peerResult } from "./describe.ts";
import type { ReportedEvent } from "./effects.ts";
import type { SessionMessage } from "./session-events.ts";
import type { PeerSettings } from "./settings.ts";
import type { EventOf, NoData, Why } from "./state-table.ts";

/** An SCCRQ or SCCRP of the peer. */
export interface SccrqOrSccrp {
  readonly avps: AvpValues;
  /** Descriptions of the AVPs that the decoder ignored. */
  readonly ignored: readonly string[];
}

/**
 * Events of a control connection with their data. Checks are part of the name: `sccrp-bad` is an SCCRP that
 * is not acceptable, `tie-lost` an SCCRQ of the peer that wins against ours.
 */
export interface ControlConnectionEvents {
  open: NoData;
  sccrq: { readonly message: SccrqOrSccrp };
  "tie-lost": Why;
  "tie-equal": Why;
  sccrp: { readonly message: SccrqOrSccrp };
  "sccrp-bad": Refused & { readonly message: SccrqOrSccrp };
  scccn: NoData;
  "scccn-bad": Refused;
  stopccn: { readonly avps: AvpValues };
  hello: NoData;
  "hello-bad": Refused;
  "session-message": { readonly received: SessionMessage };
  "unknown-mandatory": Refused;
  close: Why & { readonly resultCode: 1 | 6 };
  retire: Why;
  timeout: Why;
  lost: Why;
}

export type ControlConnectionEvent = EventOf<ControlConnectionEvents>;

/** Events that a StopCCN may answer. */
export type StoppingEvent = EventOf<
  ControlConnectionEvents,
  Exclude<keyof ControlConnectionEvents, "open" | "tie-lost" | "tie-equal" | "stopccn" | "retire" | "lost">
>;

/**
 * The event that a received message is; undefined for one to be ignored. `awaitsSccrp`: an SCCRP is what the
 * connection waits for, so that it is checked.
 */
export function controlConnectionEventOf(
  decoded: Exclude<DecodedControlMessage, { kind: "zlb" }>,
  awaitsSccrp: boolean,
  peer: PeerSettings,
): ControlConnectionEvent | undefined {
  if (decoded.kind === "unknown-type") {
    if (!decoded.mandatory) return undefined;
    const { unknownMandatoryAvp: errorCode } = generalError;
    const text = `message type ${decoded.messageType} is unknown here`;
    return {
      kind: "unknown-mandatory",
      refusal: { resultCode: stopResult.generalError, errorCode, text },
    };
  }
  const { name, avps } = decoded.message;
  const refusal = decoded.problem === undefined ? undefined : refusalOf(decoded.problem);
  if (isSessionMessage(name)) return { kind: "session-message", received: decoded as SessionMessage };
  switch (name) {
    case "SCCRQ":
      return { kind: "sccrq", message: { avps, ignored: decoded.ignored } };
    case "SCCRP": {
      const message = { avps, ignored: decoded.ignored };
      const refused = awaitsSccrp ? checkSccrqOrSccrp(avps, decoded.problem, peer) : undefined;
      return refused === undefined
        ? { kind: "sccrp", message }
        : { kind: "sccrp-bad", message, refusal: refused };
    }
    case "SCCCN":
      return refusal === undefined ? { kind: "scccn" } : { kind: "scccn-bad", refusal };
    case "StopCCN":
      return { kind: "stopccn", avps };
    case "HELLO":
      return refusal === undefined ? { kind: "hello" } : { kind: "hello-bad", refusal };
    case "ACK":
      return undefined;
  }
}

/** The StopCCN for an event, from the connection with this id. */
export function stopCcnFor(event: StoppingEvent, assignedControlConnectionId: number): ControlMessage {
  const resultCode = resultCodeAvp(stopFor(event));
  return { name: "StopCCN", avps: { resultCode, assignedControlConnectionId } };
}

/** The codes and the text of the StopCCN for an event (RFC 3931 §5.4.2, §7.1). */
function stopFor(event: StoppingEvent): Refusal {
  switch (event.kind) {
    case "close":
      return { resultCode: event.resultCode, text: event.why };
    case "timeout":
      return outOfState(event.why);
    case "sccrq":
      return outOfState("SCCRQ on a connection in use");
    case "sccrp":
    case "scccn":
    case "hello":
      return outOfState(`${event.kind.toUpperCase()} out of state`);
    case "session-message":
      return outOfState(`${event.received.message.name} before the connection is established`);
    default:
      return event.refusal;
  }
}

function outOfState(text: string): Refusal {
  return { resultCode: stopResult.stateMachine, text };
}

/** Why an event ends a connection; text for people. */
export function whyEnded(event: ControlConnectionEvent): string {
  switch (event.kind) {
    case "open":
      return "";
    case "stopccn":
      return describeStop(event.avps.resultCode);
    case "tie-lost":
    case "tie-equal":
    case "retire":
    case "lost":
      return event.why;
    default:
      return stopFor(event).text;
  }
}

/** The report that an event changed the state of a connection. */
export function connectionChange(
  connection: { readonly peerName: string; readonly localControlConnectionId: number },
  from: string,
  event: ControlConnectionEvent,
  to: string,
): ReportedEvent {
  const { peerName: peer, localControlConnectionId } = connection;
  const why = to === "idle" ? whyEnded(event) : "";
  return {
    ...{ event: "control-connection", peer, localControlConnectionId, from, cause: event.kind, to },
    ...(why === "" ? {} : { detail: why }),
    ...(event.kind === "stopccn" ? peerResult(event.avps.resultCode) : {}),
  };
}
