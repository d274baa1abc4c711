import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { Sites } from "../support/sites.ts";

/** Has `sites` fail and come up again, so that the daemon at a has something to tell. */
async function flap(sites: Sites): Promise<void> {
  await sites.ip("a", "link set eth1 down");
  await sites.told("the circuit is down", "a", ({ pseudowires }) => pseudowires[0]?.localCircuit === "down");
  await sites.ip("a", "link set eth1 up");
  await sites.reached();
}

/** Starts both daemons; that of a with its standard error where the shell's redirection says. */
async function withLog(sites: Sites, redirection: string): Promise<void> {
  sites.start("b", sites.write("b", sites.configuration("b", "userspace", { hello_interval_s: 1 })));
  const configuration = sites.configuration("a", "userspace", { hello_interval_s: 1 });
  const file = sites.write("a", { ...configuration, log: { level: "debug", format: "json" } });
  sites.start("a", file, ["sh", "-c", `exec "$@" ${redirection}`, "sh"]);
  await sites.reached();
}

test("a log whose disk is full from the start, or becomes so, stops and delays nothing", async () => {
  await using sites = await Sites.make();
  await withLog(sites, "2> /dev/full");
  await flap(sites);
  expect((await sites.reload("a")).stdout).toBe("nothing changes\n");
  const { log } = await sites.status("a");
  expect(log.lostLines).toBeGreaterThan(5);
  expect(log.reason).toBe("ENOSPC");
});

test("a disk that is full for a while: what comes later is there, in whole lines", async () => {
  await using sites = await Sites.make();
  const disk = sites.file("disk");
  mkdirSync(disk);
  await run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", disk]);
  try {
    await withLog(sites, `2>> ${disk}/log`);
    writeFileSync(`${disk}/filler`, "x".repeat(4000));
    // Each problem of a file is a line.
    const good = sites.read("a.yaml");
    writeFileSync(sites.file("a.yaml"), "nonsense: 1\n".repeat(1000));
    await sites.told("lines are lost", "a", ({ log }) => {
      void sites.reload("a").catch(() => undefined);
      return log.lostLines > 0;
    });
    writeFileSync(sites.file("a.yaml"), good);
    await flap(sites);
    await run(["mount", "-o", "remount,size=1m", disk]);
    const before = (await sites.status("a")).log.lostLines;
    await flap(sites);
    const { stdout } = await run(["cat", `${disk}/log`]);
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1)).toContain('"event"');
    expect(() => JSON.parse(lines.at(-1) ?? "")).not.toThrow();
    expect((await sites.status("a")).log.lostLines).toBe(before);
  } finally {
    await run(["umount", "--lazy", disk]);
  }
});

test("a reader that hangs or is gone delays nothing: the session stays up, and SIGTERM works", async () => {
  for (const isGone of [false, true]) {
    await using sites = await Sites.make();
    const pipe = sites.file("pipe");
    await run(["mkfifo", pipe]);
    const reader = spawn("sh", ["-c", `exec 3< ${pipe}; exec sleep 1000`]);
    await withLog(sites, `2> ${pipe}`);
    if (isGone) reader.kill();
    // More than the pipe and the daemon's memory hold, by reloads that are told of.
    await sites.told("lines are lost", "a", ({ log }) => {
      if (!isGone) writeFileSync(sites.file("a.yaml"), `${"nonsense: 1\n".repeat(1000)}`);
      void sites.reload("a").catch(() => undefined);
      return log.lostLines > 0;
    });
    const { log } = await sites.status("a");
    expect(log.reason).toBe(isGone ? "EPIPE" : "EAGAIN");
    await flap(sites);
    expect((await sites.status("b")).controlConnections[0]?.state).toBe("established");
    reader.kill();
  }
});
