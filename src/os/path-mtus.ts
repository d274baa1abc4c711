import { isIPv6 } from "node:net";
import { addressOctets } from "../bytes/ip-address.ts";
import {
  addressOf,
  close,
  errnoName,
  ifNameToIndex,
  lastError,
  linux,
  read,
  sendto,
  socket,
} from "./libc.ts";

/**
 * MTUs of paths as the kernel knows them. It learns them from ICMP (RFC 1191, RFC 8201), keeps them for a
 * while with the route, and notifies nobody: so they are queried, many paths in one call, without waiting,
 * since rtnetlink has answered by the time sendto(2) returns.
 */

/** The two ends of a path; the remote may have a zone such as "%eth0". */
export interface AddressPair {
  readonly remoteAddress: string;
  readonly localAddress: string;
}

/** The MTU of a path. */
export interface PathMtu {
  readonly interfaceIndex: number;
  /**
   * In octets with the IP header, as learned or from the route; undefined where only the interface limits it.
   */
  readonly mtu: number | undefined;
  /** Of that, what somebody set with the route; before Linux 4.15, what was learned, too. */
  readonly routeMtu: number | undefined;
}

/** Why nothing can be sent to a peer: the name of the errno of sending, or `OWN_ADDRESS`. */
export type SendError = string;
/** The remote is this machine's own address: packets do not leave it. */
export const OWN_ADDRESS = "own address";

/** TABLE: of linux/netlink.h and linux/rtnetlink.h. */
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_NONBLOCK = 0o4000;
const NLM_F_REQUEST = 1;
const NLMSG_ERROR = 2;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const attribute = { destination: 1, source: 2, outputInterface: 4, metrics: 8 } as const;
const METRIC_MTU = 2;
/** struct nlmsghdr, and struct rtmsg behind it. */
const HEADER_OCTETS = 16;
const ROUTE_OCTETS = 12;
const ATTRIBUTE_HEADER_OCTETS = 4;
/** Requests per call: so many replies have room in the socket's buffer. */
const BATCH = 16;
/**
 * TABLE: types of routes (rtm_type) that send nothing off this machine, as the error of sending. Broadcast
 * needs SO_BROADCAST.
 */
const ROUTE_TYPE_OFFSET = HEADER_OCTETS + 7;
/** Offset and value of a flag of requests: the route as it was set, without what was learned of the path. */
const ROUTE_FLAGS_OFFSET = HEADER_OCTETS + 8;
const RTM_F_FIB_MATCH = 0x2000;
const routeTypeErrors: ReadonlyMap<number, SendError> = new Map([
  [2, OWN_ADDRESS],
  [3, "EACCES"],
  [6, "EINVAL"],
  [7, "EHOSTUNREACH"],
  [8, "EACCES"],
]);
/** Longer than any reply about one route. */
const ANSWER_OCTETS = 8192;

/** A netlink socket for these queries. */
export class PathMtus implements Disposable {
  readonly #socket: number;
  readonly #answer = new Uint8Array(ANSWER_OCTETS);

  private constructor(descriptor: number) {
    this.#socket = descriptor;
  }

