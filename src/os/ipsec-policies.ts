import { isIPv6 } from "node:net";
import { addressOctets, withoutZone } from "../bytes/ip-address.ts";

/**
 * IPsec policies of the kernel, and whether they let packets pass unchanged (RFC 4301 §4.4.1: the policy
 * database is consulted for all traffic, both ways).
 */

/** A flow between an LCCE and its peer. */
export interface Flow {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly encapsulation: "udp" | "ip";
  /** UDP ports; 0 over IP. */
  readonly localPort: number;
  readonly remotePort: number;
  readonly interfaceIndex: number;
}

/** One side of a selector (RFC 4301 §4.4.1.1). */
interface Selected {
  readonly address: Uint8Array;
  readonly prefixBits: number;
  readonly port: number;
  readonly portMask: number;
}

/** A policy for packets that this machine sends or receives itself. */
export interface IpsecPolicy {
  readonly direction: "in" | "out";
  readonly source: Selected;
  readonly destination: Selected;
  readonly isV6: boolean;
  /** 0: any. */
  readonly protocol: number;
  /** 0: any. */
  readonly interfaceIndex: number;
  /** Of matching policies the one with the lowest number applies. */
  readonly priority: number;
  /** Whether packets pass unchanged: neither blocked nor transformed. */
  readonly letsPass: boolean;
  /** Whether it applies to packets with a mark or of an XFRM interface only; ours have neither. */
  readonly isForOthers: boolean;
}

/** Default action for packets that match no policy. */
export interface IpsecDefaults {
  readonly in: "block" | "accept";
  readonly out: "block" | "accept";
}

const PROTOCOLS = { udp: 17, ip: 115 } as const;
/** TABLE: offsets in struct xfrm_userpolicy_info (linux/xfrm.h), which begins with a struct xfrm_selector. */
const offset = {
  destinationAddress: 0,
  sourceAddress: 16,
  destinationPort: 32,
  destinationPortMask: 34,
  sourcePort: 36,
  sourcePortMask: 38,
  family: 40,
  destinationPrefix: 42,
  sourcePrefix: 43,
  protocol: 44,
  interfaceIndex: 48,
  priority: 152,
  direction: 160,
  action: 161,
} as const;
export const POLICY_OCTETS = 168;
const AF_INET6 = 10;
const ACTION_ALLOW = 0;
/** TABLE: attributes that follow: XFRMA_TMPL, XFRMA_MARK and XFRMA_IF_ID. */
const attribute = { templates: 5, mark: 21, interfaceId: 31 } as const;

/**
 * Decodes a policy; `attributes` are those that follow it, by type. Undefined for policies of forwarded
 * packets, and of a single socket (direction 3 and more).
 */
export function decodeIpsecPolicy(
  octets: Uint8Array,
  attributes: ReadonlyMap<number, Uint8Array>,
): IpsecPolicy | undefined {
  if (octets.length < POLICY_OCTETS) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const direction = directions[view.getUint8(offset.direction)];
  if (direction === undefined) return undefined;
  const end = (address: number, prefix: number, port: number, mask: number): Selected => ({
    address: octets.slice(address, address + 16),
    prefixBits: view.getUint8(prefix),
    port: view.getUint16(port),
    portMask: view.getUint16(mask),
  });
  const { destinationAddress, destinationPrefix, destinationPort, destinationPortMask } = offset;
  const { sourceAddress, sourcePrefix, sourcePort, sourcePortMask } = offset;
  return {
    direction,
    source: end(sourceAddress, sourcePrefix, sourcePort, sourcePortMask),
    destination: end(destinationAddress, destinationPrefix, destinationPort, destinationPortMask),
    isV6: view.getUint16(offset.family, true) === AF_INET6,
    protocol: view.getUint8(offset.protocol),
    interfaceIndex: view.getInt32(offset.interfaceIndex, true),
    priority: view.getUint32(offset.priority, true),
    letsPass:
      view.getUint8(offset.action) === ACTION_ALLOW &&
      (attributes.get(attribute.templates)?.length ?? 0) === 0,
    isForOthers: [attribute.mark, attribute.interfaceId].some((type) => isNotZero(attributes.get(type))),
  };
}

/** XFRM_POLICY_IN and XFRM_POLICY_OUT. */
const directions: Readonly<Record<number, "in" | "out">> = { 0: "in", 1: "out" };

/** Whether the first 32 bits, a mark's value or an interface's id, are not 0. */
function isNotZero(octets: Uint8Array | undefined): boolean {
  return octets?.subarray(0, 4).some((octet) => octet !== 0) ?? false;
}

/**
 * Whether packets of a flow would be blocked or transformed in either direction, so that they must not bypass
 * IPsec.
 */
export function holdsFor(flow: Flow, policies: readonly IpsecPolicy[], defaults: IpsecDefaults): boolean {
  return (["in", "out"] as const).some((direction) => {
    const matching = policies.filter((policy) => policy.direction === direction && matches(policy, flow));
    if (matching.length === 0) return defaults[direction] === "block";
    const first = matching.reduce(
      (lowest, { priority }) => Math.min(lowest, priority),
      Number.MAX_SAFE_INTEGER,
    );
    return matching.some(({ priority, letsPass }) => priority === first && !letsPass);
  });
}

function matches(policy: IpsecPolicy, flow: Flow): boolean {
  const { direction, source, destination, isV6, protocol, interfaceIndex, isForOthers } = policy;
  if (isForOthers || isV6 !== isIPv6(withoutZone(flow.remoteAddress))) return false;
  if (protocol !== 0 && protocol !== PROTOCOLS[flow.encapsulation]) return false;
  if (interfaceIndex !== 0 && interfaceIndex !== flow.interfaceIndex) return false;
  const local = { address: flow.localAddress, port: flow.localPort };
  const remote = { address: flow.remoteAddress, port: flow.remotePort };
  const [from, to] = direction === "out" ? [local, remote] : [remote, local];
  return isSelected(source, from) && isSelected(destination, to);
}

function isSelected(
  { address, prefixBits, port, portMask }: Selected,
  end: { readonly address: string; readonly port: number },
): boolean {
  if (((end.port ^ port) & portMask) !== 0) return false;
  const octets = addressOctets(withoutZone(end.address));
  return octets.every((octet, index) => {
    const bits = Math.min(8, Math.max(0, prefixBits - 8 * index));
    return ((octet ^ (address[index] ?? 0)) & (0xff00 >> bits) & 0xff) === 0;
  });
}
