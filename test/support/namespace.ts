import { closeSync, openSync, readFileSync } from "node:fs";
import koffi from "koffi";
import { run } from "../../src/lab/command.ts";

const CLONE_NEWNET = 0x4000_0000;
const setns = koffi.load("libc.so.6").func("int setns(int fd, int kind)") as unknown as (
  fd: number,
  kind: number,
) => number;

function enter(path: string): void {
  const fd = openSync(path, "r");
  const answer = setns(fd, CLONE_NEWNET);
  const errno = koffi.errno();
  closeSync(fd);
  if (answer < 0) throw new Error(`enter the network namespace ${path}: errno ${errno}`);
}

/** Has this thread be in a network namespace by its name until what is given back is disposed of. */
function enterNamespace(name: string): Disposable {
  const own = openSync("/proc/thread-self/ns/net", "r");
  enter(`/run/netns/${name}`);
  return {
    [Symbol.dispose]() {
      enter(`/proc/self/fd/${own}`);
      closeSync(own);
    },
  };
}

/** Does something in a network namespace with this thread, which must not wait meanwhile. */
export function insideNamespace<T>(name: string, act: () => T): T {
  using _ = enterNamespace(name);
  return act();
}

/**
 * A network namespace of a test's own, with a veth pair whose ends are both in it. It goes when it is
 * disposed of.
 */
export class TestNamespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /**
   * Makes it with ports `left` and `right`, silent but for what the test sends. Rejects with CommandError.
   */
  static async make(name: string): Promise<TestNamespace> {
    await run(["ip", "netns", "add", name]);
    const made = new TestNamespace(name);
    try {
      for (const key of ["all", "default"])
        await made.exec("sysctl", "-qw", `net.ipv6.conf.${key}.disable_ipv6=1`);
      await made.ip("link add left type veth peer name right");
      await made.ip("addr add 192.0.2.1/24 dev left");
      await made.ip("link set left up");
      await made.ip("link set right up");
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  async ip(words: string): Promise<void> {
    await run(["ip", "-n", this.name, ...words.split(" ")]);
  }

  /** Runs a program in it; any exit status will do. */
  async exec(...command: readonly string[]): Promise<void> {
    await run(["ip", "netns", "exec", this.name, ...command], { accept: [0, 1] });
  }

  /** Does something in it with this thread, which must not wait meanwhile. */
  inside<T>(act: () => T): T {
    return insideNamespace(this.name, act);
  }

  /** Has this thread, and programs that it starts, be in it until what is given back is disposed of. */
  enter(): Disposable {
    return enterNamespace(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["ip", "netns", "delete", this.name]);
  }
}

/** Whether this thread may load programs; throws with what is missing. */
export function needBpf(): void {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const missing = Object.entries({ CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_BPF: 39n })
    .filter(([, bit]) => ((effective >> bit) & 1n) === 0n)
    .map(([name]) => name);
  if (missing.length > 0)
    throw new Error(
      `these tests load programs into the kernel and need root; missing: ${missing.join(", ")}`,
    );
}
