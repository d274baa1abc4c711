import { toHex } from "../../src/bytes/hex.ts";
import type { Outcome } from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { frameOf } from "./frames.ts";
import type { SessionVariant } from "./plane-variants.ts";

/** Data messages that planes are tried with. */

/** What may be otherwise in a data message of the peer. */
interface MessageChanges {
  readonly sessionId?: number;
  readonly cookie?: Uint8Array;
  /** The type of a message of the control channel, which then stands where the frame does. */
  readonly channelType?: number;
  readonly number?: number;
}

/** A data message of the peer's. */
export function messageOf(
  session: SessionParameters,
  frame: Uint8Array,
  changes: MessageChanges = {},
): Uint8Array {
  const { sessionId = session.localSessionId, cookie = session.receiveCookie, channelType } = changes;
  const channel = channelType === undefined ? undefined : { version: 0, channelType };
  const sublayer = { channel, sequenceNumber: changes.number };
  const header = { sessionId, cookie, ...(session.receiveSublayer === "none" ? {} : { sublayer }) };
  return encodeDataMessage(session.path.encapsulation, header, frame);
}

/** Discards that are counted for no session. */
const unattributed: readonly string[] = ["unknown-session", "bad-version"];

/** An outcome of the reference as a bench tells it. */
export function outcomeText(outcome: Outcome, { localSessionId }: SessionParameters): string {
  if (typeof outcome !== "string") return toHex(outcome);
  return `${unattributed.includes(outcome) ? "plane" : `session ${localSessionId}`}: ${outcome}`;
}

/** A frame that the circuit carries for certain. */
export function lastOf({ vlan }: AttachmentCircuit): readonly [string, Uint8Array] {
  if (vlan === undefined) return ["the last", frameOf({ length: 90 })];
  const tag = (vlan.protocol * 0x1_0000 + vlan.id).toString(16);
  return ["the last", frameOf({ tags: [tag], length: 90 })];
}

/** What a message can be spoilt by, and the reason for which it is given up. */
export function badMessages({
  session,
  attachment: circuit,
}: SessionVariant): readonly (readonly [string, Uint8Array, string])[] {
  const frame = lastOf(circuit)[1];
  const { receiveCookie: cookie, receiveSublayer, path } = session;
  const good = messageOf(session, frame);
  const headerOctets = good.length - frame.length;
  const changed = (at: number, bits: number) =>
    good.map((octet, index) => (index === at ? octet ^ bits : octet));
  const sublayerAt = headerOctets - 4;
  const cookieAt = sublayerAt - cookie.length + (receiveSublayer === "none" ? 4 : 0);
  // Of IP protocol 115, what is too short for a session id is not even data.
  const lengths = [0, 1, 2, 7, 8, headerOctets - 1, headerOctets, headerOctets + 13].filter(
    (length) => length < headerOctets + 14 && (path.encapsulation === "udp" || length >= 4),
  );
  return [
    ["another session", messageOf(session, frame, { sessionId: 0x7777_0001 }), "unknown-session"],
    ...[...cookie.keys()].map(
      (index) => [`cookie, octet ${index}`, changed(cookieAt + index, 0x10), "wrong-cookie"] as const,
    ),
    ...lengths.map((length) => [`truncated to ${length}`, good.subarray(0, length), "truncated"] as const),
    ...(path.encapsulation === "udp" ? [["version 2", changed(1, 1), "bad-version"] as const] : []),
    ...(receiveSublayer === "none"
      ? []
      : [
          ["VCCV", messageOf(session, frame, { channelType: 0x0021 }), "vccv"] as const,
          ["first fragment", changed(sublayerAt, 0x10), "fragment"] as const,
          ["last fragment", changed(sublayerAt, 0x20), "fragment"] as const,
        ]),
    ...(circuit.vlan === undefined ? [] : [["no tag", messageOf(session, frameOf()), "untagged"] as const]),
  ];
}
