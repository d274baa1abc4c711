import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { canonicalAddress, withoutZone } from "../bytes/ip-address.ts";
import { type Answer, httpRoutes, problem } from "./api.ts";
import type { Target } from "./api-service.ts";

/**
 * Who may read over the listeners of `http:`. A browser on a machine that reaches a listener is no way in for
 * the pages that it shows: neither by a name of theirs that leads here (DNS rebinding), nor by requests that
 * they have it send.
 */

/** Methods that a listener has. */
const METHODS = ["GET", "HEAD"];
/** What a browser says of a request that no other site caused (Fetch Metadata). */
const ownSites: ReadonlySet<string> = new Set(["same-origin", "none"]);
const TOKEN_PARAMETER = "token";

/** Fields of the header of every answer. */
export const httpHeaders: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** A token, kept as what presented ones are compared with. */
export class AccessToken {
  readonly #digest: Uint8Array;
  readonly #cookie: string;
  /** For the link that the user of the daemon may ask for, and for nothing else. */
  readonly text: string;

  constructor(octets: Uint8Array) {
    this.text = Buffer.from(octets).toString("latin1");
    this.#digest = digestOf(octets);
    this.#cookie = createHmac("sha256", octets).update("wirespan http cookie").digest("base64url");
  }

  equals(other: AccessToken): boolean {
    return timingSafeEqual(this.#digest, other.#digest);
  }

  /** Whether a text is the token; takes the same time whatever it is. */
  isToken(text: string): boolean {
    return timingSafeEqual(this.#digest, digestOf(Buffer.from(text)));
  }

  /** Whether a header has it, as Authorization or in the cookie that a browser got for it. */
  isIn({ authorization = "", cookie = "" }: IncomingMessage["headers"], cookieName: string): boolean {
    const [, bearer] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    if (bearer !== undefined) return this.isToken(bearer);
    const wanted = digestOf(Buffer.from(this.#cookie));
    const sent = cookie.split(";").map((pair) => pair.trim().split("=", 2));
    return sent.some(
      ([name, value = ""]) => name === cookieName && timingSafeEqual(wanted, digestOf(Buffer.from(value))),
    );
  }

  /** The cookie of a browser that had the token; the token cannot be told from it. */
  setCookie(name: string): string {
    return `${name}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`;
  }
}

function digestOf(octets: Uint8Array): Uint8Array {
  return createHash("sha256").update(octets).digest();
}

/** What a listener asks of its clients. */
export interface HttpAccess {
  /** Names and addresses by which clients may call it, beside its own address. */
  readonly hosts: readonly string[];
  readonly token: AccessToken | undefined;
}

/** The answer to a request that is not to be served; undefined for one that is. */
export function accessRefusal(
  request: IncomingMessage,
  target: Target,
  access: HttpAccess,
): Answer | undefined {
  const { headers, method = "" } = request;
  if (!isOurHost(request, access.hosts))
    return refusal(421, "this is not the host that was asked for; its further names are in `http.hosts`");
  if (!METHODS.includes(method)) {
    const allow = METHODS.join(", ");
    return { ...refusal(405, `nothing can be changed here, only read, by ${allow}`), allow };
  }
  const site = headers["sec-fetch-site"];
  if ((site !== undefined && !ownSites.has(String(site))) || !isOurOrigin(headers))
    return refusal(403, "a page of another site asked for this");
  return access.token === undefined ? undefined : tokenRefusal(request, target, access.token);
}

function tokenRefusal(request: IncomingMessage, target: Target, token: AccessToken): Answer | undefined {
  const { path, query } = target;
  const cookieName = `wirespan_${request.socket.localPort ?? "unix"}`;
  const given = query.get(TOKEN_PARAMETER);
  if (given !== null && token.isToken(given)) {
    const others = new URLSearchParams(query);
    others.delete(TOKEN_PARAMETER);
    // Only to where we have something: a path such as //example.org would lead elsewhere.
    const known = httpRoutes.some((route) => route.path === path) ? path : "/";
    const location = others.size === 0 ? known : `${known}?${others}`;
    const headers = { Location: location, "Set-Cookie": token.setCookie(cookieName) };
    return { ...refusal(303, "the token is in a cookie from here on"), headers };
  }
  if (token.isIn(request.headers, cookieName)) return undefined;
  const error =
    "a token is needed: send it as `Authorization: Bearer TOKEN`, or open this once with ?token=TOKEN";
  return { ...refusal(401, error), headers: { "WWW-Authenticate": "Bearer" } };
}

function refusal(status: number, error: string): Answer {
  return problem(status, error, httpRoutes);
}

/** Whether the Host of a request names this listener. */
function isOurHost({ headers, rawHeaders, socket }: IncomingMessage, hosts: readonly string[]): boolean {
  const times = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
  const [, text] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(headers.host ?? "") ?? [];
  if (times !== 1 || text === undefined) return false;
  const name = text.replace(/^\[|\]$/g, "").toLowerCase();
  const host = canonicalAddress(name)?.text ?? name.replace(/\.$/, "");
  if (host === "localhost" || host === "::1") return true;
  if (canonicalAddress(host)?.family === 4 && host.startsWith("127.")) return true;
  const own = socket.localAddress === undefined ? undefined : withoutZone(socket.localAddress);
  return host === (own && (canonicalAddress(own)?.text ?? own)) || hosts.includes(host);
}

/** Whether a request comes of a page of ours, or of none. */
function isOurOrigin({ origin, host = "" }: IncomingMessage["headers"]): boolean {
  if (origin === undefined) return true;
  return origin.replace(/^https?:\/\//, "").toLowerCase() === host.toLowerCase();
}
