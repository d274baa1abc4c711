import { linux } from "./libc.ts";

/** Addresses of Unix sockets (unix(7)). */

/** struct sockaddr_un: the family, and a name of so many octets at most. */
const FAMILY_OCTETS = 2;
const MOST_NAME_OCTETS = 108;

/**
 * The address of a path, or of an abstract name, which begins with "@". Throws RangeError for one that is too
 * long.
 */
export function unixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > MOST_NAME_OCTETS)
    throw new RangeError(`a name of a socket of ${name.length} octets: ${path}`);
  const octets = new Uint8Array(FAMILY_OCTETS + name.length);
  new DataView(octets.buffer).setUint16(0, linux.AF_UNIX, true);
  octets.set(name, FAMILY_OCTETS);
  return octets;
}
