import { expect, test } from "vitest";
import { InvariantError, OperationalError } from "../../src/bytes/errors.ts";
import { PlaneStack } from "../../src/forwarding/stack.ts";
import { FakePlane } from "../support/fake-plane.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

const REMOTE = sessionParameters().path.remoteAddress;
const circuit = attachment({ device: "eth1" });
const session = (localSessionId: number) => sessionParameters({ localSessionId });
const device = { kind: "interface", name: "eth1", mtu: 1500 } as const;

function newStack() {
  const upper = new FakePlane("ebpf");
  const last = new FakePlane("userspace");
  const failures: Error[] = [];
  const stack = new PlaneStack([upper], last, { failed: (error) => failures.push(error) });
  return { upper, last, stack, failures };
}

/** Resolves when all that was asked of the stack so far is done. */
const done = (stack: PlaneStack) => stack.resizeCircuit(device);

test("the first plane without an obstacle forwards a session, and the last plane has it too", async () => {
  const { upper, last, stack } = newStack();
  await stack.addSession(session(7), circuit);
  expect(stack.forwardedBy(7)).toEqual({ plane: "ebpf" });
  expect(upper.take()).toEqual(["add 7"]);
  expect(last.take()).toEqual(["add 7"]);
  upper.obstacles.set(8, "the peer is this very machine");
  await stack.addSession(session(8), circuit);
  expect(stack.forwardedBy(8)).toEqual({ plane: "userspace", reason: "the peer is this very machine" });
  expect(upper.take()).toEqual(["pass 8"]);
  expect(last.take()).toEqual(["add 8"]);
  await stack.removeSession(8);
  expect([upper.take(), last.take()]).toEqual([["remove 8"], ["remove 8"]]);
});

test("a circuit is bound to a session in every plane, and to none that is not there", async () => {
  const { upper, last, stack } = newStack();
  await stack.addSession(session(7), circuit);
  await stack.bindCircuit(circuit, 8);
  await stack.bindCircuit(circuit, 7);
  expect([upper.take(), last.take()]).toEqual([
    ["add 7", "bind eth1 to 7"],
    ["add 7", "bind eth1 to 7"],
  ]);
});

test("a message of a control channel is sent by the last plane, whichever forwards the session", async () => {
  const { upper, last, stack } = newStack();
  await stack.addSession(session(7), circuit);
  stack.sendChannel(7, 0x21, new Uint8Array(4));
  expect([upper.take(), last.take()]).toEqual([["add 7"], ["add 7", "send 33 to 7"]]);
});

test("a plane alone has no reasons to tell", async () => {
  const last = new FakePlane("userspace");
  const stack = new PlaneStack([], last, { failed: () => undefined });
  expect([stack.name, stack.forwardedBy(7)]).toEqual(["userspace", { plane: "userspace" }]);
  await stack.addSession(session(7), circuit);
  expect(stack.forwardedBy(7)).toEqual({ plane: "userspace" });
});

test("a session moves when obstacles come or go, and keeps what both planes counted", async () => {
  const { upper, last, stack } = newStack();
  await stack.addSession(session(7), circuit);
  upper.frames.set(7, 3);
  upper.obstacles.set(7, "no route");
  upper.changed();
  await done(stack);
  expect(stack.forwardedBy(7)).toEqual({ plane: "userspace", reason: "no route" });
  expect(upper.take().slice(1)).toEqual(["pass 7", "resize eth1"]);
  last.frames.set(7, 4);
  expect(stack.counters().sessions).toMatchObject([{ localSessionId: 7, transmittedFrames: 7 }]);
  expect(stack.counters().discards).toEqual({ truncated: 2 });
  upper.obstacles.clear();
  upper.changed();
  await done(stack);
  expect(stack.forwardedBy(7)).toEqual({ plane: "ebpf" });
  expect(upper.take()).toEqual([`update 7 to ${REMOTE}`, "resize eth1"]);
  expect(last.take()).toEqual(["add 7", "resize eth1", "resize eth1"]);
});

test("an update reaches each plane that has the session, also one that moves it", async () => {
  const { upper, last, stack } = newStack();
  await stack.addSession(session(7), circuit);
  upper.take();
  last.take();
  const { path } = session(7);
  await stack.updateSession({ ...session(7), path: { ...path, remoteAddress: "192.0.2.9" } }, circuit);
  expect([upper.take(), last.take()]).toEqual([["update 7 to 192.0.2.9"], ["update 7 to 192.0.2.9"]]);
  await stack.updateSession(session(8), circuit);
  expect([upper.take(), last.take()]).toEqual([[], []]);
});

test("what the kernel refuses a plane is an obstacle", async () => {
  const { upper, stack } = newStack();
  for (const call of ["obstacle", "add"]) {
    upper.faults.set(call, new OperationalError(`${call}: EPERM`));
    await stack.addSession(session(7), circuit);
    expect(stack.forwardedBy(7)).toEqual({
      plane: "userspace",
      reason: `${call}: EPERM`,
      isFailure: true,
    });
    await stack.removeSession(7);
  }
});

