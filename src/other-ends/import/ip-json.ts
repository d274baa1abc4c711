import { type Draft, numberIn } from "./draft.ts";
import { draftKernel, type ShownSession, type ShownTunnel } from "./kernel-sessions.ts";

/** What `ip -j l2tp show tunnel` and `ip -j l2tp show session` print, one behind the other. */

type JsonObject = Readonly<Record<string, unknown>>;

/** TABLE: keys of the two kinds of object that are taken over, or say nothing more. */
const tunnelKeys = new Set([
  ...["tunnel_id", "encap", "local", "peer", "peer_tunnel", "peer_tunnel_id", "local_port", "peer_port"],
  ...["checksum", "checksum_tx", "checksum_rx"],
]);
const sessionKeys = new Set([
  ...["session_id", "tunnel_id", "peer_session_id", "peer_tunnel_id", "interface", "cookie", "peer_cookie"],
  ...["send_seq", "recv_seq"],
]);

/** Adds what the kernel has to a draft. */
export function readIpJson(text: string, draft: Draft): void {
  const objects = objectsIn(text, draft);
  const tunnels: ShownTunnel[] = [];
  const sessions: ShownSession[] = [];
  for (const one of objects) {
    const isSession = Object.hasOwn(one, "session_id");
    const id = idOf(one, "tunnel_id");
    const what = `${isSession ? "session" : "tunnel"} ${String(one[isSession ? "session_id" : "tunnel_id"])}`;
    for (const key of Object.keys(one)) {
      if (!(isSession ? sessionKeys : tunnelKeys).has(key))
        draft.lose(1, `${what}: ${key}`, `${key} has nothing like it here`);
    }
    if (id === undefined) draft.lose(1, what, "has no tunnel_id", true);
    else if (isSession) {
      const session = sessionOf(one, id);
      if (hasSameCookies(session, sessions.at(-1))) draft.lose(1, what, REPEATED_COOKIES, true);
      sessions.push(session);
    } else tunnels.push(tunnelOf(one, id));
  }
  draftKernel(draft, tunnels, sessions, new Map());
}

/** What is said of a session that has the cookies of the one before it. */
const REPEATED_COOKIES =
  "has the cookies of the session before it, which ip l2tp show also prints where there are none: " +
  "see what made the session, and take them out if it has none";

function hasSameCookies(one: ShownSession, before: ShownSession | undefined): boolean {
  const { cookie, peerCookie } = one;
  if (cookie === undefined && peerCookie === undefined) return false;
  return before !== undefined && cookie === before.cookie && peerCookie === before.peerCookie;
}

function objectsIn(text: string, draft: Draft): readonly JsonObject[] {
  const joined = text
    .trim()
    .replace(/\]\s*\[/g, ",")
    .replace(/\[\s*,/g, "[")
    .replace(/,\s*\]/g, "]");
  let value: unknown;
  try {
    value = JSON.parse(joined);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    draft.lose(0, "the whole text", "is no JSON such as ip -j l2tp show tunnel prints", true);
    return [];
  }
  const items: readonly unknown[] = Array.isArray(value) ? value.flat() : [value];
  return items.filter((one): one is JsonObject => typeof one === "object" && one !== null);
}

function textOf(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" ? value : undefined;
}

function idOf(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === "number" ? numberIn(String(value)) : undefined;
}

function tunnelOf(object: JsonObject, id: number): ShownTunnel {
  const isV6 = textOf(object, "peer")?.includes(":") === true;
  const hasNone = (key: string) => object[key] === false || object[key] === "disabled";
  const hasOne = object["checksum"] === true || object["checksum"] === "enabled";
  const isZero = hasNone("checksum_tx") && hasNone("checksum_rx");
  return {
    line: 1,
    id,
    local: textOf(object, "local"),
    remote: textOf(object, "peer"),
    encapsulation: textOf(object, "encap")?.toLowerCase() === "ip" ? "ip" : "udp",
    localPort: idOf(object, "local_port"),
    remotePort: idOf(object, "peer_port"),
    checksum: isV6 ? (isZero ? "zero" : undefined) : hasOne ? "full" : undefined,
  };
}

function sessionOf(object: JsonObject, tunnelId: number): ShownSession {
  const [sends, receives] = ["send_seq", "recv_seq"].map((key) => Object.hasOwn(object, key));
  return {
    line: 1,
    tunnelId,
    device: textOf(object, "interface"),
    localSessionId: idOf(object, "session_id"),
    remoteSessionId: idOf(object, "peer_session_id"),
    cookie: textOf(object, "cookie"),
    peerCookie: textOf(object, "peer_cookie"),
    sublayer: undefined,
    sends: sends === true,
    receives: receives === true,
  };
}
