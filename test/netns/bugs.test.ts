import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ignoreOperational } from "../../src/bytes/errors.ts";
import { openEvents } from "../../src/daemon/api-client.ts";
import { ignoreErrno } from "../../src/os/errors.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

const PRELOAD = fileURLToPath(new URL("../support/bug-in-daemon.mjs", import.meta.url));

const A = "192.0.2.1";
const B = "192.0.2.2";
/** What of a stream came until it ended, or was torn. */
async function textOf(stream: AsyncIterable<string>): Promise<string> {
  let text = "";
  try {
    for await (const piece of stream) text += piece;
  } catch (error) {
    ignoreErrno(error);
  }
  return text;
}

/** Nobody. */
const C = "192.0.2.3";

/** A tunnel with these pseudowires; its HELLOs have the LCCE at work each second. */
function negotiated(local: string, remote: string, tap: string): object {
  const lan = { circuit: { tap } };
  const tunnel = { local, remote, hello_interval_s: 1, pseudowires: { lan } };
  return { plane: "userspace", tunnels: { hq: tunnel } };
}

/** A static tunnel with these pseudowires. */
function fixed(plane: string, ...names: readonly string[]): object {
  const pseudowires = Object.fromEntries(
    names.map((name, index) => {
      const ids = { local_session_id: index + 1, remote_session_id: index + 1 };
      return [name, { circuit: { tap: `bug-${name}` }, static: ids }];
    }),
  );
  return { plane, tunnels: { hq: { local: A, remote: C, control: "static", pseudowires } } };
}

/** Runs a program with a BPF file system of its own, so that no pins are left once it ended. */
const ownPins = ["unshare", "--mount", "sh", "-c", 'mount -t bpf bpf /sys/fs/bpf && exec "$@"', "sh"];

interface Row {
  /** File below dist, class and method that throw. */
  readonly bug: string;
  readonly config: object;
  /** What has the method called, if nothing does by itself. */
  readonly trigger?: (daemon: DaemonInNamespace) => Promise<unknown>;
  /** What the log has of the daemon's state. */
  readonly state: object;
}

const states = (state: string) => ({ states: { [state]: 1 }, notEstablished: [] });
const established = { tunnels: states("established"), pseudowires: states("established") };
const isStatic = { tunnels: states("static"), pseudowires: states("established") };
const isAdding = {
  tunnels: states("static"),
  pseudowires: { states: { established: 1, idle: 1 }, notEstablished: ["more"] },
};
/** The userspace plane, which has every session, has the other one already. */
const hasAdded = {
  tunnels: states("static"),
  pseudowires: { states: { established: 2 }, notEstablished: [] },
};

/** TABLE: where a bug may be, each with a daemon that comes upon it. */
const rows: Readonly<Record<string, Row>> = {
  "in the control plane": {
    bug: "control/lcce.js Lcce handle",
    config: negotiated(A, B, "bug-a"),
    state: established,
  },
  "in the userspace plane": {
    bug: "forwarding/userspace/plane.js UserspacePlane addSession",
    config: fixed("userspace", "lan"),
    trigger: (daemon) => daemon.reload(fixed("userspace", "lan", "more")),
    state: isAdding,
  },
  "in the eBPF plane": {
    bug: "forwarding/ebpf/plane/plane.js EbpfPlane addSession",
    config: fixed("ebpf", "lan"),
    trigger: (daemon) => daemon.reload(fixed("ebpf", "lan", "more")),
    state: hasAdded,
  },
  "in an answer of the local API": {
    bug: "daemon/daemon.js Daemon status",
    config: fixed("userspace", "lan"),
    trigger: (daemon) => daemon.status(),
    state: isStatic,
  },
};

test.each(Object.entries(rows))(
  "a bug of ours %s ends the daemon, with its stack and the daemon's state in the log",
  async (_, { bug, config, trigger, state }) => {
    await using namespace = await TestNamespace.make("ws-bugs");
    await namespace.ip(`addr add ${B}/24 dev left`);
    await namespace.ip("link set lo up");
    await using _peer = await DaemonInNamespace.start(namespace.name, negotiated(B, A, "bug-b"));
    await using daemon = await DaemonInNamespace.start(namespace.name, config, {
      prefix: ownPins,
      environment: { NODE_OPTIONS: `--import=${PRELOAD}`, WIRESPAN_TEST_BUG: bug },
    });
    await eventually("all is up", async () => (await daemon.pseudowire("lan")).state === "established");
    const events = textOf(await openEvents(daemon.socket, { follow: true }, 5000));
    process.kill(daemon.pid, "SIGUSR2");
    // It ends before it answers.
    await trigger?.(daemon).catch(ignoreOperational);
    let code: number | null | undefined;
    void daemon.ended.then((ended) => {
      code = ended;
    });
    await eventually("the daemon ends", () => code !== undefined);
    expect(code).toBe(1);
    const lines = daemon.log.trim().split("\n");
    const fatal = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "fatal");
    expect(fatal).toEqual([
      expect.objectContaining({
        level: "fatal",
        problem: "Cannot read properties of undefined (reading 'bug')",
        text: expect.stringContaining("this is a bug in wirespan"),
        stack: expect.stringContaining("bug-in-daemon.mjs"),
        state: expect.objectContaining(state),
      }),
    ]);
    expect(daemon.log).not.toContain("cannot forward");
    expect(await events).toContain('"event":"fatal"');
  },
);