test("a device that a plane cannot use is the others' alone, with its sessions", async () => {
  const { upper, last, stack } = newStack();
  upper.faults.set("open", new OperationalError("attach: EINVAL"));
  expect(await stack.openCircuit(device)).toBe(5);
  await stack.addSession(session(7), circuit);
  expect(stack.forwardedBy(7)).toEqual({ plane: "userspace", reason: "attach: EINVAL" });
  expect([upper.take(), last.take()]).toEqual([["open eth1"], ["open eth1", "add 7"]]);
  await stack.closeCircuit("eth1");
  expect(last.take()).toEqual(["remove 7", "close eth1"]);
  // The proxy interfaces are no use to the plane below: it gets the device itself.
  last.faults.set("open", new OperationalError("bind: ENODEV"));
  upper.take();
  await stack.openCircuit(device);
  expect(upper.take()).toEqual(["open eth1", "close eth1"]);
  expect(last.take()).toEqual(["open proxy of eth1", "open eth1"]);
});

test("a circuit that is closed takes its own sessions with it, and no others", async () => {
  const { last, stack } = newStack();
  await stack.addSession(session(7), circuit);
  await stack.addSession(session(8), attachment({ device: "eth2" }));
  last.take();
  await stack.closeCircuit("eth1");
  expect(last.take()).toEqual(["remove 7", "close eth1"]);
});

test("a session leaves the second plane when the first one has no obstacle any more", async () => {
  const [first, second, last] = [new FakePlane("ebpf"), new FakePlane("ebpf"), new FakePlane("userspace")];
  const stack = new PlaneStack([first, second], last, {
    failed: (error) => expect.unreachable(error.message),
  });
  first.obstacles.set(7, "no route");
  await stack.addSession(session(7), circuit);
  expect([first.take(), second.take()]).toEqual([["pass 7"], ["add 7"]]);
  expect(stack.forwardedBy(7)).toEqual({ plane: "ebpf", reason: "no route" });
  first.obstacles.clear();
  // One that is not there any more is left alone.
  first.obstacles.set(9, "no route");
  first.frames.set(7, 0);
  first.changed();
  await done(stack);
  expect(stack.forwardedBy(7)).toEqual({ plane: "ebpf" });
  expect(first.take()).toEqual([`update 7 to ${REMOTE}`, "resize eth1"]);
  expect(second.take()).toEqual(["remove 7", "resize eth1"]);
});

test("what is told of a session: that it is not placed yet, and who segments its GSO packets", async () => {
  const { upper, stack } = newStack();
  expect(stack.forwardedBy(7)).toEqual({ plane: "userspace", reason: "programs are being put in place" });
  upper.gso = { choice: "segment", reason: "veth0 is virtual" };
  await stack.addSession(session(7), circuit);
  expect(stack.forwardedBy(7)).toEqual({ plane: "ebpf", gso: upper.gso });
});

test("a session whose last plane refuses it is not there", async () => {
  const { upper, last, stack } = newStack();
  last.faults.set("add", new OperationalError("add: ENOSPC"));
  await expect(stack.addSession(session(7), circuit)).rejects.toThrow("ENOSPC");
  await stack.removeSession(7);
  expect(upper.take()).toEqual([]);
});

test("planes are closed from below, for those above have made what they work on", async () => {
  const { upper, last, stack } = newStack();
  const order: string[] = [];
  for (const [plane, name] of [
    [upper, "upper"],
    [last, "last"],
  ] as const)
    plane.close = async () => void order.push(name);
  await stack.close();
  expect(order).toEqual(["last", "upper"]);
});

const bugs = [new TypeError("undefined is not a function"), new InvariantError("no such row")];

test.each(bugs)("our own bug is no obstacle: %s reaches who asked", async (bug) => {
  for (const call of ["obstacle", "add", "pass"]) {
    const { upper, stack } = newStack();
    upper.faults.set(call, bug);
    if (call === "pass") upper.obstacles.set(7, "an obstacle");
    await expect(stack.addSession(session(7), circuit), call).rejects.toBe(bug);
  }
  const { upper, stack } = newStack();
  upper.faults.set("open", bug);
  await expect(stack.openCircuit(device)).rejects.toBe(bug);
});

test.each(bugs)("our own bug while nobody asks ends the plane: %s", async (bug) => {
  for (const call of ["outdated", "obstacle", "update"]) {
    const { upper, stack, failures } = newStack();
    await stack.addSession(session(7), circuit);
    upper.faults.set(call, bug);
    upper.changed();
    await done(stack);
    expect(failures, call).toEqual([bug]);
  }
});

test("a session that cannot even be left to the planes below stays and says so, others do not", async () => {
  const { upper, stack, failures } = newStack();
  for (const id of [7, 8]) await stack.addSession(session(id), circuit);
  for (const id of [7, 8]) upper.obstacles.set(id, "no route");
  upper.faults.set("pass", new OperationalError("update a map: ENOMEM"));
  upper.changed();
  await done(stack);
  expect(stack.forwardedBy(7)).toEqual({
    plane: "ebpf",
    reason: "update a map: ENOMEM",
    isFailure: true,
  });
  expect(stack.forwardedBy(8)).toEqual({ plane: "userspace", reason: "no route" });
  expect(failures).toEqual([]);
});
