import { mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countByEtherType } from "../../examples/write-an-ebpf-program.ts";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { type Line, label } from "../../src/bpf/line.ts";
import { list } from "../../src/bpf/listing.ts";
import {
  add,
  atomicAdd32,
  atomicAdd64,
  atomicFetchAdd32,
  atomicFetchAdd64,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfNotEqual,
  load8,
  load16,
  load32,
  load64,
  loadConstant,
  loadMapFd,
  loadMapValue,
  move,
  store8,
  store16,
  store32,
  store64,
  toBigEndian16,
} from "../../src/bpf/mnemonics.ts";
import { SKB_CONTEXT_OCTETS, skbContext } from "../../src/bpf/skb-context.ts";
import { VerifierError } from "../../src/bpf/verifier-error.ts";
import { concat, hex } from "../../src/bytes/hex.ts";
import type { BpfMap, BpfMapKind, BpfProgram } from "../../src/environment.ts";
import { run } from "../../src/lab/command.ts";
import { BpfSyscall, countCpus } from "../../src/os/bpf-syscall.ts";
import { SystemError } from "../../src/os/errors.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { listedTexts, tracedTexts } from "../support/bpf-text.ts";
import { eventually } from "../support/lab.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";

const { result, arg1, arg2, arg3, saved1, saved2, saved3, frame } = Register;

const LOOPBACK = 1;
const kernel = new BpfSyscall();
const frameOf = (etherType: Uint8Array, length = 64) =>
  concat(hex`020000000002 020000000001`, etherType, new Uint8Array(length - 14).fill(0xa5));
const ipv4 = frameOf(hex`0800`);

beforeAll(needBpf);

function u32(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return new Uint8Array(view.buffer);
}

function u64(value: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value, true);
  return new Uint8Array(view.buffer);
}

function numberIn(octets: Uint8Array | undefined): bigint | undefined {
  if (octets === undefined) return undefined;
  return new DataView(octets.buffer, octets.byteOffset).getBigUint64(0, true);
}

function load(name: string, lines: readonly Line[]): BpfProgram {
  return kernel.loadProgram({ name, octets: assemble(lines) });
}

