import { expect, test } from "vitest";
import { askStatus } from "../../src/daemon/api-client.ts";
import { eventually, MAIN, output, wirespan } from "../support/lab.ts";
import { Sites } from "../support/sites.ts";

const staticSession = {
  ...{ local_session_id: 7, remote_session_id: 7 },
  ...{ receive_cookie: "0102030405060708", transmit_cookie: "0102030405060708" },
};
/** Static sessions are the same before and after, so that nothing is lost. */
const ofStatic = {
  control: "static",
  pseudowires: { lan: { circuit: { interface: "eth1" }, static: staticSession } },
};

const cases = [
  ["ebpf", "udp", "a negotiated", {}],
  ["ebpf", "ip", "a static", ofStatic],
  ["userspace", "udp", "a negotiated", {}],
] as const;

test.each(cases)(
  "plane %s over %s, %s session: --take-over takes the place of the daemon that runs",
  async (plane, encapsulation, kind, keys) => {
    await using sites = await Sites.make();
    const { a, b } = await sites.up(plane, { encapsulation, ...keys });
    const ping = sites.spawn("ha", "ping", "-q", "-i", "0.02", "-W", "1", "10.0.0.2");
    const pinged = output(ping);
    const statusOf = () => askStatus(sites.socket("a"));
    const { pid } = await statusOf();
    const next = sites.spawn("a", process.execPath, MAIN, "run", "--take-over", "-c", sites.file("a.yaml"));
    try {
      expect(await a.ended()).toBe(0);
      await eventually("the next daemon carries the session", async () => {
        const report = await statusOf().catch(() => undefined);
        const [lan] = report?.pseudowires ?? [];
        return report?.pid !== pid && lan?.state === "established" && lan.plane === plane;
      });
      const words = plane === "ebpf" ? "forwarding continues" : "closing control connections";
      expect(a.log).toContain(`another daemon takes over: ${words}`);
      expect(a.log).not.toContain("SIGTERM");
      const closings = b.log.split("\n").filter((line) => line.includes("goes out of service"));
      expect(closings.length > 0).toBe(plane === "userspace");
      expect(await sites.passes(5)).toBe(true);
      ping.kill("SIGINT");
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(await pinged) ?? [];
      console.log(
        `${plane} over ${encapsulation}, ${kind} session: ${received} of ${sent} pings, one each 20 ms`,
      );
      // One may be on its way at the end.
      if (kind === "a static") expect(Number(sent) - Number(received)).toBeLessThanOrEqual(1);
    } finally {
      next.kill("SIGTERM");
      await new Promise((resolve) => next.once("close", resolve));
    }
  },
);

test("hand-over ends the daemon, eBPF forwards without one, and the next one adopts it", async () => {
  await using sites = await Sites.make();
  const { a } = await sites.up("ebpf", { encapsulation: "udp", ...ofStatic });
  const ping = sites.spawn("ha", "ping", "-q", "-i", "0.02", "-W", "1", "10.0.0.2");
  const pinged = output(ping);
  const command = [process.execPath, MAIN, "hand-over", "--socket", sites.socket("a")];
  const { stdout, status } = await sites.exec("a", ...command);
  expect([stdout, status]).toEqual([
    expect.stringMatching(/ ended: forwarding continues; start the next/),
    0,
  ]);
  expect(await a.ended()).toBe(0);
  expect(await sites.passes(5)).toBe(true);
  const next = sites.spawn("a", process.execPath, MAIN, "run", "-c", sites.file("a.yaml"));
  try {
    await eventually("the next daemon answers", async () => {
      const report = await askStatus(sites.socket("a")).catch(() => undefined);
      return report?.pseudowires[0]?.state === "established";
    });
    ping.kill("SIGINT");
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(await pinged) ?? [];
    expect(Number(sent) - Number(received)).toBeLessThanOrEqual(1);
  } finally {
    next.kill("SIGTERM");
    await new Promise((resolve) => next.once("close", resolve));
  }
});

test("hand-over where no daemon runs says so, with exit code 4", async () => {
  const { status, stderr } = await wirespan("hand-over", "--socket", "/run/wirespan-absent.sock");
  expect([status, stderr]).toEqual([4, expect.stringContaining("no daemon answers there")]);
});

test("--take-over, status and reload fail at a stopped daemon and say so; it stays as it was", async () => {
  await using sites = await Sites.make();
  const { a } = await sites.up("userspace");
  process.kill(a.pid, "SIGSTOP");
  const socket = sites.socket("a");
  const commands = [
    ["run", "--take-over", "-c", sites.file("a.yaml")],
    ["status", "--socket", socket],
    ["reload", "--socket", socket],
  ].map((words) => sites.exec("a", process.execPath, MAIN, ...words));
  const [took, ...asked] = await Promise.all(commands).finally(() => process.kill(a.pid, "SIGCONT"));
  for (const { status, stderr } of asked) {
    expect(stderr).toMatch(
      /ask the daemon at \S+: no answer within 20 s; it hangs, is stopped, or is still starting/,
    );
    expect(status).toBe(4);
  }
  expect(took?.status).toBe(1);
  expect(took?.stderr).toMatch(
    new RegExp(
      `take over from the daemon at \\S+, pid ${a.pid}: .*: no answer within 10 s; ` +
        `it hangs, is stopped, or is still starting.*kill -KILL ${a.pid}`,
    ),
  );
  await sites.told(
    "it runs on",
    "a",
    ({ pid, pseudowires: [lan] }) => pid === a.pid && lan?.state === "established",
  );
  expect([a.isRunning, await sites.passes(5)]).toEqual([true, true]);
  expect(a.log).not.toContain("another daemon takes over");
});
