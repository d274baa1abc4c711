import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { NotifySocket } from "../support/notify-socket.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-notify-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A static pseudowire, which is up when its interface is, and one that waits for its interface. */
function config(...interfaces: readonly string[]): object {
  const pseudowires = Object.fromEntries(
    interfaces.map((name, index) => {
      const ids = { local_session_id: index + 1, remote_session_id: index + 1 };
      return [`pw-${name}`, { circuit: { interface: name }, static: ids }];
    }),
  );
  const ends = { local: "127.0.0.1", remote: "127.0.0.2", control: "static" };
  return { plane: "userspace", tunnels: { hq: { ...ends, pseudowires } } };
}

test.each(["a path", "an abstract name"])("systemd is told by %s, as sd_notify(3) says", async (kind) => {
  await using namespace = await TestNamespace.make("ws-notify");
  await namespace.ip("link set lo up");
  await namespace.ip("link add other type veth peer name another");
  for (const name of ["other", "another"]) await namespace.ip(`link set ${name} up`);
  const path = kind === "a path" ? join(folder, "notify") : `@${folder}`;
  // Abstract names belong to a network namespace.
  using manager = namespace.inside(() => new NotifySocket(path));
  const environment = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "400000" };
  await using daemon = await DaemonInNamespace.start(namespace.name, config("right", "absent"), {
    environment,
  });
  const hears = (what: string, ...words: readonly string[]) =>
    eventually(what, () => manager.told.some((told) => words.every((word) => told.includes(word))));
  await hears("it is ready", "READY=1");
  expect(manager.told.filter((told) => told.includes("READY=1")).length).toBe(1);
  await hears("one pseudowire is up", "STATUS=1 of 2 pseudowires up");
  await hears("it is alive", "WATCHDOG=1");

  const before = process.hrtime.bigint() / 1000n;
  await daemon.reload(config("right", "other", "absent"));
  const after = process.hrtime.bigint() / 1000n;
  await hears("it reloads", "RELOADING=1");
  const reload = manager.told.find((told) => told.includes("RELOADING=1"));
  const begun = BigInt(reload?.find((word) => word.startsWith("MONOTONIC_USEC="))?.split("=")[1] ?? 0);
  expect([before < begun, begun < after]).toEqual([true, true]);
  await eventually(
    "it is ready again",
    () => manager.told.filter((one) => one.includes("READY=1")).length === 2,
  );
  await hears("two are up", "STATUS=2 of 3 pseudowires up");

  await namespace.ip("link set right down");
  await eventually("one went down", () => {
    const statuses = manager.told.flat().filter((word) => word.startsWith("STATUS="));
    return statuses.at(-1) === "STATUS=1 of 3 pseudowires up";
  });
  process.kill(daemon.pid, "SIGTERM");
  expect(await daemon.ended).toBe(0);
  await hears("it stops", "STOPPING=1");
});
