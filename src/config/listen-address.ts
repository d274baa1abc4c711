import { canonicalAddress } from "../bytes/ip-address.ts";
import { UNIX_PATH_OCTETS } from "./unix-path.ts";

/** What `listen` of `http:` says: addresses at which the daemon takes connections. */
export type ListenAddress =
  | { readonly kind: "ip"; readonly address: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

const UNIX = "unix:";
const MOST_PORT = 65_535;
const WANTED = "wanted ADDRESS:PORT, [IPV6-ADDRESS]:PORT or unix:PATH, such as 127.0.0.1:9701";

/** Why a text is no address to listen at, and what to write instead; undefined for one that is. */
export function listenProblem(text: string): string | undefined {
  if (text.startsWith(UNIX)) return unixProblem(text.slice(UNIX.length));
  if (text.startsWith("/")) return `for a Unix socket write ${UNIX}${text}`;
  const parts = partsOf(text);
  if (parts === undefined) {
    if (canonicalAddress(text)?.family === 6) return `an IPv6 address stands in brackets: [${text}]:9701`;
    return canonicalAddress(text) === undefined ? WANTED : `the port is missing: ${text}:9701`;
  }
  const { host, port } = parts;
  const address = canonicalAddress(host);
  if (address === undefined)
    return host === "localhost"
      ? `write the address: 127.0.0.1:${port} or [::1]:${port}, or both as a list`
      : `${WANTED}; names and zones are not looked up here`;
  if (text.startsWith("[") !== (address.family === 6))
    return address.family === 6
      ? `an IPv6 address stands in brackets: [${host}]:${port}`
      : `an IPv4 address stands without brackets: ${host}:${port}`;
  return port >= 1 && port <= MOST_PORT ? undefined : `wanted a port from 1 to ${MOST_PORT}`;
}

function unixProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return `wanted the whole path of a Unix socket: ${UNIX}/run/wirespan/http.sock`;
  if (path.endsWith("/") || path.includes("\0")) return "wanted the path of a file that may be made";
  return new TextEncoder().encode(path).length > UNIX_PATH_OCTETS
    ? `longer than ${UNIX_PATH_OCTETS} octets, all that the kernel takes of the path of a Unix socket`
    : undefined;
}

function partsOf(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || host === "" ? undefined : { host, port: Number(port) };
}

/** The address of a text without problem, in canonical form. */
export function listenAddressOf(text: string): ListenAddress {
  if (text.startsWith(UNIX)) return { kind: "unix", path: text.slice(UNIX.length) };
  const { host = "", port = 0 } = partsOf(text) ?? {};
  return { kind: "ip", address: canonicalAddress(host)?.text ?? host, port };
}

/** An address as the file has it. */
export function listenText(listen: ListenAddress): string {
  if (listen.kind === "unix") return `${UNIX}${listen.path}`;
  const { address, port } = listen;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether only programs on this machine reach it. */
export function isLocal(listen: ListenAddress): boolean {
  return listen.kind === "unix" || listen.address === "::1" || listen.address.startsWith("127.");
}
