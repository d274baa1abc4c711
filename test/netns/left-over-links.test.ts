import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { exit, move } from "../../src/bpf/mnemonics.ts";
import { Pins } from "../../src/forwarding/ebpf/plane/pins.ts";
import { ProgramAttachments } from "../../src/forwarding/ebpf/plane/program-attachments.ts";
import type { ProgramCache } from "../../src/forwarding/ebpf/plane/program-cache.ts";
import { mountBpfFileSystem } from "../../src/os/bpf-file-system.ts";
import { attachedPrograms } from "../../src/os/bpf-link.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { TrafficControl } from "../../src/os/traffic-control.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";

const DIRECTORY = `/sys/fs/bpf/wst-left-${process.pid}`;
const INDEX = 777;

/** What a daemon has pinned in the directory. */
function pins(): Pins {
  const directory = { path: DIRECTORY, lock: { [Symbol.dispose]: () => undefined } };
  return new Pins(directory, () => directory);
}

beforeAll(needBpf);

test.each([
  ["a new network namespace", true],
  ["the same network namespace", false],
])(
  "a pin of an interface that is gone is no hindrance where another has its index, in %s",
  async (_, isNew) => {
    mountBpfFileSystem();
    mkdirSync(DIRECTORY);
    const program = new BpfSyscall().loadProgram({
      name: "left_over",
      octets: assemble([move(Register.result, 0), exit()]),
    });
    const shop = { get: () => program } as unknown as ProgramCache;
    const order = { kind: "emit" } as const;
    const place = { interfaceIndex: INDEX, at: "ingress" } as const;
    const first = await TestNamespace.make("wst-left-1");
    const add = (namespace: TestNamespace) =>
      namespace.ip(`link add gone index ${INDEX} type veth peer name end`);
    let second: TestNamespace | undefined;
    try {
      await add(first);
      {
        using _entered = first.enter();
        await new ProgramAttachments(shop, new TrafficControl({ owner: "test" }), pins()).use(order, place);
        expect(attachedPrograms(INDEX, "ingress")).toEqual([program.id]);
      }
      await first.ip("link delete gone");
      if (isNew) second = await TestNamespace.make("wst-left-2");
      const namespace = second ?? first;
      await add(namespace);
      using _entered = namespace.enter();
      const next = new ProgramAttachments(shop, new TrafficControl({ owner: "test" }), pins());
      await next.use(order, place);
      expect(attachedPrograms(INDEX, "ingress")).toEqual([program.id]);
      await next.removeAll();
      expect(readdirSync(DIRECTORY)).toEqual([]);
    } finally {
      rmSync(DIRECTORY, { recursive: true, force: true });
      await first[Symbol.asyncDispose]();
      await second?.[Symbol.asyncDispose]();
      program.close();
    }
  },
);
