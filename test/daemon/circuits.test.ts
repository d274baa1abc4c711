import { expect, test } from "vitest";
import { InvariantError, OperationalError } from "../../src/bytes/errors.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Input } from "../../src/control/effects.ts";
import type { CircuitListener } from "../../src/daemon/circuit-listener.ts";
import { Circuits } from "../../src/daemon/circuits.ts";
import type { Log } from "../../src/daemon/log.ts";
import type { PathMtuKnowledge } from "../../src/daemon/tunnel-path-mtus.ts";
import { PlaneStack } from "../../src/forwarding/stack.ts";
import { SystemError } from "../../src/os/errors.ts";
import type { Links } from "../../src/os/links.ts";
import { FakePlane } from "../support/fake-plane.ts";
import { sessionParameters } from "../support/sessions.ts";

/** No other test or daemon has a circuit on it. */
const DEVICE = `wst${process.pid}`;

function onePseudowire() {
  const circuit = `{ interface: ${DEVICE}, allow_host_use: true }`;
  const tunnel = `local: 192.0.2.1, remote: 192.0.2.2, pseudowires: { p: { circuit: ${circuit} } }`;
  const text = `lcce: { host_name: west }\ntunnels: { t: { ${tunnel} } }\n`;
  const pseudowire = parseConfig(text, "test.yaml", { hostName: "west" }).config?.tunnels[0]?.pseudowires[0];
  if (pseudowire === undefined) throw new Error("the configuration has no pseudowire");
  return pseudowire;
}

/** Circuits on a plane that forwards nothing, with one pseudowire attached to an interface that is up. */
async function attached(lockCircuit?: CircuitListener["lockCircuit"]) {
  const plane = new FakePlane("userspace");
  const stack = new PlaneStack([], plane, { failed: () => undefined });
  const state = { name: DEVICE, index: 5, up: true, mtu: 1500, kind: undefined, master: undefined };
  const watchers: ((name: string) => void)[] = [];
  const setUp = (up: boolean) => {
    state.up = up;
    for (const changed of watchers) changed(DEVICE);
  };
  const links = {
    get: () => state,
    watch: (changed: (name: string) => void) => void watchers.push(changed),
    isPort: () => false,
    reread: async () => undefined,
    readOne: () => undefined,
  };
  const errors: string[] = [];
  const path: { mtu: PathMtuKnowledge } = { mtu: { octets: undefined } };
  const error = (_: unknown, text: string) => void errors.push(text);
  const log = { info: () => undefined, warn: () => undefined, error };
  const [bugs, failures]: [unknown[], string[]] = [[], []];
  const inputs: Input[] = [];
  const circuits = new Circuits(stack, links as unknown as Links, log as unknown as Log, {
    input: (change) => inputs.push(change),
    forwardingFailed: (_, problem) => failures.push(problem),
    broken: (bug) => bugs.push(bug),
    ...(lockCircuit === undefined ? {} : { lockCircuit }),
    locationOf: () => undefined,
    hostUse: async () => undefined,
    pathMtuOf: () => path.mtu,
  });
  const pseudowire = onePseudowire();
  await circuits.attach(pseudowire);
  const session = { ...sessionParameters({ localSessionId: 7 }), pseudowire: pseudowire.name };
  return {
    ...{ plane, circuits, session, bugs, failures, inputs, errors, setUp, path },
    name: pseudowire.name,
    detach: () => circuits.detach(pseudowire),
  };
}

test("a session is added to the plane, and its circuit is bound to it", async () => {
  const { plane, circuits, session, bugs, failures, detach } = await attached();
  circuits.add(session);
  await circuits.idle();
  expect(plane.take()).toEqual([`open ${DEVICE}`, "add 7", `bind ${DEVICE} to 7`]);
  expect([bugs, failures]).toEqual([[], []]);
  circuits.remove(7);
  await circuits.idle();
  await detach();
});

test("a refusal of the kernel fails the session; a bug of ours is thrown to the top instead", async () => {
  for (const call of ["add", "update", "bind"]) {
    const { plane, circuits, session, bugs, failures, detach } = await attached();
    const cause = (error: unknown) => {
      plane.faults.set(call, error);
      if (call === "update") circuits.update(session);
      else circuits.add(session);
      return circuits.idle();
    };
    if (call === "update") {
      circuits.add(session);
      await circuits.idle();
    }
    await cause(new OperationalError("add a session: ENOSPC"));
    expect([failures, bugs], call).toEqual([["add a session: ENOSPC"], []]);
    if (call !== "update") circuits.remove(7);
    for (const bug of [new TypeError("undefined is not a function"), new InvariantError("no such row")]) {
      await cause(bug);
      expect(bugs.pop(), call).toBe(bug);
      if (call !== "update") circuits.remove(7);
    }
    expect(failures.length, call).toBe(1);
    circuits.remove(7);
    await circuits.idle();
    await detach();
  }
});

