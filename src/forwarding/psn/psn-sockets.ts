import { isIPv6 } from "node:net";
import { OperationalError } from "../../bytes/errors.ts";
import { concat } from "../../bytes/hex.ts";
import { close } from "../../os/libc.ts";
import { openPathMtuSocket } from "../../os/path-mtu-socket.ts";
import { limitFragments, openPsnSocket, sendDatagram, sendPathMtuProbe } from "../../os/sockets.ts";
import { trafficClassOf } from "../../wire/dscp.ts";
import { type PsnPath, pathKey } from "../../wire/session-parameters.ts";
import {
  endpointKey,
  localEndKey,
  type OpenEndpoint,
  type PsnEndpoint,
  type PsnSocketSource,
  type PsnTransport,
  type SocketReader,
  type TransportEvents,
} from "../transport.ts";
import { IpControlReceiver } from "./ip-control.ts";

/** What tells a control message over IP: a session id of 0 (RFC 3931 §4.1.1.2). */
const ZERO_WORD = new Uint8Array(4);

/** RFC 8200 §5: each link takes as much. */
const LEAST_IPV6_MTU = 1280;

/** TABLE: what all tunnels at one socket have in common, by its key in the file. */
const common = [
  ["fragmentation", "fragmentation"],
  ["checksum", "udp_checksum"],
  ["gso", "gso"],
  ["controlDscp", "control_dscp"],
] as const satisfies readonly (readonly [keyof PsnEndpoint, string])[];

interface Shared {
  readonly endpoint: OpenEndpoint;
  /** Of a raw socket over IPv6: it learns the path MTUs that the kernel keeps from raw sockets. */
  readonly pathMtuSocket: number | undefined;
  users: number;
}

/**
 * The transport on Linux: a UDP or raw socket for each local address and port, and the receivers of control
 * over IP.
 */
export class PsnSockets implements PsnTransport, PsnSocketSource {
  readonly #events: TransportEvents;
  readonly #ipControl: IpControlReceiver;
  /** By the endpoint that was asked for, whose port may be 0. */
  readonly #shared = new Map<string, Shared>();
  /** By the endpoint with the port in use. */
  readonly #endpoints = new Map<string, OpenEndpoint>();
  /** By the descriptor of an endpoint and the path: how long packets may be. */
  readonly #limits = new Map<number, Map<string, number>>();
  #reader: SocketReader | undefined;

  constructor(events: TransportEvents) {
    this.#events = events;
    this.#ipControl = new IpControlReceiver(events);
  }

  setReader(reader: SocketReader): void {
    this.#reader = reader;
  }

  endpointOf(path: PsnPath): OpenEndpoint | undefined {
    return this.#endpoints.get(localEndKey(path));
  }

  receivedControl(path: PsnPath, octets: Uint8Array): void {
    this.#events.control(path, octets);
  }

  get controlDrops(): number {
    return this.#ipControl.drops;
  }

  async openEndpoint(wanted: PsnEndpoint): Promise<PsnEndpoint> {
    const key = endpointKey(wanted);
    const known = this.#shared.get(key);
    if (known !== undefined) checkCommon(known.endpoint, wanted);
    const shared = known ?? (await this.#open(wanted));
    shared.users += 1;
    try {
      if (receivesIpControl(wanted)) this.#ipControl.listen(wanted.address);
    } catch (error) {
      await this.#release(wanted, shared);
      throw error;
    }
    return shared.endpoint;
  }

  async closeEndpoint(wanted: PsnEndpoint): Promise<void> {
    const shared = this.#shared.get(endpointKey(wanted));
    if (shared === undefined) return;
    if (receivesIpControl(wanted)) this.#ipControl.unlisten(wanted.address);
    await this.#release(wanted, shared);
  }

  send(path: PsnPath, octets: Uint8Array, { isProbe = false, isData = false } = {}): string | undefined {
    const endpoint = this.endpointOf(path);
    if (endpoint === undefined) return undefined;
    const datagram = path.encapsulation === "ip" && !isData ? concat(ZERO_WORD, octets) : octets;
    const { fd } = endpoint;
    if (!isProbe) return sendDatagram(fd, datagram, path);
    const limit = leastOf(this.#limits.get(fd));
    const failure = sendPathMtuProbe(endpoint, datagram, path, limit);
    return failure === "EMSGSIZE" ? undefined : failure;
  }

  limitPackets(path: PsnPath, octets: number | undefined): void {
    const endpoint = this.endpointOf(path);
    if (endpoint === undefined || !isIPv6(endpoint.address) || endpoint.fragmentation !== "outer") return;
    const { fd } = endpoint;
    const limits = this.#limits.get(fd) ?? new Map<string, number>();
    this.#limits.set(fd, limits);
    if (octets === undefined) limits.delete(pathKey(path));
    else limits.set(pathKey(path), Math.max(octets, LEAST_IPV6_MTU));
    limitFragments(fd, leastOf(limits));
  }

  close(): void {
    this.#ipControl.close();
    for (const shared of this.#shared.values()) closeSockets(shared);
    this.#shared.clear();
    this.#endpoints.clear();
    this.#limits.clear();
  }

  async #open(wanted: PsnEndpoint): Promise<Shared> {
    const { encapsulation, address, controlDscp } = wanted;
    const coalesces = this.#reader?.takesCoalesced ?? true;
    const socket = openPsnSocket({ ...wanted, coalesces, trafficClass: trafficClassOf(controlDscp) });
    const endpoint: OpenEndpoint = { ...wanted, ...socket };
    let pathMtuSocket: number | undefined;
    try {
      if (isIPv6(address) && encapsulation === "ip") pathMtuSocket = openPathMtuSocket(address);
      await this.#reader?.startReading(endpoint);
    } catch (error) {
      closeSockets({ endpoint, pathMtuSocket });
      throw error;
    }
    const shared = { endpoint, pathMtuSocket, users: 0 };
    this.#shared.set(endpointKey(wanted), shared);
    this.#endpoints.set(endpointKey(endpoint), endpoint);
    return shared;
  }

  async #release(wanted: PsnEndpoint, shared: Shared): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#shared.delete(endpointKey(wanted));
    this.#endpoints.delete(endpointKey(shared.endpoint));
    this.#limits.delete(shared.endpoint.fd);
    await this.#reader?.stopReading(shared.endpoint);
    closeSockets(shared);
  }
}

function leastOf(limits: ReadonlyMap<string, number> | undefined): number | undefined {
  return limits === undefined || limits.size === 0 ? undefined : Math.min(...limits.values());
}

function closeSockets({ endpoint, pathMtuSocket }: Omit<Shared, "users">): void {
  close(endpoint.fd);
  if (pathMtuSocket !== undefined) close(pathMtuSocket);
}

function receivesIpControl({ encapsulation, control }: PsnEndpoint): boolean {
  return encapsulation === "ip" && control;
}

/** Throws OperationalError where a tunnel wants a socket that another one has otherwise. */
function checkCommon(open: PsnEndpoint, wanted: PsnEndpoint): void {
  for (const [field, key] of common)
    if (open[field] !== wanted[field])
      throw new OperationalError(
        `${key} is ${wanted[field]}, and another tunnel with the same socket at ${wanted.address} says ` +
          `${open[field]}: give both the same, or one another local_port`,
      );
}
