import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import { type Line, label } from "../../src/bpf/line.ts";
import {
  add,
  call,
  exit,
  jumpIfAtMost,
  jumpIfLess,
  load32,
  load64,
  loadMapValue,
  move,
  store32,
  store64,
} from "../../src/bpf/mnemonics.ts";
import { skbContext } from "../../src/bpf/skb-context.ts";
import { concat, toHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import type { BpfLink, BpfMap, BpfProgram } from "../../src/environment.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { circuitEntry, type Placement, peerEntry } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import { everyOption, type ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import { decapsulate, encapsulate, newSequenceState } from "../../src/forwarding/encapsulation.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { Bench, indexKey } from "../support/ebpf-bench.ts";
import { attachmentOf, LOCAL, nameOf, placementOf, REMOTE, sessionOf } from "../support/ebpf-session.ts";
import { frameOf, padded, specialFrames } from "../support/frames.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";

/**
 * Both programs at interfaces of a namespace: what is sent at site A crosses the network between `wanA` and
 * `wanB` and is recorded at site B.
 *  siteA - circuitA [encapsulate] wanA - wanB [decapsulate] circuitB - siteB [record]
 */

const { result, arg1, arg2, arg3, arg4, saved1, saved2 } = Register;
const kernel = new BpfSyscall();
const RECORD_OCTETS = 2048;
const FRAME = 32;
const MOST_TRIES = 20_000;

/** Writes what comes in into the map's only value, counts it, and lets it go no further. */
function recorder(map: number): readonly Line[] {
  const { length, vlanPresent, vlanTci, vlanProtocol, protocol } = skbContext;
  return [
    move(saved1, arg1),
    loadMapValue(saved2, map),
    ...[length, vlanPresent, vlanTci, vlanProtocol, protocol].flatMap((field, index) => [
      load32(arg1, saved1, field),
      store32(saved2, 8 + 4 * index, arg1),
    ]),
    load32(arg4, saved1, length),
    jumpIfAtMost(arg4, RECORD_OCTETS - FRAME, "short"),
    move(arg4, RECORD_OCTETS - FRAME),
    label("short"),
    jumpIfLess(arg4, 1, "end"),
    move(arg1, saved1),
    move(arg2, 0),
    move(arg3, saved2),
    add(arg3, FRAME),
    call("skb_load_bytes"),
    load64(arg1, saved2, 0),
    add(arg1, 1),
    store64(saved2, 0, arg1),
    label("end"),
    move(result, verdicts.drop),
    exit(),
  ];
}

/** Sends its packet, truncated to so many octets, at an interface. */
function sender(interfaceIndex: number, octets?: number): readonly Line[] {
  const truncate = [move(arg1, saved1), move(arg2, octets ?? 0), move(arg3, 0), call("skb_change_tail")];
  return [
    move(saved1, arg1),
    ...(octets === undefined ? [] : truncate),
    move(arg1, saved1),
    move(arg2, interfaceIndex),
    move(arg3, 0),
    call("clone_redirect"),
    exit(),
  ];
}

let namespace: TestNamespace;
let bench: Bench;
let record: BpfMap;
const open: (BpfProgram | BpfLink | BpfMap)[] = [];
let links: { readonly circuit: BpfLink; readonly network: BpfLink };
let indexOf: (name: string) => number;

async function addPair(name: string, peer: string): Promise<void> {
  await namespace.ip(`link add ${name} type veth peer name ${peer}`);
  for (const each of [name, peer]) await namespace.ip(`link set ${each} mtu 1600 up`);
}

function load(name: string, lines: readonly Line[]): BpfProgram {
  const program = kernel.loadProgram({ name, octets: assemble(lines) });
  open.push(program);
  return program;
}

beforeAll(async () => {
  needBpf();
  bench = new Bench();
  namespace = await TestNamespace.make(`wirespan-ebpf-${process.pid}`);
  await addPair("siteA", "circuitA");
  await addPair("wanA", "wanB");
  await addPair("siteB", "circuitB");
  await namespace.ip("link set wanB address 02:00:00:00:00:fa");
  await namespace.exec("sysctl", "-qw", "net.ipv6.conf.wanA.disable_ipv6=0");
  await namespace.ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:fa dev wanA nud permanent");
  await namespace.ip("neigh add 2001:db8::2 lladdr 02:00:00:00:00:fa dev wanA nud permanent");
  indexOf = (name) => namespace.inside(() => ifNameToIndex(name));
  record = kernel.createMap({
    ...{ kind: "array", name: "record", keyOctets: 4, valueOctets: RECORD_OCTETS, maxEntries: 1 },
  });
  const attach = (program: BpfProgram, port: string): BpfLink => {
    const link = namespace.inside(() => kernel.attach(program, ifNameToIndex(port), "ingress"));
    open.push(link);
    return link;
  };
  const first = everyOption()[0]!;
  attach(load("recorder", recorder(record.fd)), "siteB");
  links = {
    circuit: attach(bench.program(encapsulateProgram, first, "interface"), "circuitA"),
    network: attach(bench.program(decapsulateProgram, first, "interface"), "wanB"),
  };
});

afterAll(async () => {
  for (const each of open.reverse()) each.close();
  record?.close();
  bench?.[Symbol.dispose]();
  await namespace?.[Symbol.asyncDispose]();
});

/** Puts both programs of this kind in place, and the two ends of a session into their maps. */
function start(options: ProgramOptions) {
  const session = sessionOf(options);
  const peerSession = { ...session, localSessionId: session.remoteSessionId };
  const attachment = attachmentOf(options);
  const own = placementOf(options, {
    circuitInterface: indexOf("circuitA"),
    networkInterface: indexOf("wanA"),
  });
  const its: Placement = {
    ...own,
    sessionIndex: 4,
    circuitInterface: indexOf("circuitB"),
    localAddress: REMOTE[options.family],
    remoteAddress: LOCAL[options.family],
  };
  for (const placement of [own, its]) bench.start(session, attachment, placement);
  bench.circuits.update(...circuitEntry(session, attachment, own));
  bench.peers.update(...peerEntry(peerSession, attachment, its));
  links.circuit.update(bench.program(encapsulateProgram, options, "interface"));
  links.network.update(bench.program(decapsulateProgram, options, "interface"));
  return { session, peerSession, attachment, own, its };
}

/** The frame that site B got, its tag back in place; waits for it. */
async function recorded(why: () => string): Promise<string> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const value = record.lookUp(indexKey(0)) ?? new Uint8Array(0);
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    if (view.getUint32(0, true) > 0) {
      const frame = value.subarray(FRAME, FRAME + view.getUint32(8, true));
      if (view.getUint32(12, true) === 0) return toHex(frame);
      const tag = new Writer().u16(swapped(view.getUint32(20, true))).u16(view.getUint32(16, true));
      return toHex(concat(frame.subarray(0, 12), tag.finish(), frame.subarray(12)));
    }
    await setImmediate();
  }
  throw new Error(`nothing came to site B; ${why()}`);
}

