import { OperationalError } from "../bytes/errors.ts";
import type { LocalEnd } from "../config/ends.ts";
import type { HostAddress } from "../os/addresses.ts";
import { UNSPECIFIED } from "./settings.ts";

/** The choice of the two addresses of a tunnel, of what its file says and what there is at a moment. */

/** What this machine can have at its own end. */
export interface OwnEndsSource {
  readonly addresses: readonly HostAddress[];
  hasInterface(name: string): boolean;
  /** Throws OperationalError where there is no route. */
  sourceTo(remote: string): string;
}

export interface EndAddresses {
  readonly localAddress: string;
  readonly remoteAddress: string;
}

/** Two addresses, or why there are none, as text. */
export type ChosenEnds = EndAddresses | { readonly problem: string };

/**
 * TABLE: destinations by which the default route is found, for peers of any address: global unicast addresses
 * that nobody has. Nothing is sent there.
 */
const ANYWHERE = { 4: "192.88.99.1", 6: "2000::1" } as const;

/**
 * The first of the remote addresses for which there is an address of ours, and that one. `inUse` are the
 * addresses that a tunnel has: its own stays as long as it is as good as another.
 */
export function chooseEnds(
  local: LocalEnd,
  remotes: readonly string[],
  inUse: EndAddresses | undefined,
  own: OwnEndsSource,
): ChosenEnds {
  let first: string | undefined;
  for (const remoteAddress of remotes) {
    const found = localFor(local, familyOf(remoteAddress), () => own.sourceTo(remoteAddress), inUse, own);
    if (typeof found === "string") return { localAddress: found, remoteAddress };
    first ??= found.problem;
  }
  return { problem: first ?? "there is no address of the peer" };
}

/** As `chooseEnds`, for a peer of any address: of the first family of which we have an address. */
export function chooseEndsForAny(
  local: LocalEnd,
  families: readonly (4 | 6)[],
  inUse: EndAddresses | undefined,
  own: OwnEndsSource,
): ChosenEnds {
  let first: string | undefined;
  for (const family of families) {
    const found = localFor(local, family, () => own.sourceTo(ANYWHERE[family]), inUse, own);
    if (typeof found === "string") return { localAddress: found, remoteAddress: UNSPECIFIED[family] };
    first ??= found.problem;
  }
  return { problem: first ?? "there is no family that both ends can have" };
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function localFor(
  local: LocalEnd,
  family: 4 | 6,
  sourceOf: () => string,
  inUse: EndAddresses | undefined,
  own: OwnEndsSource,
): string | { readonly problem: string } {
  if (local.kind === "address")
    return familyOf(local.address) === family
      ? local.address
      : { problem: `the peer has an address of IPv${family} alone, and local is ${local.address}` };
  if (local.kind === "interface") return addressOf(local.name, family, inUse?.localAddress, own);
  try {
    return sourceOf();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { problem: error.message };
  }
}

/**
 * The address of an interface, of those that reach beyond the link: before deprecated ones the others, then
 * the one in use; primary (IPv4) and lasting ones (IPv6) before secondary and temporary ones; global ones
 * before unique local ones (RFC 4193); the kernel's order.
 */
function addressOf(
  name: string,
  family: 4 | 6,
  inUse: string | undefined,
  own: OwnEndsSource,
): string | { readonly problem: string } {
  const rank = ({ address, isDeprecated, isSecondary }: HostAddress) =>
    8 * Number(isDeprecated) +
    4 * Number(address !== inUse) +
    2 * Number(isSecondary) +
    Number(/^f[cd]/.test(address) && family === 6);
  const [best] = own.addresses
    .filter((one) => one.interfaceName === name && one.family === family && one.isGlobal)
    .toSorted((one, other) => rank(one) - rank(other));
  if (best !== undefined) return best.address;
  if (!own.hasInterface(name)) return { problem: `there is no interface ${name} yet` };
  return { problem: `interface ${name} has no IPv${family} address yet; see: ip address show dev ${name}` };
}