const withChannel = {
  receiveSublayer: "default",
  transmitSublayer: "default",
  vccvControlChannel: "l2-specific-sublayer",
} as const;

test("a session with a control channel is told that its circuit fell and rose, another is not", async () => {
  const { plane, circuits, session, setUp, detach } = await attached();
  circuits.add(session);
  circuits.add({ ...session, ...withChannel, localSessionId: 8 });
  await circuits.idle();
  plane.take();
  setUp(false);
  await circuits.idle();
  expect(plane.take()).toEqual(["update 8 to 192.0.2.2, circuit down"]);
  setUp(true);
  await circuits.idle();
  expect(plane.take()).toEqual(["update 8 to 192.0.2.2"]);
  for (const id of [7, 8]) circuits.remove(id);
  await circuits.idle();
  await detach();
});

test("what a control channel says is of the session that the plane has, and is an input", async () => {
  const { circuits, session, inputs, detach } = await attached();
  const down = { state: "down", diagnostic: "nothing came" } as const;
  const heard = () => inputs.splice(0).filter(({ kind }) => kind === "channel-status");
  circuits.add({ ...session, ...withChannel });
  circuits.receiveChannelStatus(7, down);
  expect([circuits.channelStatus(7), heard()], "before the plane has it").toEqual([undefined, []]);
  await circuits.idle();
  circuits.receiveChannelStatus(7, down);
  circuits.receiveChannelStatus(8, down);
  await circuits.idle();
  expect([circuits.channelStatus(7), circuits.channelStatus(8)]).toEqual([down, undefined]);
  expect(heard()).toEqual([{ kind: "channel-status", localSessionId: 7, status: down }]);
  // Another session with the same local id: what the former one says is not of it.
  circuits.remove(7);
  circuits.add({ ...session, ...withChannel });
  circuits.receiveChannelStatus(7, down);
  expect([circuits.channelStatus(7), heard()]).toEqual([undefined, []]);
  await circuits.idle();
  circuits.receiveChannelStatus(7, { state: "up" });
  await circuits.idle();
  expect([circuits.channelStatus(7), heard().length]).toEqual([{ state: "up" }, 1]);
  circuits.remove(7);
  await circuits.idle();
  expect(circuits.channelStatus(7)).toBeUndefined();
  await detach();
});

test("without a descriptor for its lock a circuit waits, says why once, and is attached later", async () => {
  let fault: Error | undefined = new SystemError("take a lock", { errno: "EMFILE", target: "the name p" });
  let attempts = 0;
  const { plane, circuits, session, bugs, errors, name, detach } = await attached(() => {
    attempts += 1;
    if (fault !== undefined) throw fault;
    return { lock: { [Symbol.dispose]: () => undefined } };
  });
  circuits.add(session);
  await circuits.idle();
  expect(circuits.problem(name)).toMatch(/^take a lock: EMFILE .*LimitNOFILE/);
  circuits.retryNow();
  circuits.retryNow();
  expect(attempts).toBe(3);
  expect(errors).toEqual([expect.stringMatching(/^pseudowire p is waiting: take a lock: EMFILE/)]);
  expect(plane.calls).not.toContain("add 7");
  fault = undefined;
  circuits.retryNow();
  await circuits.idle();
  expect(circuits.problem(name)).toBeUndefined();
  expect(plane.calls).toContain("add 7");
  expect(bugs).toEqual([]);
  await detach();
  circuits.close();
});

test("a bug in taking a lock is thrown on", async () => {
  await expect(
    attached(() => {
      throw new TypeError("x is not a function");
    }),
  ).rejects.toThrow(TypeError);
});

test("a path MTU that changes is given to the planes in one update of the session", async () => {
  const { plane, circuits, session, path, detach } = await attached();
  path.mtu = { octets: 1500 };
  circuits.add(session);
  await circuits.idle();
  // The headers of IPv4, UDP and L2TPv3 without cookie: 36 octets.
  expect(plane.attachments.at(-1)).toMatchObject({ mssClamp: "auto", wholeFrameOctets: 1464 });
  plane.take();
  circuits.followPathMtus();
  await circuits.idle();
  expect(plane.take()).toEqual([]);
  for (const octets of [1400, undefined, 1600]) {
    path.mtu = { octets };
    circuits.followPathMtus();
    await circuits.idle();
    circuits.followPathMtus();
    await circuits.idle();
    expect(plane.take()).toEqual(["update 7 to 192.0.2.2"]);
    const last = plane.attachments.at(-1);
    expect(last?.wholeFrameOctets).toBe(octets === undefined ? undefined : octets - 36);
    expect(last?.pathMtuOctets).toBe(octets);
  }
  await detach();
});
