import type { PsnPath } from "../wire/session-parameters.ts";

/** One end of a path as text; without a port over IP. */
export function addressAndPort(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Both ends of a path as text. */
export function bothEnds(path: PsnPath): string {
  const { localAddress, localPort, remoteAddress, remotePort } = path;
  return `${addressAndPort(localAddress, localPort)} -> ${addressAndPort(remoteAddress, remotePort)}`;
}
