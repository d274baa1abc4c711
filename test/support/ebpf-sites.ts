import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import type { Line } from "../../src/bpf/line.ts";
import { call, exit, move } from "../../src/bpf/mnemonics.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/encapsulate-program.ts";
import { circuitEntry, type Placement, peerEntry } from "../../src/forwarding/ebpf/map-layout.ts";
import type { ProgramOptions } from "../../src/forwarding/ebpf/options.ts";
import type { SessionCounters } from "../../src/forwarding/plane.ts";
import { Conversation } from "../../src/lab/command.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import type { BpfLink, BpfProgram } from "../../src/ports.ts";
import { Bench, slotKey } from "./ebpf-bench.ts";
import { attachmentOf, LOCAL, placementOf, REMOTE, sessionOf } from "./ebpf-session.ts";
import { TestNamespace } from "./namespace.ts";

/**
 * Two sites and what is between them, every device a veth; the host of the middle namespace can take the first site's place:
 *
 *     siteA - circuitA [encapsulate]  near - far  [encapsulate] circuitB - siteB
 *     pw0 [encapsulate what the host sends]
 *
 * `near` and `far` decapsulate. Each side has a detour, a pair whose near end has its checksum offload off, and whose far end encapsulates.
 */

const kernel = new BpfSyscall();
const BULK = fileURLToPath(new URL("../../dist/lab/bulk.js", import.meta.url));
const LIMIT_MS = 60_000;
const VLAN = 111;
const NEAR_MAC = "02:00:00:00:00:ae";
const FAR_MAC = "02:00:00:00:00:fa";

/** TABLE: who may talk to siteB. */
const firsts = {
  site: { circuit: "circuitA", at: "ingress", tagger: "siteA", ipv4: "198.51.100.2", ipv6: "2001:db8:5::2" },
  host: { circuit: "pw0", at: "egress", tagger: "pw0", ipv4: "198.51.101.2", ipv6: "2001:db8:6::2" },
} as const;
export type First = keyof typeof firsts;

