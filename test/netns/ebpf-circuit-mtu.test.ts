import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SKB_CONTEXT_OCTETS, skbContext } from "../../src/bpf/skb-context.ts";
import { toHex } from "../../src/bytes/hex.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { everyDecapsulation, type ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import { canSetDecapsulatedProtocol } from "../../src/os/bpf-probe.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { Bench, messageOf, received, told } from "../support/ebpf-bench.ts";
import { attachmentOf, nameOf, packetAround, placementOf, sessionOf } from "../support/ebpf-session.ts";
import { frameOf } from "../support/frames.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";
import { type PacketShape, packetOf, plainPacket } from "../support/packets.ts";

/**
 * Frames from the network that are longer than the circuit's interface takes, run by the kernel on packets
 * from nowhere.
 */

const MTU = 1300;
const LINK_OCTETS = 14;
const TAG = "8100006f";
const plain = { mishap: "none", number: undefined, part: 1, bit: 0 } as const;

let namespace: TestNamespace;
let entered: Disposable;
let bench: Bench;
let circuit: number;

beforeAll(async () => {
  needBpf();
  namespace = await TestNamespace.make(`wst-circuit-mtu-${process.pid}`);
  await namespace.ip("link set lo up");
  await namespace.ip(`link set left mtu ${MTU}`);
  entered = namespace.enter();
  circuit = ifNameToIndex("left");
  bench = new Bench();
});

afterAll(async () => {
  bench?.[Symbol.dispose]();
  entered?.[Symbol.dispose]();
  await namespace?.[Symbol.asyncDispose]();
});

const kinds = everyDecapsulation().filter(
  ({ cookieOctets, sublayer, readsProtocol }) =>
    cookieOctets === 8 && !sublayer && (readsProtocol === true || canSetDecapsulatedProtocol()),
);

/** The outcome for a message with this frame. */
function outcome(options: ProgramOptions, frame: Uint8Array, deliver: "out" | "in" = "out"): string {
  const session = sessionOf(options);
  const placement = placementOf(options, { circuitInterface: circuit, deliver });
  bench.start(session, attachmentOf(options), placement);
  const message = messageOf(options, session, { ...plain, frame });
  return received(bench, options, placement, packetAround(options, message));
}

describe.each(kinds.map((options) => [nameOf(options), options] as const))("%s", (_, options) => {
  const tags = options.vlan === "vlan" ? [TAG] : [];
  const longest = MTU + LINK_OCTETS + 4 + 4 * tags.length;

  test("what the interface takes is delivered, and one octet more is given up and counted", () => {
    for (const type of ["0800", "86dd", "88b5"]) {
      const frame = frameOf({ tags, type, length: longest });
      expect(outcome(options, frame).length).toBe(2 * longest);
      expect(outcome(options, frameOf({ tags, type, length: longest + 1 }))).toBe("circuit-error");
      expect(outcome(options, frameOf({ tags, type, length: longest + 1 }), "in").length).toBe(
        2 * longest + 2,
      );
    }
  });

  test("the outer tag needs no room, and what is short is not measured", () => {
    const tagged = [...tags, TAG];
    const most = MTU + LINK_OCTETS + 8;
    expect(outcome(options, frameOf({ tags: tagged, length: most })).length).toBe(2 * most);
    expect(outcome(options, frameOf({ tags: tagged, length: most + 1 }))).toBe("circuit-error");
    expect(outcome(options, frameOf({ tags, length: 82 }))).toHaveLength(164);
  });
});

const shape: PacketShape = {
  ...plainPacket,
  payload: Uint8Array.from({ length: 3000 }, (_, index) => index),
};

test("of a GSO packet the longest segment is measured; too long, it is segmented first", () => {
  const headers = 40;
  const exceptionPath = { entry: 98, exit: 99 };
  for (const options of kinds.filter((kind) => kind.encapsulation === "udp" && kind.vlan === "port")) {
    const session = sessionOf(options);
    const message = messageOf(options, session, { ...plain, frame: packetOf(shape).frame });
    const run = (gsoOctets: number, networkExceptionPath?: typeof exceptionPath) => {
      const placement = placementOf(options, { circuitInterface: circuit, networkExceptionPath });
      bench.start(session, attachmentOf(options), placement);
      const context = new Uint8Array(SKB_CONTEXT_OCTETS);
      new DataView(context.buffer).setUint32(skbContext.gsoSize, gsoOctets, true);
      const { verdict, data } = bench
        .program(decapsulateProgram, options)
        .run({ data: packetAround(options, message), context });
      return told(verdict, () => data, bench.counted(placement));
    };
    // A test run's GSO packet is of no kind, and the kernel refuses to take headers off one: it passes once
    // it was measured.
    expect(run(MTU + 4 - headers), nameOf(options)).toBe("pass");
    expect(run(MTU + 4 - headers, exceptionPath), nameOf(options)).toBe("pass");
    expect(run(MTU + 5 - headers, exceptionPath), nameOf(options)).toBe(
      toHex(packetAround(options, message)),
    );
    expect(run(MTU + 5 - headers), "where there is no exception path").toBe("circuit-error");
  }
});

test("an interface that is gone takes nothing", () => {
  for (const options of kinds) {
    const session = sessionOf(options);
    const placement = placementOf(options, { circuitInterface: 999_999 });
    bench.start(session, attachmentOf(options), placement);
    const frame = frameOf({ tags: options.vlan === "vlan" ? [TAG] : [], length: 200 });
    const message = messageOf(options, session, { ...plain, frame });
    expect(received(bench, options, placement, packetAround(options, message))).toBe("circuit-error");
  }
});
