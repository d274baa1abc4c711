import { expect, test } from "vitest";
import { InvariantError, OperationalError } from "../../src/bytes/errors.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { Circuits } from "../../src/daemon/circuits.ts";
import type { Log } from "../../src/daemon/log.ts";
import { PlaneStack } from "../../src/forwarding/stack.ts";
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
async function attached() {
  const plane = new FakePlane("userspace");
  const stack = new PlaneStack([], plane, { failed: () => undefined });
  const state = { name: DEVICE, index: 5, up: true, mtu: 1500, kind: undefined, master: undefined };
  const links = {
    get: () => state,
    watch: () => undefined,
    isPort: () => false,
    reread: async () => undefined,
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const [bugs, failures]: [unknown[], string[]] = [[], []];
  const circuits = new Circuits(stack, links as unknown as Links, log as unknown as Log, {
    input: () => undefined,
    forwardingFailed: (_, problem) => failures.push(problem),
    broken: (error) => bugs.push(error),
    locationOf: () => undefined,
    hostUse: async () => undefined,
  });
  const pseudowire = onePseudowire();
  await circuits.attach(pseudowire);
  const session = { ...sessionParameters({ localSessionId: 7 }), pseudowire: pseudowire.name };
  return { plane, circuits, session, bugs, failures, detach: () => circuits.detach(pseudowire) };
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