/** What a transfer goes through. */
export interface Passage {
  readonly options: ProgramOptions;
  readonly first: First;
  readonly cut: boolean;
  /** Whether the network's devices take super-frames and unfinished checksums. */
  readonly offloads: boolean;
}

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
      siteA: "circuitA",
      siteB: "circuitB",
      near: "far",
      pw0: "pw1",
      nearA: "farA",
      nearB: "farB",
    };
    for (const [one, other] of Object.entries(pairs)) {
      await middle.ip(`link add ${one} type veth peer name ${other}`);
      for (const name of [one, other]) await middle.ip(`link set ${name} up`);
    }
    for (const name of ["near", "far"]) {
      await middle.ip(`link set ${name} mtu 1600 address ${name === "near" ? NEAR_MAC : FAR_MAC}`);
      await middle.exec("sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=0`);
    }
    for (const name of ["nearA", "nearB"]) await middle.exec("ethtool", "-K", name, "tx", "off");
    for (const family of [4, 6] as const) {
      const [here, there] = family === 4 ? ["192.0.2.1", "192.0.2.2"] : ["2001:db8::1", "2001:db8::2"];
      await middle.ip(`neigh add ${there} lladdr ${FAR_MAC} dev near nud permanent`);
      await middle.ip(`neigh add ${here} lladdr ${NEAR_MAC} dev far nud permanent`);
    }
    await middle.ip(`link set siteA netns ${siteA.name}`);
    await middle.ip(`link set siteB netns ${siteB.name}`);
    await this.#address(siteA, "siteA", ["198.51.100.1/24", "2001:db8:5::1/64"]);
    await this.#address(middle, "pw0", ["198.51.101.1/24", "2001:db8:6::1/64"]);
    await this.#address(siteB, "siteB", [
      ...["198.51.100.2/24", "2001:db8:5::2/64", "198.51.101.2/24", "2001:db8:6::2/64"],
    ]);
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

  /** Attaches programs and fills maps, until what it gives is disposed of. */
  async open({
    options,
    first,
    cut,
    offloads,
  }: Passage): Promise<Disposable & { counted(): readonly SessionCounters[] }> {
    for (const name of ["near", "far"])
      await this.exec("ethtool", "-K", name, "tx", offloads ? "on" : "off", "tso", offloads ? "on" : "off");
    const { circuit, at, tagger } = firsts[first];
    const [own, its] = this.#enter(options, circuit, first === "host" ? "in" : "out", cut);
    const links: BpfLink[] = [];
    const attach = (
      program: BpfProgram,
      device: string,
      where: "ingress" | "egress",
      namespace = this.#middle,
    ) => links.push(namespace.inside(() => kernel.attach(program, ifNameToIndex(device), where)));
    if (options.vlan === "vlan") {
      for (const [device, namespace] of [
        [tagger, first === "host" ? this.#middle : this.#sites[0]],
        ["siteB", this.#sites[1]],
      ] as const) {
        attach(this.#taggers.push, device, "egress", namespace);
        attach(this.#taggers.pop, device, "ingress", namespace);
      }
    }
    const encapsulate = this.bench.program(encapsulateProgram, options, "interface");
    const decapsulate = this.bench.program(decapsulateProgram, options, "interface");
    for (const device of ["near", "far"]) attach(decapsulate, device, "ingress");
    for (const device of ["farA", "farB", "circuitB"]) attach(encapsulate, device, "ingress");
    attach(encapsulate, circuit, at);
    return {
      counted: () => [own, its].map((placement) => this.bench.counted(placement)),
      [Symbol.dispose]: () => {
        for (const link of links) link.close();
      },
    };
  }

  /** Fills the maps: two ends of one session, each with an entry for its circuit and one for its detour's far end. */
  #enter(options: ProgramOptions, circuit: string, deliver: "in" | "out", cut: boolean) {
    const index = (name: string) => this.#middle.inside(() => ifNameToIndex(name));
    const session = sessionOf(options);
    const far = {
      ...session,
      localSessionId: session.remoteSessionId,
      remoteSessionId: session.localSessionId,
    };
    const attachment = attachmentOf(options);
    const own = placementOf(options, {
      ...{
        circuitInterface: index(circuit),
        networkInterface: index("near"),
        detourInterface: index("nearA"),
      },
      ...{ packetOctets: 1600, cut, deliver },
    });
    const its: Placement = {
      ...own,
      ...{ slot: 4, localAddress: REMOTE[options.family], remoteAddress: LOCAL[options.family] },
      ...{
        circuitInterface: index("circuitB"),
        networkInterface: index("far"),
        detourInterface: index("nearB"),
      },
      ...{ nextHop: LOCAL[options.family], deliver: "out" as const },
    };
    this.bench.start(session, attachment, own);
    this.bench.clear(its);
    this.bench.sequences.update(slotKey(its.slot), new Uint8Array(24));
    for (const [parameters, placement, detour] of [
      [session, own, "farA"],
      [far, its, "farB"],
    ] as const) {
      const behind = { circuitInterface: index(detour), detourInterface: index(detour), cut: false };
      this.bench.circuits.update(...circuitEntry(parameters, attachment, placement));
      this.bench.circuits.update(...circuitEntry(parameters, attachment, { ...placement, ...behind }));
      this.bench.peers.update(...peerEntry(parameters, attachment, placement));
    }
    return [own, its] as const;
  }

  /** Sends octets to siteB and back by one TCP connection; resolves to how many came back as they were sent. */
  async echoed(first: First, version: "ipv4" | "ipv6", octets: number): Promise<unknown> {
    const address = firsts[first][version];
    const from = first === "host" ? this.#middle : this.#sites[0];
    const at = (namespace: TestNamespace, ...words: readonly string[]) =>
      new Conversation(["ip", "netns", "exec", namespace.name, process.execPath, BULK, ...words]);
    await using server = at(this.#sites[1], "echo", address);
    await server.next(LIMIT_MS);
    await using client = at(from, "call", address, `${octets}`);
    return await client.next(LIMIT_MS);
  }

  /** What crosses the network while something happens, as `far` takes it in and gives it out: a sample of at most so many. */
  async heard(most: number, during: Promise<unknown>): Promise<readonly Uint8Array[]> {
    const socket = this.#middle.inside(() => new FrameSocket("far"));
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