  /** Opens it in the network namespace of the calling thread. Throws SystemError. */
  static open(): PathMtus {
    const descriptor = socket(AF_NETLINK, linux.SOCK_RAW | linux.SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (descriptor < 0) throw lastError("open a netlink socket", "for path MTUs");
    return new PathMtus(descriptor);
  }

  /** The MTU of each path, in order; undefined where there is no route. */
  query(paths: readonly AddressPair[]): readonly (PathMtu | undefined)[] {
    const found = this.#answers(paths, pathMtuIn);
    // Few have one: only then is it worth asking whether it was set with the route.
    const limited = [...found.keys()].filter((index) => found[index]?.mtu !== undefined);
    const asked = limited.flatMap((index) => paths[index] ?? []);
    const routes = this.#answers(asked, routeMtuIn, RTM_F_FIB_MATCH);
    const routeMtus = new Map(limited.map((index, at) => [index, routes[at]]));
    return found.map((one, index) => one && { ...one, routeMtu: routeMtus.get(index) });
  }

  /** Why nothing can be sent to the remote of each path; undefined where the kernel has a route. */
  sendErrors(paths: readonly AddressPair[]): readonly (SendError | undefined)[] {
    return this.#answers(paths, sendErrorIn);
  }

  #answers<T>(
    paths: readonly AddressPair[],
    read: (message: DataView) => T | undefined,
    flags = 0,
  ): readonly (T | undefined)[] {
    const found: (T | undefined)[] = paths.map(() => undefined);
    for (let begin = 0; begin < paths.length; begin += BATCH) {
      const requests = paths
        .slice(begin, begin + BATCH)
        .map((path, index) => requestFor(path, begin + index, flags));
      const octets = Buffer.concat(requests);
      if (sendto(this.#socket, addressOf(octets), octets.length, linux.MSG_DONTWAIT, 0, 0) < 0) continue;
      this.#readInto(found, read);
    }
    return found;
  }

  [Symbol.dispose](): void {
    close(this.#socket);
  }

  #readInto<T>(found: (T | undefined)[], readMessage: (message: DataView) => T | undefined): void {
    for (;;) {
      const octets = read(this.#socket, addressOf(this.#answer), this.#answer.length);
      if (octets <= 0) return;
      if (octets < HEADER_OCTETS + ROUTE_OCTETS) continue;
      const view = new DataView(this.#answer.buffer, 0, octets);
      const number = view.getUint32(8, true);
      if (number < found.length) found[number] = readMessage(view);
    }
  }
}

function requestFor({ remoteAddress, localAddress }: AddressPair, number: number, flags: number): Uint8Array {
  const [address = "", zone] = remoteAddress.split("%");
  const destination = addressOctets(address);
  const source = addressOctets(localAddress.replace(/%.*$/, ""));
  const attributes: (readonly [number, Uint8Array])[] = [
    [attribute.destination, destination],
    [attribute.source, source],
  ];
  if (zone !== undefined)
    attributes.push([attribute.outputInterface, new Uint8Array(Uint32Array.of(ifNameToIndex(zone)).buffer)]);
  const length = attributes.reduce(
    (sum, [, octets]) => sum + ATTRIBUTE_HEADER_OCTETS + octets.length,
    HEADER_OCTETS + ROUTE_OCTETS,
  );
  const message = new Uint8Array(length);
  const view = new DataView(message.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, RTM_GETROUTE, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint32(8, number, true);
  view.setUint8(HEADER_OCTETS, isIPv6(address) ? linux.AF_INET6 : linux.AF_INET);
  view.setUint8(HEADER_OCTETS + 1, 8 * destination.length);
  view.setUint8(HEADER_OCTETS + 2, 8 * source.length);
  view.setUint32(ROUTE_FLAGS_OFFSET, flags, true);
  let at = HEADER_OCTETS + ROUTE_OCTETS;
  for (const [type, octets] of attributes) {
    view.setUint16(at, ATTRIBUTE_HEADER_OCTETS + octets.length, true);
    view.setUint16(at + 2, type, true);
    message.set(octets, at + ATTRIBUTE_HEADER_OCTETS);
    at += ATTRIBUTE_HEADER_OCTETS + octets.length;
  }
  return message;
}

function sendErrorIn(view: DataView): SendError | undefined {
  // struct nlmsgerr: the negative errno.
  if (view.getUint16(4, true) === NLMSG_ERROR) return errnoName(-view.getInt32(HEADER_OCTETS, true));
  return routeTypeErrors.get(view.getUint8(ROUTE_TYPE_OFFSET));
}

function pathMtuIn(view: DataView): Omit<PathMtu, "routeMtu"> | undefined {
  if (view.getUint16(4, true) !== RTM_NEWROUTE) return undefined;
  const outputInterface = attributesOf(view, HEADER_OCTETS + ROUTE_OCTETS).get(attribute.outputInterface);
  if (outputInterface === undefined) return undefined;
  return { interfaceIndex: outputInterface.getUint32(0, true), mtu: routeMtuIn(view) };
}

function routeMtuIn(view: DataView): number | undefined {
  if (view.getUint16(4, true) !== RTM_NEWROUTE) return undefined;
  const metrics = attributesOf(view, HEADER_OCTETS + ROUTE_OCTETS).get(attribute.metrics);
  return metrics && attributesOf(metrics, 0).get(METRIC_MTU)?.getUint32(0, true);
}

/** Attributes by their type, from an offset on (struct rtattr). */
function attributesOf(view: DataView, begin: number): ReadonlyMap<number, DataView> {
  const found = new Map<number, DataView>();
  for (let at = begin; at + ATTRIBUTE_HEADER_OCTETS <= view.byteLength; ) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_OCTETS || at + length > view.byteLength) break;
    const data = new DataView(
      view.buffer,
      view.byteOffset + at + ATTRIBUTE_HEADER_OCTETS,
      length - ATTRIBUTE_HEADER_OCTETS,
    );
    found.set(view.getUint16(at + 2, true), data);
    at += (length + 3) & ~3;
  }
  return found;
}
