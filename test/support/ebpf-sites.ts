import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import type { Line } from "../../src/bpf/line.ts";
import { call, exit, move } from "../../src/bpf/mnemonics.ts";
import type { BpfLink, BpfProgram } from "../../src/environment.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import {
  circuitEntry,
  mapSizes,
  type Placement,
  peerEntry,
} from "../../src/forwarding/ebpf/programs/map-layout.ts";
import type { ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import type { AttachmentCircuit, SessionCounters } from "../../src/forwarding/plane.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { expectExchange } from "./bulk.ts";
import { Bench, indexKey } from "./ebpf-bench.ts";
import { attachmentOf, LOCAL, placementOf, REMOTE, sessionOf } from "./ebpf-session.ts";
import { TestNamespace } from "./namespace.ts";

/**
 * Two sites and what is between them, every device a veth; the host of the middle namespace can take the
 * first site's place:
 *  siteA - circuitA [encapsulate]  wanA - wanB  [encapsulate] circuitB - siteB pw0 [encapsulate what the host
 * sends]
 *  `wanA` and `wanB` decapsulate. Each circuit has an exception path, a pair whose entry has its checksum
 * offload off, and whose exit encapsulates; the network has one too, `entryN` and `exitN`, whose exit
 * decapsulates. Where there is a session below, `wanA` and `wanB` are not the two ends of one pair, but what
 * it bridges:
 *  wanA2 - circuitC [encapsulate]  wanA3 - wanB3  [encapsulate] circuitD - wanB2
 */

const kernel = new BpfSyscall();
const VLAN = 111;
const NETWORK_MTU = 1600;
const ROOM_BELOW = 100;
const WAN_A_MAC = "02:00:00:00:00:ae";
const WAN_B_MAC = "02:00:00:00:00:fa";

/** TABLE: who may talk to siteB. */
const firsts = {
  site: { circuit: "circuitA", at: "ingress", tagger: "siteA", ipv4: "198.51.100.2", ipv6: "2001:db8:5::2" },
  host: { circuit: "pw0", at: "egress", tagger: "pw0", ipv4: "198.51.101.2", ipv6: "2001:db8:6::2" },
} as const;
export type First = keyof typeof firsts;

/** A session's options, and whether it wants GSO packets segmented. */
export interface Kind {
  readonly options: ProgramOptions;
  readonly segment: boolean;
  /** What else is to be said of its places. */
  readonly changes?: Partial<Placement>;
  /** What else is to be said of its circuits. */
  readonly circuits?: Partial<AttachmentCircuit>;
}

/** What a transfer goes through. */
export interface Passage extends Kind {
  readonly first: First;
  /** Whether the network's devices take GSO packets and unfinished checksums. */
  readonly offloads: boolean;
  /** Whether the circuits do; true unless it is said. */
  readonly circuitOffloads?: boolean;
  /** A session that carries the other one's packets. */
  readonly below?: Kind;
}

/** One end of a session: its devices, and the letter of its exception path's. */
interface End {
  readonly circuit: string;
  readonly at: "ingress" | "egress";
  readonly network: string;
  readonly exceptionPath: "A" | "B" | "C" | "D";
}

interface Ends {
  readonly ids: readonly [number, number];
  readonly indexes: readonly [number, number];
  readonly mtu: number;
  readonly ends: readonly [End, End];
}

function endsOf({ first, below }: Passage): Ends {
  const { circuit, at } = firsts[first];
  const [wanA, wanB] = below === undefined ? ["wanA", "wanB"] : ["wanA2", "wanB2"];
  return {
    ids: [0x0a0a_0001, 0x0b0b_0002],
    indexes: [3, 4],
    mtu: 1500,
    ends: [
      { circuit, at, network: wanA, exceptionPath: "A" },
      { circuit: "circuitB", at: "ingress", network: wanB, exceptionPath: "B" },
    ],
  };
}

const endsBelow: Ends = {
  ids: [0x0c0c_0003, 0x0d0d_0004],
  indexes: [5, 6],
  mtu: NETWORK_MTU,
  ends: [
    { circuit: "circuitC", at: "ingress", network: "wanA3", exceptionPath: "C" },
    { circuit: "circuitD", at: "ingress", network: "wanB3", exceptionPath: "D" },
  ],
};

const networks = [
  ["wanA", "wanB"],
  ["wanA2", "wanB2"],
  ["wanA3", "wanB3"],
] as const;

/** Puts a tag on what a site without VLAN devices sends, or takes it off what comes in. */
function tagger(act: "push" | "pop"): readonly Line[] {
  const { result, arg2, arg3 } = Register;
  const push = [move(arg2, 0x0081), move(arg3, VLAN), call("skb_vlan_push")];
  return [...(act === "push" ? push : [call("skb_vlan_pop")]), move(result, verdicts.next), exit()];
}

export class EbpfSites implements AsyncDisposable {
  readonly bench = new Bench();
  readonly #middle: TestNamespace;
  readonly #sites: readonly [TestNamespace, TestNamespace];
  readonly #taggers: { readonly push: BpfProgram; readonly pop: BpfProgram };

  private constructor(middle: TestNamespace, sites: readonly [TestNamespace, TestNamespace]) {
    this.#middle = middle;
    this.#sites = sites;
    const load = (name: "push" | "pop") => kernel.loadProgram({ name, octets: assemble(tagger(name)) });
    this.#taggers = { push: load("push"), pop: load("pop") };
  }

  static async make(): Promise<EbpfSites> {
    const [middle, siteA, siteB] = await Promise.all(
      ["m", "a", "b"].map((name) => TestNamespace.make(`wirespan-sites-${name}-${process.pid}`)),
    );
    if (middle === undefined || siteA === undefined || siteB === undefined) throw new Error("no namespaces");
    const made = new EbpfSites(middle, [siteA, siteB]);
    await made.#wire();
    return made;
  }

  async #wire(): Promise<void> {
    const [siteA, siteB] = this.#sites;
    const middle = this.#middle;
    const pairs = {
      ...{ siteA: "circuitA", siteB: "circuitB", pw0: "pw1", wanA: "wanB" },
      ...{ wanA2: "circuitC", wanB2: "circuitD", wanA3: "wanB3" },
      ...{ entryA: "exitA", entryB: "exitB", entryC: "exitC", entryD: "exitD" },
      entryN: "exitN",
    };
    for (const [one, other] of Object.entries(pairs)) {
      await middle.ip(`link add ${one} type veth peer name ${other}`);
      for (const name of [one, other])
        await middle.ip(
          `link set ${name} up mtu ${/^circuit[AB]|site|pw/.test(name) ? 1500 : NETWORK_MTU + ROOM_BELOW}`,
        );
    }
    for (const exceptionPath of ["A", "B", "C", "D", "N"])
      await middle.exec("ethtool", "-K", `entry${exceptionPath}`, "tx", "off");
    await middle.ip("link set entryN gso_max_segs 1");
    for (const [wanA, wanB] of networks) await this.#connect(wanA, wanB);
    await middle.ip(`link set siteA netns ${siteA.name}`);
    await middle.ip(`link set siteB netns ${siteB.name}`);
    await this.#address(siteA, "siteA", ["198.51.100.1/24", "2001:db8:5::1/64"]);
    await this.#address(middle, "pw0", ["198.51.101.1/24", "2001:db8:6::1/64"]);
    await this.#address(siteB, "siteB", [
      ...["198.51.100.2/24", "2001:db8:5::2/64", "198.51.101.2/24", "2001:db8:6::2/64"],
    ]);
  }

  /** Two devices of a network, each with the other for a neighbour. */
  async #connect(wanA: string, wanB: string): Promise<void> {
    for (const [device, own, other, there] of [
      [wanA, WAN_A_MAC, WAN_B_MAC, ["192.0.2.2", "2001:db8::2"]],
      [wanB, WAN_B_MAC, WAN_A_MAC, ["192.0.2.1", "2001:db8::1"]],
    ] as const) {
      await this.#middle.ip(`link set ${device} address ${own}`);
      await this.exec("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=0`);
      for (const address of there)
        await this.#middle.ip(`neigh add ${address} lladdr ${other} dev ${device} nud permanent`);
    }
  }

  async #address(namespace: TestNamespace, device: string, addresses: readonly string[]): Promise<void> {
    await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=0`);
    await namespace.ip(`link set ${device} up`);
    for (const address of addresses)
      await namespace.ip(`addr add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`);
  }

  async exec(...command: readonly string[]): Promise<void> {
    await this.#middle.exec(...command);
  }

  /** Does something with this thread in the middle namespace, or in that of a site. */
  inside<T>(where: "middle" | "siteA" | "siteB", act: () => T): T {
    const namespaces = { middle: this.#middle, siteA: this.#sites[0], siteB: this.#sites[1] };
    return namespaces[where].inside(act);
  }

  /** Site B says nothing of its own from now on, and site A and the middle's own host neither. */
  async silence(): Promise<void> {
    await this.exec("sysctl", "-qw", "net.ipv6.conf.pw0.disable_ipv6=1");
    for (const [index, device] of ["siteA", "siteB"].entries())
      await this.#sites[index]?.exec("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=1`);
  }

  /**
   * Gives `wanB` the addresses of its end, for sockets that hear what no program takes; site A says nothing
   * of its own then.
   */
  async addressWanB(): Promise<void> {
    await this.#sites[0].exec("sysctl", "-qw", "net.ipv6.conf.siteA.disable_ipv6=1");
    for (const setting of ["accept_local=1", "rp_filter=0"])
      await this.exec("sysctl", "-qw", `net.ipv4.conf.wanB.${setting}`);
    await this.exec("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0");
    await this.#middle.ip("addr add 192.0.2.2/32 dev wanB");
    await this.#middle.ip("addr add 2001:db8::2/128 dev wanB nodad");
  }

  /** Attaches programs and fills maps, until what it gives is disposed of. */
  async open(passage: Passage): Promise<Disposable & { counted(): readonly SessionCounters[] }> {
    const { options, first, offloads, below } = passage;
    await this.#setOffloads(networks.flat(), offloads);
    await this.#setOffloads(["circuitA", "circuitB"], passage.circuitOffloads ?? true);
    for (const map of [this.bench.circuits, this.bench.peers]) for (const key of map.keys()) map.remove(key);
    const links: BpfLink[] = [];
    const atExceptionPath = new Set<BpfProgram>();
    if (below !== undefined) links.push(...this.#attach(below.options, endsBelow, atExceptionPath));
    if (below !== undefined) this.#enter(below, endsBelow);
    const ends = endsOf(passage);
    const placements = this.#enter(passage, ends);
    if (options.vlan === "vlan") links.push(...this.#tag(first));
    links.push(...this.#attach(options, ends, atExceptionPath));
    return {
      counted: () => placements.map((placement) => this.bench.counted(placement)),
      [Symbol.dispose]: () => {
        for (const link of links) link.close();
      },
    };
  }

  async #setOffloads(devices: readonly string[], on: boolean): Promise<void> {
    const word = on ? "on" : "off";
    for (const device of devices) await this.exec("ethtool", "-K", device, "tx", word, "tso", word);
  }

  #link(program: BpfProgram, device: string, at: "ingress" | "egress", namespace = this.#middle): BpfLink {
    return namespace.inside(() => kernel.attach(program, ifNameToIndex(device), at));
  }

  /** Tags for sites without VLAN devices. */
  #tag(first: First): readonly BpfLink[] {
    const [siteA, siteB] = this.#sites;
    const where = [
      [firsts[first].tagger, first === "host" ? this.#middle : siteA],
      ["siteB", siteB],
    ] as const;
    return where.flatMap(([device, namespace]) => [
      this.#link(this.#taggers.push, device, "egress", namespace),
      this.#link(this.#taggers.pop, device, "ingress", namespace),
    ]);
  }

  /**
   * What takes in comes first, so that nothing that is sent is lost. `atExceptionPath` has what stands at the
   * network exception path already.
   */
  #attach(options: ProgramOptions, { ends }: Ends, atExceptionPath: Set<BpfProgram>): readonly BpfLink[] {
    const encapsulate = this.bench.program(encapsulateProgram, options, "interface");
    const decapsulate = this.bench.program(decapsulateProgram, options, "interface");
    const exceptionPath = atExceptionPath.has(decapsulate) ? [] : ["exitN"];
    atExceptionPath.add(decapsulate);
    return [
      ...[...exceptionPath, ...ends.map(({ network }) => network)].map((each) =>
        this.#link(decapsulate, each, "ingress"),
      ),
      ...ends.map(({ exceptionPath }) => this.#link(encapsulate, `exit${exceptionPath}`, "ingress")),
      ...[...ends].reverse().map(({ circuit, at }) => this.#link(encapsulate, circuit, at)),
    ];
  }

  /**
   * Fills the maps: two ends of one session, each with an entry for its circuit and one for its exception
   * path's exit.
   */
  #enter(
    { options, segment, changes = {}, circuits = {} }: Kind,
    { ids, indexes, mtu, ends }: Ends,
  ): readonly Placement[] {
    const index = (name: string) => this.#middle.inside(() => ifNameToIndex(name));
    const attachment = attachmentOf(options, { mtu, ...circuits });
    const addresses = [LOCAL[options.family], REMOTE[options.family]] as const;
    return ends.map((end, side) => {
      const other = 1 - side;
      const session = sessionOf(options, { localSessionId: ids[side]!, remoteSessionId: ids[other]! });
      const placement = placementOf(options, {
        ...{ sessionIndex: indexes[side]!, localAddress: addresses[side]!, remoteAddress: addresses[other]! },
        ...{ circuitInterface: index(end.circuit), networkInterface: index(end.network) },
        ...{ nextHop: addresses[other]!, packetOctets: mtu + ROOM_BELOW, segment },
        ...{
          exceptionInterface: index(`entry${end.exceptionPath}`),
          deliver: end.at === "egress" ? "in" : "out",
        },
        unsent: end.at === "egress",
        networkExceptionPath: { entry: index("entryN"), exit: index("exitN") },
        ...changes,
      });
      const exceptionPath = index(`exit${end.exceptionPath}`);
      const behind = {
        circuitInterface: exceptionPath,
        exceptionInterface: exceptionPath,
        segment: false,
        unsent: false,
      };
      this.bench.circuits.update(...circuitEntry(session, attachment, placement));
      this.bench.circuits.update(...circuitEntry(session, attachment, { ...placement, ...behind }));
      this.bench.peers.update(...peerEntry(session, attachment, placement));
      this.bench.clear(placement);
      this.bench.sequences.update(
        indexKey(placement.sessionIndex),
        new Uint8Array(mapSizes.sequences.valueOctets),
      );
      return placement;
    });
  }

  /** Octets to siteB, and as many back, by one TCP connection; expects them to come as they were sent. */
  exchange(first: First, version: "ipv4" | "ipv6", octets: number, why: () => string): Promise<void> {
    const from = first === "host" ? this.#middle : this.#sites[0];
    const at = (namespace: TestNamespace) => ["ip", "netns", "exec", namespace.name];
    const load = { address: firsts[first][version], there: octets, back: octets };
    return expectExchange(at(from), at(this.#sites[1]), load, why);
  }

  /**
   * What comes in at a device of the network while something happens: a sample of at most so many packets.
   */
  async heard(device: string, most: number, during: Promise<unknown>): Promise<readonly Uint8Array[]> {
    const socket = this.#middle.inside(() => new FrameSocket(device));
    const packets: Uint8Array[] = [];
    let over = false;
    const end = during.finally(() => {
      over = true;
    });
    for (; packets.length < most; ) {
      const packet = socket.receive();
      if (packet !== undefined) packets.push(packet);
      else if (over) break;
      else await setImmediate();
    }
    closeSync(socket.fd);
    await end;
    return packets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of Object.values(this.#taggers)) program.close();
    this.bench[Symbol.dispose]();
    for (const namespace of [this.#middle, ...this.#sites]) await namespace[Symbol.asyncDispose]();
  }
}
