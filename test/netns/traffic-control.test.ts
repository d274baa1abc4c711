import { createSocket } from "node:dgram";
import { mkdtempSync, rmdirSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import { label } from "../../src/bpf/line.ts";
import {
  add,
  atomicAdd64,
  call,
  exit,
  jumpIfEqual,
  loadMapFd,
  move,
  store32,
} from "../../src/bpf/mnemonics.ts";
import type { BpfMap, BpfProgram } from "../../src/environment.ts";
import { run } from "../../src/lab/command.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { type AttachmentKind, TrafficControl } from "../../src/os/traffic-control.ts";
import { eventually } from "../support/lab.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";

const { result, arg1, arg2, frame } = Register;
const kernel = new BpfSyscall();

let namespace: TestNamespace;
let entered: Disposable;
let left: number;
let right: number;

beforeAll(needBpf);

beforeEach(async () => {
  namespace = await TestNamespace.make("wst-tc");
  entered = namespace.enter();
  await namespace.ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev left");
  left = ifNameToIndex("left");
  right = ifNameToIndex("right");
});

afterEach(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

/** A program that counts frames and lets the next one decide. */
class Counter implements Disposable {
  readonly #map: BpfMap;
  readonly program: BpfProgram;

  constructor(name: string, verdict: number = verdicts.next) {
    this.#map = kernel.createMap({ kind: "array", name, keyOctets: 4, valueOctets: 8, maxEntries: 1 });
    const lines = [
      store32(frame, -4, 0),
      loadMapFd(arg1, this.#map.fd),
      move(arg2, frame),
      add(arg2, -4),
      call("map_lookup_elem"),
      jumpIfEqual(result, 0, "missing"),
      move(arg1, 1),
      atomicAdd64(result, 0, arg1),
      label("missing"),
      move(result, verdict),
      exit(),
    ];
    this.program = kernel.loadProgram({ name, octets: assemble(lines) });
  }

  get frames(): number {
    const value = this.#map.lookUp(new Uint8Array(4)) ?? new Uint8Array(8);
    return Number(new DataView(value.buffer).getBigUint64(0, true));
  }

  [Symbol.dispose](): void {
    this.program.close();
    this.#map.close();
  }
}

/** Sends one frame from left to right, as the stack does: one from our packet sockets goes past egress. */
async function send(): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) =>
    socket.send("frame", 9, "192.0.2.9", (error) => (error ? reject(error) : resolve())),
  );
  socket.close();
}

async function disciplines(): Promise<readonly string[]> {
  const { stdout } = await run(["tc", "-json", "qdisc", "show", "dev", "right"]);
  return (JSON.parse(stdout) as { kind: string }[]).map(({ kind }) => kind);
}

async function filters(at: "ingress" | "egress"): Promise<readonly string[]> {
  const { stdout } = await run(["tc", "-json", "filter", "show", "dev", "right", at]);
  const all = JSON.parse(stdout) as { options?: { bpf_name?: string } }[];
  return all.flatMap(({ options }) => options?.bpf_name ?? []);
}

describe.each<AttachmentKind>(["tcx", "clsact"])("a program attached by %s", (force) => {
  test("sees what comes in or goes out, is replaced in its place, and goes", async () => {
    using before = new Counter("before");
    using after = new Counter("after");
    using out = new Counter("out");
    const control = new TrafficControl({ force });
    const attachment = await control.attach(before.program, right, "ingress");
    const egress = await control.attach(out.program, left, "egress");
    expect(attachment).toMatchObject({ kind: force, interfaceIndex: right });
    await send();
    await eventually("the frame is counted", () => before.frames === 1 && out.frames === 1);
    await attachment.replace(after.program);
    await send();
    await eventually("the other program counts", () => after.frames === 1);
    await attachment.detach();
    await send();
    await eventually("the frame has left", () => out.frames === 3);
    await egress.detach();
    expect([before.frames, after.frames]).toEqual([1, 1]);
    expect(await disciplines()).toEqual(["noqueue"]);
  });

  test("runs after those that are there, if they leave it to the next one", async () => {
    using first = new Counter("first");
    using second = new Counter("second", verdicts.drop);
    using third = new Counter("third");
    const control = new TrafficControl({ force });
    for (const { program } of [first, second, third]) await control.attach(program, right, "ingress");
    await send();
    await eventually("the frame is counted", () => second.frames === 1);
    expect([first.frames, second.frames, third.frames]).toEqual([1, 1, 0]);
  });

  test("at an interface that is gone is gone, and at one that never was is refused", async () => {
    using counter = new Counter("counter");
    const control = new TrafficControl({ force });
    const attachment = await control.attach(counter.program, right, "ingress");
    await namespace.ip("link del left");
    await attachment.detach();
    attachment.close();
    await expect(control.attach(counter.program, 4711, "ingress")).rejects.toMatchObject({ errno: "ENODEV" });
  });
});

