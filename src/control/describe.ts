import { toHex } from "../bytes/hex.ts";
import { printableExcerpt } from "../bytes/printable-text.ts";
import type { ResultCode } from "../wire/avp-values.ts";
import type { PeerResult } from "./effects.ts";
import type { LcceIdentity, PeerSettings } from "./settings.ts";

/** TABLE: StopCCN result codes as text (RFC 3931 §5.4.2). */
const stopText: Readonly<Record<number, string>> = {
  1: "closed by its operator",
  2: "general error",
  3: "a control connection already exists",
  4: "not authorized",
  5: "protocol version not supported",
  6: "it goes out of service",
  7: "state machine error or timeout",
};

/** TABLE: CDN result codes as text (RFC 3931 §5.4.2, RFC 4667 §4.2). */
const cdnText: Readonly<Record<number, string>> = {
  1: "circuit disconnected",
  2: "general error",
  3: "closed by its operator",
  4: "no facilities at the moment",
  5: "no facilities",
  13: "its own call won the tie",
  14: "pseudowire type not supported",
  15: "sequencing without a sublayer",
  16: "state machine error or timeout",
  23: "interface MTU differs",
  24: "it has no such pseudowire",
  25: "not authorized for its pseudowire",
};

/** Text for the peer's reason to end a control connection. */
export function describeStop(result: ResultCode | undefined): string {
  if (result === undefined) return "the peer stopped it without a reason";
  return `the peer stopped it: ${describe(result, stopText)}`;
}

/** Text for the peer's reason to end a session. */
export function describeCdn(result: ResultCode): string {
  return `the peer disconnected it: ${describe(result, cdnText)}`;
}

/** What the peer gave as its reason, for a report. */
export function peerResult(result: ResultCode | undefined): { readonly result?: PeerResult } {
  if (result === undefined) return {};
  const { resultCode, errorCode, errorMessage } = result;
  const error = errorCode ? { errorCode } : {};
  const words = errorMessage ? { words: printableExcerpt(errorMessage) } : {};
  return { result: { resultCode, ...error, ...words } };
}

function describe({ resultCode, errorCode, errorMessage }: ResultCode, table: typeof stopText): string {
  const error = errorCode ? `, error ${errorCode}` : "";
  const message = errorMessage ? `; its words: "${printableExcerpt(errorMessage)}"` : "";
  return `${table[resultCode] ?? "unnamed reason"} (result ${resultCode}${error})${message}`;
}

/** Text for a failed verification: most often the secrets differ. */
export function describeAuthenticationFailure(
  verdict: "wrong-digest" | "missing-digest",
  mode: string,
  address: string,
): string {
  if (mode !== "digest")
    return `messages from ${address} are authenticated, and no secret is configured here`;
  if (verdict === "wrong-digest")
    return `messages from ${address} fail authentication: do both ends have the same secret?`;
  return `messages from ${address} carry no Message Digest: is a secret configured at its end?`;
}

/**
 * Text for a peer of which nothing comes. An SCCRQ with another secret, or for no tunnel of the peer's, is
 * not answered at all (RFC 3931 §5.4.1): from here that looks like a path that loses everything.
 */
export function describeSilence(
  { unanswered }: { readonly unanswered: number },
  { hostName }: LcceIdentity,
  { path, authentication }: PeerSettings,
): string {
  if (unanswered === 0) return "the peer does not answer";
  const { encapsulation, remoteAddress, remotePort } = path;
  const over = encapsulation === "udp" ? `UDP port ${remotePort}` : "IP protocol 115";
  const secret = authentication.mode === "digest" ? "has another secret" : "asks for a secret";
  return (
    `the peer does not answer: nothing came from ${remoteAddress}, ${over}. Is the address right, does ` +
    `L2TPv3 run there, and does no firewall drop it? A peer that ${secret}, or has no tunnel for Host Name ` +
    `"${printableExcerpt(hostName)}", is silent too: its log and status say so`
  );
}

/** Text for a peer with a secret of RFC 2661, which may not answer or may close the connection. */
export const CHALLENGE_NOT_SUPPORTED =
  "the peer asks for an RFC 2661 challenge, which Wirespan does not support: take its secret away";

/** Text for a call that matches no pseudowire. */
export function describeUnmatchedCall(remoteEndId: Uint8Array | undefined): string {
  if (remoteEndId === undefined)
    return "the peer called without a Remote End ID, and there is not exactly one pseudowire here";
  const { shown, written } = describeEndId(remoteEndId);
  const hint =
    written === undefined ? "" : `: write remote_end_id: ${written} in the pseudowire that it means`;
  return `the peer called for ${shown}, which no pseudowire here has as its remote_end_id${hint}`;
}

/** Longest Remote End ID that advice repeats. */
const LONGEST_WRITTEN = 63;

/**
 * A Remote End ID as it is shown and as the configuration writes it: quoted text, a number for four octets
 * that are no text, else octets, which it has no way to write.
 */
function describeEndId(octets: Uint8Array): { readonly shown: string; readonly written?: string } {
  if (octets.length > 0 && octets.every((octet) => octet >= 0x20 && octet < 0x7f)) {
    const text = String.fromCharCode(...octets);
    const shown = `"${printableExcerpt(text)}"`;
    return octets.length > LONGEST_WRITTEN ? { shown } : { shown, written: JSON.stringify(text) };
  }
  if (octets.length !== 4) return { shown: `the octets ${toHex(octets.subarray(0, 16))}` };
  const number = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
  return { shown: `${number} (a number)`, written: String(number) };
}