/** The verdict of a program on an IPv4 frame. */
function verdictOf(lines: readonly Line[], data = ipv4): number {
  using program = load("verdict", lines);
  return program.run({ data }).verdict;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Whether a frame is of a type: its EtherType read out of the packet, behind a check that it is there. */
const isEtherType = (type: number): readonly Line[] => [
  load32(saved1, arg1, skbContext.data),
  load32(saved2, arg1, skbContext.dataEnd),
  move(result, 0),
  move(arg3, saved1),
  add(arg3, 14),
  jumpIfGreater(arg3, saved2, "done"),
  load16(arg2, saved1, 12),
  toBigEndian16(arg2),
  jumpIfNotEqual(arg2, type, "done"),
  move(result, 1),
  label("done"),
  exit(),
];

/** Adds 1 to the value of key 0. */
const count = (map: number): readonly Line[] => [
  store32(frame, -4, 0),
  loadMapFd(arg1, map),
  move(arg2, frame),
  add(arg2, -4),
  call("map_lookup_elem"),
  jumpIfEqual(result, 0, "missing"),
  load64(arg1, result, 0),
  add(arg1, 1),
  store64(result, 0, arg1),
  label("missing"),
  move(result, 0),
  exit(),
];

describe("programs run in the kernel as they were written", () => {
  test.each([0, 2, 7, -1, 0x7fff_ffff])("the verdict %d comes back", (verdict) => {
    expect(verdictOf([move(result, verdict), exit()])).toBe(verdict);
  });

  test("the packet is reached directly, behind a check of its bounds", () => {
    expect(verdictOf(isEtherType(0x0800))).toBe(1);
    expect(verdictOf(isEtherType(0x86dd))).toBe(0);
    expect(verdictOf(isEtherType(0x86dd), frameOf(hex`86dd`))).toBe(1);
  });

  test("the packet is written and made longer; what became of it comes back", () => {
    using program = load("write", [
      move(saved1, arg1),
      move(arg2, 80),
      move(arg3, 0),
      call("skb_change_tail"),
      jumpIfNotEqual(result, 0, "end"),
      load32(saved2, saved1, skbContext.data),
      load32(saved3, saved1, skbContext.dataEnd),
      move(arg1, saved2),
      add(arg1, 14),
      jumpIfGreater(arg1, saved3, "end"),
      loadConstant(arg2, 0x0102_0304_0506_0708n),
      store64(saved2, 0, arg2),
      label("end"),
      exit(),
    ]);
    const { verdict, data } = program.run({ data: ipv4 });
    expect(verdict).toBe(0);
    expect(data).toEqual(concat(hex`0807060504030201`, ipv4.subarray(8), new Uint8Array(16)));
    expect(() => program.run({ data: ipv4, growthOctets: 8 })).toThrow(
      'run a BPF program: ENOSPC (program "write"); with 64 octets, 8 to grow by, no context',
    );
    expect(() => program.run({ data: new Uint8Array(13) })).toThrow(SystemError);
  });

  test("the context goes in and comes out", () => {
    using program = load("context", [
      load32(result, arg1, skbContext.mark),
      store32(arg1, skbContext.scratch, result),
      store32(arg1, skbContext.mark, 77),
      exit(),
    ]);
    const context = new Uint8Array(SKB_CONTEXT_OCTETS);
    context.set(u32(4711), skbContext.mark);
    const after = program.run({ data: ipv4, context });
    expect(after.verdict).toBe(4711);
    const view = new DataView(after.context.buffer);
    expect(view.getUint32(skbContext.mark, true)).toBe(77);
    expect(view.getUint32(skbContext.scratch, true)).toBe(4711);
    expect(program.run({ data: ipv4 })).toMatchObject({ verdict: 0, context: new Uint8Array(0) });
  });

  test("redirect answers with its verdict", () => {
    const lines = [move(arg1, LOOPBACK), move(arg2, 0), call("redirect"), exit()];
    expect(verdictOf(lines)).toBe(7);
  });

  test("a program has its name, a number, and a time that a run takes", () => {
    using program = load("named.one", [move(result, 0), exit()]);
    expect(program).toMatchObject({ name: "named.one", log: "" });
    expect(program.id).toBeGreaterThan(0);
    expect(program.run({ data: ipv4, repeat: 1000 }).durationNs).toBeGreaterThan(0);
  });
});

describe("maps", () => {
  const kinds: readonly BpfMapKind[] = ["array", "hash", "lruHash"];

  test.each(kinds)("a program counts in a map of kind %s, and we read what it counted", (kind) => {
    using map = kernel.createMap({ kind, name: "count", keyOctets: 4, valueOctets: 8, maxEntries: 4 });
    using program = load("count", count(map.fd));
    program.run({ data: ipv4, repeat: 5 });
    expect(numberIn(map.lookUp(u32(0)))).toBe(kind === "array" ? 5n : undefined);
    map.update(u32(0), u64(1n << 40n));
    program.run({ data: ipv4, repeat: 3 });
    expect(numberIn(map.lookUp(u32(0)))).toBe((1n << 40n) + 3n);
    expect(map.id).toBeGreaterThan(0);
  });

  test.each(["perCpuArray", "perCpuHash"] as const)(
    "in one of kind %s each CPU counts for itself",
    (kind) => {
      using map = kernel.createMap({ kind, name: "count", keyOctets: 4, valueOctets: 12, maxEntries: 4 });
      using program = load("count", count(map.fd));
      map.update(u32(0), concat(u64(100n), u32(9)));
      program.run({ data: ipv4, repeat: 7 });
      const values = map.lookUpPerCpu(u32(0)) ?? [];
      expect(values.length).toBe(kernel.possibleCpus);
      for (const value of values) expect(value.subarray(8)).toEqual(u32(9));
      const sum = values.reduce((total, value) => total + (numberIn(value) ?? 0n), 0n);
      expect(sum).toBe(100n * BigInt(values.length) + 7n);
      expect(() => map.lookUp(u32(0))).toThrow('map "count" is per CPU: use lookUpPerCpu');
    },
  );

  test("a value is reached without a look-up, and added to in one piece", () => {
    using map = kernel.createMap({
      kind: "array",
      name: "value",
      keyOctets: 4,
      valueOctets: 16,
      maxEntries: 1,
    });
    using program = load("atomic", [
      loadMapValue(saved1, map.fd, 8),
      move(saved2, 3),
      atomicAdd64(saved1, 0, saved2),
      atomicFetchAdd64(saved1, 0, saved2),
      move(result, saved2),
      exit(),
    ]);
    expect([1, 2].map(() => program.run({ data: ipv4 }).verdict)).toEqual([3, 9]);
    expect(map.lookUp(u32(0))).toEqual(concat(u64(0n), u64(12n)));
  });

  test("keys come, are listed, and go", () => {
    using map = kernel.createMap({
      ...{ kind: "hash", name: "keys", keyOctets: 6, valueOctets: 2, maxEntries: 8, onDemand: true },
    });
    const key = (n: number) => Uint8Array.of(n, 1, 2, 3, 4, 5);
    expect(map.keys()).toEqual([]);
    for (let n = 1; n <= 3; n += 1) map.update(key(n), Uint8Array.of(n, 0));
    expect([...map.keys()].sort((a, b) => a[0]! - b[0]!)).toEqual([key(1), key(2), key(3)]);
    expect(map.lookUp(key(2))).toEqual(Uint8Array.of(2, 0));
    expect([map.remove(key(2)), map.remove(key(2))]).toEqual([true, false]);
    expect(map.lookUp(key(2))).toBeUndefined();
    expect(() => map.update(key(1), Uint8Array.of(0, 0), "onlyNew")).toThrow(
      'update a BPF map: EEXIST (map "keys")',
    );
    expect(() => map.update(key(7), Uint8Array.of(0, 0), "onlyExisting")).toThrow("ENOENT");
    expect(() => map.update(key(1), Uint8Array.of(0))).toThrow('map "keys": a value has 2 octets, not 1');
    expect(() => map.lookUp(u32(1))).toThrow('map "keys": a key has 6 octets, not 4');
  });

  test.each(["hash", "array", "perCpuArray"] as const)(
    "a batch fills a map of kind %s in one call",
    (kind) => {
      using map = kernel.createMap({ kind, name: "batch", keyOctets: 4, valueOctets: 8, maxEntries: 1000 });
      map.updateBatch([]);
      map.updateBatch(Array.from({ length: 1000 }, (_, n) => [u32(n), u64(BigInt(n * n))] as const));
      expect(map.keys().length).toBe(1000);
      const value = kind === "perCpuArray" ? map.lookUpPerCpu(u32(999))?.at(-1) : map.lookUp(u32(999));
      expect(numberIn(value)).toBe(998_001n);
    },
  );

  test.each(["hash", "array"] as const)("all entries of a map of kind %s are read by batches", (kind) => {
    for (const entries of [0, 1, 1024, 5000]) {
      const sizes = { keyOctets: 4, valueOctets: 8, maxEntries: Math.max(entries, 1) };
      using map = kernel.createMap({ kind, name: "entries", ...sizes });
      map.updateBatch(Array.from({ length: entries }, (_, n) => [u32(n), u64(BigInt(n * n))] as const));
      const read = [...map.entries()].map(
        ([key, value]) => [numberIn(concat(key, u32(0))), numberIn(value)] as const,
      );
      const wanted = Array.from({ length: kind === "array" ? Math.max(entries, 1) : entries }, (_, n) => [
        BigInt(n),
        BigInt(n * n),
      ]);
      expect(read.sort(([a = 0n], [b = 0n]) => Number(a - b))).toEqual(wanted);
    }
  });

  test("the first entries of a per-CPU array are read by batches", () => {
    const sizes = { keyOctets: 4, valueOctets: 12, maxEntries: 3000 };
    using map = kernel.createMap({ kind: "perCpuArray", name: "entries", ...sizes });
    map.updateBatch(
      Array.from({ length: 3000 }, (_, n) => [u32(n), concat(u64(BigInt(n)), u32(9))] as const),
    );
    for (const count of [0, 1, 1024, 2500, 3000, 4000]) {
      let read = 0;
      for (const values of map.firstPerCpu(count)) {
        const each = Array.from({ length: kernel.possibleCpus }, () => concat(u64(BigInt(read)), u32(9)));
        expect(values).toEqual(each);
        read += 1;
      }
      expect(read).toBe(Math.min(count, 3000));
    }
    expect(() => [...map.entries()]).toThrow('map "entries" is per CPU: use firstPerCpu');
  });

  test("a batch that is too long tells how far it came", () => {
    using map = kernel.createMap({
      kind: "array",
      name: "batch",
      keyOctets: 4,
      valueOctets: 8,
      maxEntries: 3,
    });
    const entries = Array.from({ length: 5 }, (_, n) => [u32(n), u64(1n)] as const);
    expect(() => map.updateBatch(entries)).toThrow(
      'update a BPF map by a batch: E2BIG (map "batch"); 3 of 5 were stored',
    );
  });

  test.each([
    ["keyOctets of an array", { kind: "array", keyOctets: 8 }, "EINVAL"],
    ["no entries", { kind: "hash", maxEntries: 0 }, "EINVAL"],
    ["memory beyond all", { kind: "hash", maxEntries: 0x7fff_ffff, valueOctets: 1 << 20 }, "E"],
  ] as const)("%s is refused by the kernel", (_, change, errno) => {
    const description = { name: "bad", keyOctets: 4, valueOctets: 8, maxEntries: 1, ...change };
    const create = () => kernel.createMap(description);
    expect(create).toThrow(SystemError);
    expect(create).toThrow(`create a BPF map of kind ${change.kind}: ${errno}`);
  });

  test.each(["", "sixteen.letters_", "a-b"])("%j is no name", (name) => {
    const make = () => kernel.createMap({ kind: "hash", name, keyOctets: 4, valueOctets: 4, maxEntries: 1 });
    expect(make).toThrow(`${JSON.stringify(name)} is no name of a BPF object`);
  });
});

/** Programs that the verifier refuses, with the line that tells. */
const refused: readonly [string, readonly Line[], RegExp, number][] = [
  [
    "reads beyond its context",
    [load32(result, arg1, 2000), exit()],
    /^invalid bpf_context access off=2000 size=4/,
    0,
  ],
  ["gives back what it never set", [exit()], /^R0 !read_ok/, 0],
  [
    "reads the packet without a check of its bounds",
    [load32(saved1, arg1, skbContext.data), load8(result, saved1, 12), exit()],
    /^(?:R6 offset is outside of the packet|invalid access to packet, off=12 size=1)/,
    1,
  ],
  [
    "follows a look-up that may have found nothing",
    [
      store32(frame, -4, 0),
      loadMapFd(arg1, 0),
      move(arg2, frame),
      add(arg2, -4),
      call("map_lookup_elem"),
      load64(result, result, 0),
      exit(),
    ],
    /^R0 invalid mem access 'map_value_or_null'/,
    6,
  ],
  [
    "never ends",
    [move(result, 0), label("again"), jumpIfEqual(result, 0, "again"), exit()],
    /infinite loop detected/,
    1,
  ],
  [
    "calls what nobody has",
    [call(9999), exit()],
    /^(?:invalid func unknown#9999|.*program of this type cannot use helper)/,
    0,
  ],
];

test("the example counts packets by EtherType", () => {
  using map = kernel.createMap({ kind: "hash", name: "types", keyOctets: 4, valueOctets: 8, maxEntries: 2 });
  using program = load("types", countByEtherType({ map: map.fd }));
  const types = [hex`0800`, hex`0806`, hex`0800`, hex`86dd`, hex`0800`];
  for (const type of types) expect(program.run({ data: frameOf(type) }).verdict).toBe(-1);
  const counts = [0x0800, 0x0806, 0x86dd].map((type) => numberIn(map.lookUp(u32(type))));
  expect(counts).toEqual([3n, 1n, undefined]);
});

describe("what the kernel refuses", () => {
  test.each(refused)("a program that %s: the message is the line that tells", (_, lines, telling, slot) => {
    using map = kernel.createMap({ kind: "hash", name: "any", keyOctets: 4, valueOctets: 8, maxEntries: 1 });
    const own = lines.map((line) =>
      line.kind === "step" && line.instruction.opcode === 0x18 ? loadMapFd(arg1, map.fd) : line,
    );
    let caught: unknown;
    try {
      load("refused", own).close();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(VerifierError);
    const error = caught as VerifierError;
    expect(error.telling).toMatch(telling);
    expect(error.message).toContain(
      `load program "refused": ${error.errno}; the verifier refuses it: ${error.telling}`,
    );
    expect(error.slot).toBe(slot);
    expect(error.log).toContain(error.telling);
  });

  test("a program that is none at all is an error of the call", () => {
    expect(() => kernel.loadProgram({ name: "none", octets: new Uint8Array(0) })).toThrow(
      "load a BPF program: E2BIG (none)",
    );
  });

  test("without rights the hint says which are needed", () => {
    process.seteuid?.(65534);
    try {
      expect(() => load("rights", [move(result, 0), exit()])).toThrow(
        "load a BPF program: EPERM (rights); needs CAP_BPF and CAP_NET_ADMIN in the first user namespace",
      );
    } finally {
      process.seteuid?.(0);
    }
  });

  test("failures leave no descriptor open, and their logs no memory", () => {
    const before = openDescriptors();
    for (let n = 0; n < 300; n += 1) expect(() => load("leak", [exit()])).toThrow(VerifierError);
    expect(() => kernel.openMap("/nowhere")).toThrow("open the pinned map: ENOENT (/nowhere)");
    expect(openDescriptors()).toBe(before);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(128 * 1024 * 1024);
  });

  test("what was closed is not used again, and closed twice is once", () => {
    const before = openDescriptors();
    const program = load("closed", [move(result, 0), exit()]);
    expect(openDescriptors()).toBe(before + 1);
    program.close();
    program[Symbol.dispose]();
    expect(openDescriptors()).toBe(before);
    expect(() => program.run({ data: ipv4 })).toThrow('program "closed": used after close');
  });
});

test("the text of loads, stores, calls and constants is what the verifier writes when it traces them", () => {
  const lines: readonly Line[] = [
    move(saved1, arg1),
    loadConstant(saved2, 0x0123_4567_89ab_cdefn),
    ...[store64, store32, store16, store8].flatMap((store) => [
      store(frame, -8, saved2),
      store(frame, -16, -1),
    ]),
    store64(frame, -16, 5),
    atomicAdd32(frame, -8, saved2),
    atomicAdd64(frame, -16, saved2),
    atomicFetchAdd32(frame, -8, saved2),
    atomicFetchAdd64(frame, -16, saved2),
    ...[load64, load32, load16, load8].map((load) => load(saved3, frame, -16)),
    call("get_prandom_u32"),
    jump("next"),
    label("next"),
    move(arg1, saved1),
    ...isEtherType(0x0800),
  ];
  using program = kernel.loadProgram({ name: "trace", octets: assemble(lines), trace: true });
  const written = tracedTexts(program.log);
  expect(written).toEqual(listedTexts(list(lines)));
  expect(written.length).toBe(lines.filter(({ kind }) => kind === "step").length);
});

test("possible CPUs are counted from ranges", () => {
  expect(["0\n", "0-3\n", "0-1,4,6-7"].map(countCpus)).toEqual([1, 4, 5]);
});

describe("a link at an interface", () => {
  const name = `wirespan-bpf-${process.pid}`;
  let namespace: TestNamespace;

  beforeAll(async () => {
    namespace = await TestNamespace.make(name);
    await namespace.ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev left nud permanent");
  });
  afterAll(() => namespace?.[Symbol.asyncDispose]());

  /** Sends frames from `left`, which nobody answers. */
  const send = (frames: number) =>
    namespace.exec("ping", "-q", "-c", `${frames}`, "-i", "0.01", "-W", "0.1", "192.0.2.2");
  const countMap = () =>
    kernel.createMap({ kind: "array", name: "count", keyOctets: 4, valueOctets: 8, maxEntries: 1 });

  /** Attaches to a port of the namespace. */
  const attach = (program: BpfProgram, port: string, at: "ingress" | "egress") =>
    namespace.inside(() => kernel.attach(program, ifNameToIndex(port), at));
  const attached = (port: string, at: "ingress" | "egress") =>
    namespace.inside(() => kernel.attached(ifNameToIndex(port), at));
  const counted = (map: BpfMap) => Number(numberIn(map.lookUp(u32(0))));

  test.each([
    ["right", "ingress"],
    ["left", "egress"],
  ] as const)(
    "at %s's %s a program counts every frame, is replaced without a gap, and is gone after close",
    async (port, at) => {
      using first = countMap();
      using second = countMap();
      using program = load("first", count(first.fd));
      using next = load("second", count(second.fd));
      using link = attach(program, port, at);
      expect(attached(port, at)).toEqual([program.id]);
      expect(link.programId).toBe(program.id);
      expect(link.interfaceIndex).toBe(namespace.inside(() => ifNameToIndex(port)));
      await send(10);
      await eventually("ten frames are counted", () => Promise.resolve(counted(first) >= 10));
      expect(counted(first)).toBe(10);
      link.update(next);
      expect(link.programId).toBe(next.id);
      await send(5);
      await eventually("five more are", () => Promise.resolve(counted(second) >= 5));
      link.close();
      expect(attached(port, at)).toEqual([]);
      await send(3);
      expect([counted(first), counted(second)]).toEqual([10, 5]);
    },
  );

  test("several programs run in their order until one decides; a detached link has no interface", () => {
    using next = load("next", [move(result, -1), exit()]);
    using drop = load("drop", [move(result, 2), exit()]);
    using first = attach(next, "right", "ingress");
    using second = attach(drop, "right", "ingress");
    expect(attached("right", "ingress")).toEqual([next.id, drop.id]);
    first.detach();
    expect(first.interfaceIndex).toBe(0);
    expect(attached("right", "ingress")).toEqual([drop.id]);
    expect(second.interfaceIndex).toBeGreaterThan(0);
  });

  test("an interface that is not there is named, and what would be needed", () => {
    using program = load("nowhere", [move(result, 0), exit()]);
    expect(() => namespace.inside(() => kernel.attach(program, 4711, "ingress"))).toThrow(
      'attach program "nowhere": ENODEV (ingress of interface 4711); ' +
        "needs an interface of this network namespace",
    );
    expect(() => namespace.inside(() => kernel.attached(4711, "egress"))).toThrow("ENODEV");
  });

  test("what is pinned goes on without us, is opened again, and is told from other kinds", async () => {
    const directory = mkdtempSync(join(tmpdir(), "wirespan-bpf-"));
    await run(["mount", "-t", "bpf", "bpf", directory]);
    const path = (file: string) => join(directory, file);
    try {
      {
        using map = countMap();
        using program = load("pinned", count(map.fd));
        using link = attach(program, "right", "ingress");
        map.pin(path("map"));
        program.pin(path("program"));
        link.pin(path("link"));
        expect(() => map.pin(path("map"))).toThrow("EEXIST");
      }
      await send(4);
      using map = kernel.openMap(path("map"));
      using program = kernel.openProgram(path("program"));
      using link = kernel.openLink(path("link"));
      expect(map.description).toEqual({
        ...{ kind: "array", name: "count", keyOctets: 4, valueOctets: 8, maxEntries: 1, onDemand: false },
      });
      await eventually("four frames are counted", () => Promise.resolve(counted(map) >= 4));
      expect(program.name).toBe("pinned");
      expect(link.programId).toBe(program.id);
      const before = openDescriptors();
      expect(() => kernel.openMap(path("link"))).toThrow(
        `open the pinned map: EINVAL (${path("link")}); it is a bpf`,
      );
      expect(() => kernel.openLink(path("program"))).toThrow("it is a bpf-prog");
      expect(openDescriptors()).toBe(before);
    } finally {
      await run(["umount", directory]);
      rmdirSync(directory);
    }
    expect(attached("right", "ingress")).toEqual([]);
  });
});