test("a program is attached by whatever the kernel has", async () => {
  using counter = new Counter("counter");
  const attachment = await new TrafficControl().attach(counter.program, right, "ingress");
  await send();
  await eventually("the frame is counted", () => counter.frames === 1);
  console.log(`whatever the kernel has: ${attachment.kind}`);
  await attachment.detach();
});

describe("filters", () => {
  test("outlive the process that made them, and are found by owner and program", async () => {
    using counter = new Counter("counter");
    using other = new Counter("other");
    using fresh = new Counter("fresh");
    const crashed = new TrafficControl({ owner: "west", force: "clsact" });
    await crashed.attach(counter.program, right, "ingress");
    await crashed.attach(other.program, right, "ingress");
    const east = new TrafficControl({ owner: "east", force: "clsact" });
    const neighbour = await east.attach(other.program, right, "ingress");
    const names = ["wirespan/west/counter", "wirespan/west/other", "wirespan/east/other"];
    expect(await filters("ingress")).toEqual(names);

    const next = new TrafficControl({ owner: "west" });
    const left = await next.leftOvers(right, "ingress");
    expect([...left.keys()]).toEqual(["counter", "other"]);
    await left.get("counter")?.replace(fresh.program);
    await send();
    await eventually("the fresh program counts", () => fresh.frames === 1);
    expect((await next.leftOvers(right, "egress")).size).toBe(0);
    for (const attachment of left.values()) await attachment.detach();
    expect(await filters("ingress")).toEqual(names.slice(2));
    await neighbour.detach();
    // The one who made it is gone, and the one who did not cannot know whose it is.
    expect(await disciplines()).toContain("clsact");
  });

  test("take the discipline with them only if it is ours and empty", async () => {
    using counter = new Counter("counter");
    const control = new TrafficControl({ force: "clsact" });
    await run(["tc", "qdisc", "add", "dev", "right", "clsact"]);
    await (await control.attach(counter.program, right, "egress")).detach();
    expect(await disciplines()).toContain("clsact");
    await run(["tc", "qdisc", "del", "dev", "right", "clsact"]);

    const [ingress, egress] = await Promise.all([
      control.attach(counter.program, right, "ingress"),
      control.attach(counter.program, right, "egress"),
    ]);
    await ingress.detach();
    expect(await disciplines()).toContain("clsact");
    const other = new TrafficControl({ owner: "other", force: "clsact" });
    const theirs = await other.attach(counter.program, right, "ingress");
    await egress.detach();
    expect(await disciplines()).toContain("clsact");
    await theirs.detach();
    await (await control.attach(counter.program, right, "egress")).detach();
    expect(await disciplines()).not.toContain("clsact");
  });

  test("that someone took away are gone, and what has their place now stays", async () => {
    using counter = new Counter("counter");
    const control = new TrafficControl({ force: "clsact" });
    const attachment = await control.attach(counter.program, right, "ingress");
    await run(["tc", "qdisc", "del", "dev", "right", "clsact"]);
    await expect(attachment.replace(counter.program)).rejects.toMatchObject({ name: "NetlinkError" });
    await new TrafficControl({ owner: "other", force: "clsact" }).attach(counter.program, right, "ingress");
    await attachment.detach();
    expect(await filters("ingress")).toEqual(["wirespan/other/counter"]);
  });

  test("live with the older discipline ingress, which has no egress", async () => {
    using counter = new Counter("counter");
    const control = new TrafficControl({ force: "clsact" });
    await run(["tc", "qdisc", "add", "dev", "right", "ingress"]);
    const attachment = await control.attach(counter.program, right, "ingress");
    await send();
    await eventually("the frame is counted", () => counter.frames === 1);
    await expect(control.attach(counter.program, right, "egress")).rejects.toMatchObject({ errno: "EEXIST" });
    await attachment.detach();
    expect(await disciplines()).toContain("ingress");
  });
});

describe("a link outlives its process by a pin", () => {
  let pins: string;

  beforeAll(async () => {
    pins = mkdtempSync(join(tmpdir(), "wirespan-pins-"));
    await run(["mount", "-t", "bpf", "bpf", pins]);
  });

  afterAll(async () => {
    await run(["umount", pins]);
    rmdirSync(pins);
  });

  test("and is taken over from there", async () => {
    using counter = new Counter("counter");
    using fresh = new Counter("fresh");
    const path = join(pins, "link");
    const first = await new TrafficControl().attach(counter.program, right, "ingress");
    first.pin(path);
    first.close();
    await send();
    await eventually("the frame is counted", () => counter.frames === 1);
    const second = new TrafficControl().openPinned(path);
    await second.replace(fresh.program);
    await send();
    await eventually("the fresh program counts", () => fresh.frames === 1);
    await second.detach();
    unlinkSync(path);
    expect(counter.frames).toBe(1);
  });
});
