import { SystemError } from "./errors.ts";
import { errno, errnoName, ifNameToIndex } from "./libc.ts";

/**
 * Indexes of interfaces of this network namespace by their names. libc opens a socket to find one: that it
 * finds none does not mean that there is none.
 */

/** TABLE: errnos that say that there is no interface of that name. */
const notThere: ReadonlySet<string> = new Set(["ENODEV", "ENXIO"]);

/** The index, or the name of the errno of libc. */
export type IndexLookup = (name: string) => number | string;

/** The index of an interface; undefined without one. Throws SystemError where that cannot be seen. */
export function findInterfaceIndex(name: string, lookUp: IndexLookup = byLibc): number | undefined {
  const found = lookUp(name);
  if (typeof found === "number") return found;
  if (notThere.has(found)) return undefined;
  throw new SystemError("look up an interface", { errno: found, target: `interface ${name}` });
}

/** The index of an interface. Throws SystemError, also where there is none of that name. */
export function interfaceIndexOf(name: string, lookUp: IndexLookup = byLibc): number {
  const index = findInterfaceIndex(name, lookUp);
  if (index !== undefined) return index;
  const target = `interface ${name}`;
  throw new SystemError("open an interface", { errno: "ENODEV", target, hint: "it does not exist" });
}

function byLibc(name: string): number | string {
  const index = ifNameToIndex(name);
  return index === 0 ? errnoName(errno()) : index;
}