function swapped(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

const frames = {
  ...{ IPv4: frameOf({ length: 100 }), IPv6: frameOf({ type: "86dd", length: 100 }) },
  ...{
    "IPv4 of 34 octets": frameOf({ length: 34 }),
    "IPv6 of 54 octets": frameOf({ type: "86dd", length: 54 }),
  },
  ARP: frameOf({ to: "ffffffffffff", type: "0806" }),
  LLDP: specialFrames.LLDP,
  "15 octets": frameOf({ type: "88b5", length: 15 }),
  "longest without tag": specialFrames["longest without tag"],
  "VLAN 111, IPv4": frameOf({ tags: ["8100a06f"], length: 80 }),
  "VLAN 111, ARP": frameOf({ tags: ["8100006f"], type: "0806", length: 64 }),
  "QinQ, IPv6": frameOf({ tags: ["8100006f", "810000c8"], type: "86dd", length: 120 }),
  "longest with a tag": specialFrames["longest with a tag"],
} as const;

/** Every combination, and those of which a kernel before Linux 6.3 has the protocol read. */
const kinds = [
  ...everyOption(),
  ...everyOption()
    .filter(({ cookieOctets, sublayer }) => cookieOctets === 4 && !sublayer)
    .map((options) => ({ ...options, readsProtocol: true })),
];

describe.each(kinds.map((options) => [nameOf(options), options] as const))("%s", (_, options) => {
  test("frames arrive as the reference says", async () => {
    const { session, peerSession, attachment, own, its } = start(options);
    const [sending, receiving] = [newSequenceState(), newSequenceState()];
    using send = namespace.inside(() =>
      kernel.loadProgram({ name: "sender", octets: assemble(sender(ifNameToIndex("siteA"))) }),
    );
    for (const [name, frame] of Object.entries(frames)) {
      const message = encapsulate(frame, session, attachment, sending);
      if (typeof message === "string") continue;
      const outcome = decapsulate(message, peerSession, attachment, receiving);
      record.update(indexKey(0), new Uint8Array(RECORD_OCTETS));
      namespace.inside(() => send.run({ data: frame }));
      const why = () => JSON.stringify([name, bench.counted(own), bench.counted(its)]);
      expect(await recorded(why), name).toBe(toHex(outcome as Uint8Array));
    }
  });
});

const plain = everyOption().filter(
  ({ cookieOctets, sublayer, vlan }) => cookieOctets === 8 && !sublayer && vlan === "port",
);

test.each(plain.map((options) => [nameOf(options), options] as const))(
  "%s: a frame that is nothing but its header arrives, padded",
  async (_, options) => {
    const { own, its } = start(options);
    using send = namespace.inside(() =>
      kernel.loadProgram({ name: "sender", octets: assemble(sender(ifNameToIndex("siteA"), 14)) }),
    );
    const frame = frameOf({ type: "88b5", length: 15 });
    record.update(indexKey(0), new Uint8Array(RECORD_OCTETS));
    namespace.inside(() => send.run({ data: frame }));
    const why = () => JSON.stringify([bench.counted(own), bench.counted(its)]);
    expect(await recorded(why)).toBe(toHex(padded(frame.subarray(0, 14))));
    expect(bench.counted(own).transmittedOctets).toBe(14);
  },
);
