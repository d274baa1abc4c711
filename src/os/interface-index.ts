import { SystemError } from "./errors.ts";
import { control, IFREQ_VALUE, interfaceRequest, MOST_NAME_OCTETS } from "./interface-request.ts";

/**
 * Indexes of interfaces of this network namespace by their names. To ask takes a socket: where there is none
 * to have, it is not known whether there is an interface, and if_nametoindex(3) does not tell the two apart.
 */

const SIOCGIFINDEX = 0x8933;

/** The index of a name; throws SystemError, with ENODEV where there is none. */
export type IndexLookup = (name: string) => number;

/** The index of an interface; undefined without one. Throws SystemError where that cannot be seen. */
export function findInterfaceIndex(name: string, lookUp: IndexLookup = askKernel): number | undefined {
  try {
    return lookUp(name);
  } catch (error) {
    if (error instanceof SystemError && error.errno === "ENODEV") return undefined;
    throw error;
  }
}

/** The index of an interface. Throws SystemError, also where there is none of that name. */
export function interfaceIndexOf(name: string, lookUp: IndexLookup = askKernel): number {
  const index = findInterfaceIndex(name, lookUp);
  if (index !== undefined) return index;
  const target = `interface ${name}`;
  throw new SystemError("open an interface", { errno: "ENODEV", target, hint: "it does not exist" });
}

function askKernel(name: string): number {
  const [operation, target] = ["look up an interface", `interface ${name}`];
  // The kernel would look at the beginning of the name.
  if (new TextEncoder().encode(name).length > MOST_NAME_OCTETS)
    throw new SystemError(operation, { errno: "ENODEV", target });
  const request = interfaceRequest(name);
  control(request, SIOCGIFINDEX, operation, target);
  return request.view.getInt32(IFREQ_VALUE, true);
}
