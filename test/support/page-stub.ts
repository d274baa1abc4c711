import { once } from "node:events";
import { createServer } from "node:net";
import { listenAddressOf } from "../../src/config/listen-address.ts";
import type { ApiHandlers } from "../../src/daemon/api.ts";
import { EventFeed } from "../../src/daemon/events.ts";
import { HttpListeners } from "../../src/daemon/http-listeners.ts";
import { LiveFeed } from "../../src/daemon/live-feed.ts";
import type { LiveSources } from "../../src/daemon/live-reading.ts";
import type { Log } from "../../src/daemon/log.ts";
import { mtuReport } from "../../src/daemon/mtu-report.ts";
import { subjectsOfStatus } from "../../src/daemon/mtu-subjects.ts";
import type { PseudowireStatus, StatusReport } from "../../src/daemon/status.ts";
import { counterTable } from "../../src/forwarding/counters-table.ts";

/** A daemon that is none: its page and live stream are the real ones, what they tell is made up. */

const cities = ["lyon", "basel", "trento", "graz", "malmo", "porto", "gdansk", "bergen"];
const DOWN = "the peer has not answered yet";

export interface PageStub extends AsyncDisposable {
  readonly link: string;
  readonly feed: EventFeed;
}

/** Serves at a free port of loopback; pseudowires are spread over the tunnels. */
export async function pageStub(tunnels: number, pseudowires: number): Promise<PageStub> {
  const port = await freePort();
  const feed = new EventFeed();
  const world = new World(tunnels, pseudowires);
  const live = new LiveFeed({ events: feed, sources: async () => world.sources() });
  const none = () => Promise.reject(new Error("not in the stub"));
  const handlers: ApiHandlers = {
    ...{ feed, live, page: () => http.pageLinks(), status: async () => world.status() },
    mtu: async (name) => subjectsOfStatus(world.status(), { name }).map(mtuReport),
    ...{ reload: none, metrics: none, handOver: none, leave: none, captures: none },
    ...{ confirm: none, revert: none, administer: none, clearCounters: none },
  };
  const line = () => undefined;
  const log = {
    debug: line,
    info: line,
    warn: line,
    error: line,
    fatal: line,
    trace: line,
    level: "info",
  } as Log;
  const broken = (error: unknown) => {
    throw error;
  };
  const http = new HttpListeners({ handlers, log, broken });
  await http.configure({ listen: [listenAddressOf(`127.0.0.1:${port}`)], hosts: [] });
  publish(feed, world);
  return { link: `http://127.0.0.1:${port}/`, feed, [Symbol.asyncDispose]: () => http.close() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function publish(feed: EventFeed, { tunnels }: World): void {
  feed.publish("info", { event: "start", version: "0.1.0", config: "" }, "wirespan 0.1.0 starting");
  for (const tunnel of tunnels)
    feed.publish("info", { event: "note", tunnel }, `tunnel ${tunnel}: established with ${tunnel}-gw`);
  feed.publish("warn", { event: "note", tunnel: tunnels[2] }, `tunnel ${tunnels[2]} is down: ${DOWN}`);
}

class World {
  readonly tunnels: readonly string[];
  readonly names: readonly { readonly name: string; readonly tunnel: number }[];
  readonly #config: object;
  readonly #startedMs = performance.now() - 273_840_000;

  constructor(tunnels: number, pseudowires: number) {
    this.tunnels = Array.from({ length: tunnels }, (_, index) => {
      const round = Math.floor(index / cities.length);
      return `${cities[index % cities.length]}${round === 0 ? "" : `-${round}`}`;
    });
    this.names = Array.from({ length: pseudowires }, (_, index) => {
      const tunnel = Math.floor((index * tunnels) / pseudowires);
      const first = Math.ceil((tunnel * pseudowires) / tunnels);
      const kinds = ["office", "voice", "cameras", "lab", "guests"];
      const kind =
        pseudowires > 100 ? `lan-${index}` : `${this.tunnels[tunnel]}-${kinds[index - first] ?? index}`;
      return { name: kind, tunnel };
    });
    this.#config = {
      tunnels: this.tunnels.map((name, at) => ({
        ...{ name, control: {} },
        pseudowires: this.names.filter(({ tunnel }) => tunnel === at),
      })),
    };
  }

  /** One tunnel is down, and one pseudowire of another. */
  #isTunnelUp(tunnel: number): boolean {
    return tunnel !== 2;
  }

  #isUp(index: number): boolean {
    return this.#isTunnelUp(this.names[index]?.tunnel ?? 0) && index !== 1;
  }

  #octets(index: number, factor: number): number {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const base = 40_000 * (1 + ((index * 7919) % 97)) * factor;
    return Math.floor(
      base * (seconds + 2 * Math.sin(seconds / 4 + index) + 0.4 * Math.sin(seconds * 1.7 + index)),
    );
  }

  #counters(index: number) {
    const zero = Object.fromEntries(counterTable.map(({ name }) => [name, 0]));
    if (!this.#isUp(index)) return { ...zero, discards: {} };
    const receivedOctets = this.#octets(index, 1);
    const transmittedOctets = this.#octets(index, 0.37);
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return {
      ...{ ...zero, receivedOctets, transmittedOctets },
      receivedFrames: Math.floor(receivedOctets / 820),
      transmittedFrames: Math.floor(transmittedOctets / 310),
      discards:
        index % 5 === 3
          ? { oversize: Math.floor(seconds * 3 - 800_000) }
          : index === 4
            ? { "wrong-cookie": 12 }
            : {},
    };
  }

  sources(): LiveSources {
    const sessions = this.names.map((_, index) => ({ localSessionId: index + 1, ...this.#counters(index) }));
    const position = new Map(this.names.map(({ name }, index) => [name, index]));
    const read = {
      config: this.#config,
      counters: { sessions, discards: { "unknown-session": 31 } },
      overview: {
        connections: this.tunnels.map((peer, at) => ({
          peer,
          state: this.#isTunnelUp(at) ? "established" : "wait-ctl-reply",
        })),
      },
    } as unknown as Pick<LiveSources, "config" | "counters" | "overview">;
    return {
      ...{ ...read, nowMs: performance.now(), startedMs: this.#startedMs, ipControlDrops: 0 },
      waiting: () => undefined,
      ends: () => ({ localAddress: "192.0.2.1", localPort: 1701, remoteAddress: "198.51.100.1" }),
      history: (kind, name) => ({
        isUp: kind === "tunnel" || this.#isUp(position.get(name) ?? 0),
        ...{ downs: 1, changedMs: 1 },
      }),
      isCircuitUp: () => true,
      pseudowireOfSession: (id) => this.names[id - 1]?.name,
    };
  }

  status(): StatusReport {
    const uptimeMs = Math.round(performance.now() - this.#startedMs);
    const names = this.names.map((_, index) => this.#pseudowire(index));
    return {
      ...{ apiVersion: 1, version: "0.1.0", pid: 7, uptimeMs, hostName: "zurich", routerId: "192.0.2.1" },
      plane: { name: "ebpf", reason: "the kernel has what it needs" },
      controlConnections: this.tunnels.map((tunnel, at) => ({
        ...{
          tunnel,
          encapsulation: at % 2 === 0 ? "udp" : "ip",
          local: "192.0.2.1",
          remote: `198.51.100.${at + 1}`,
        },
        ...{ authentication: "hmac-sha1", sent: 4711, received: 4650, retransmitted: 3 },
        ...(this.#isTunnelUp(at)
          ? {
              ...{ state: "established", peerHostName: `${tunnel}-gw`, peerVendorName: "Wirespan 0.1.0" },
              pathMtu: { octets: at === 1 ? 1442 : 1500, source: "measured", by: "HELLO" } as const,
              notes: at === 1 ? ["full-size frames need 1538 octets, and the path takes 1442"] : [],
            }
          : { state: "wait-ctl-reply", whyNot: DOWN, downForMs: 95_000 }),
      })),
      pseudowires: names,
      bridges: [
        {
          ...{ name: "br0", made: true },
          ports: [
            {
              ...{ device: "eth1", state: "forwarding", isolated: false },
              pseudowires: this.names.slice(0, 2).map(({ name }) => name),
            },
          ],
        },
      ],
      ...{ discards: { "unknown-session": 31 }, control: { "unknown-peer": 6 } },
      unknownPeers: [
        {
          ...{ hostName: '<img src="x" onerror="alert(1)">\u202e', address: "203.0.113.9", sccrqs: 6 },
          ...{ firstAgoMs: 80_000, lastAgoMs: 4000, reason: "unknown-peer" },
        },
      ],
      log: { lostLines: 0, leftOutLines: 0 },
    };
  }

  #pseudowire(index: number): PseudowireStatus {
    const { name = "", tunnel = 0 } = this.names[index] ?? {};
    const isUp = this.#isUp(index);
    const counters = this.#counters(index) as unknown as PseudowireStatus;
    return {
      ...counters,
      ...{ name, tunnel: this.tunnels[tunnel] ?? "", type: "ethernet", circuit: `eth1 vlan ${100 + index}` },
      ...{ localCircuit: index === 1 ? "down" : "up", ups: 2, downs: 1 },
      lastChange: { agoMs: 95_000, text: isUp ? "up again, was down for 4 s" : `down: ${DOWN}` },
      frameSize: {
        ...{ mtu: 1500, deviceMtu: 1500, tags: 0, ipVersion: 4, encapsulation: "udp", cookieOctets: 8 },
        ...{
          sublayer: "default",
          agreed: true,
          fragmentation: "outer",
          mssClamp: "auto",
          packetTooBig: "off",
        },
      } as unknown as NonNullable<PseudowireStatus["frameSize"]>,
      ...(isUp
        ? {
            ...{
              state: "established",
              localSessionId: 0x51a20000 + index,
              remoteSessionId: 0x2bd10000 + index,
            },
            ...{ receiveCookieOctets: 8, transmitCookieOctets: 8, plane: "ebpf", remoteCircuit: "up" },
          }
        : {
            state: tunnel === 2 ? "wait-control-conn" : "idle",
            whyNot: tunnel === 2 ? DOWN : "attachment circuit: interface eth1 has no carrier",
            downForMs: 95_000,
          }),
    };
  }
}
