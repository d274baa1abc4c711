import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EventName, eventTable } from "../../src/daemon/event-table.ts";
import { eventually, MAIN, wirespan } from "../support/lab.ts";
import { type Keys, type RunningDaemon, Sites } from "../support/sites.ts";

/** An event as a line of JSON. */
type Line = Readonly<Record<string, unknown>> & { readonly event: EventName; readonly level: string };

const SECRET = "correct horse battery staple";
const COOKIES = ["0011223344556677", "8899aabbccddeeff"] as const;

/** The lines that are complete. */
const linesIn = (text: string): readonly Line[] =>
  text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** A tunnel of its own port between the two sites. */
function tunnel(site: "a" | "b", port: number, keys: Keys): Keys {
  const [local, remote] = site === "a" ? ["192.0.2.1", "192.0.2.2"] : ["192.0.2.2", "192.0.2.1"];
  return { local, remote, local_port: port, remote_port: port, ...keys };
}

/** The tunnel `static`, whose ends do not agree on a cookie. */
function fixed(site: "a" | "b"): Keys {
  const [local, remote] = site === "a" ? [1001, 2002] : [2002, 1001];
  const [receive, transmit] = site === "a" ? COOKIES : [...COOKIES].reverse();
  const wrong = site === "b" ? "ffffffffffffffff" : transmit;
  const ids = { local_session_id: local, remote_session_id: remote };
  const session = { ...ids, receive_cookie: receive, transmit_cookie: wrong };
  const odd = { circuit: { tap: "odd0" }, static: session };
  return tunnel(site, 1703, { control: "static", pseudowires: { odd } });
}

describe("what happens is in the log, in the events and in the status", () => {
  let sites: Sites;
  let a: RunningDaemon;
  let reader: ChildProcess;
  let read = "";

  const write = (site: "a" | "b") => {
    const secret = site === "a" ? "secret" : "other";
    const other = {
      secret: { env: secret.toUpperCase() },
      pseudowires: { locked: { circuit: { tap: "locked0" } } },
    };
    const made = sites.configuration(site, "ebpf", {}, { log: { level: "trace" } });
    const tunnels = {
      ...(made["tunnels"] as Keys),
      other: tunnel(site, 1702, other),
      static: fixed(site),
    };
    return sites.write(site, { ...made, tunnels });
  };
  const withSecrets = ["env", `SECRET=${SECRET}`, "OTHER=another secret of sixteen"];
  const told = (event: EventName, fields: Readonly<Record<string, unknown>> = {}): readonly Line[] =>
    linesIn(read).filter(
      (line) =>
        line.event === event && Object.entries(fields).every(([field, value]) => line[field] === value),
    );
  const toldOnce = (event: EventName, fields: Readonly<Record<string, unknown>> = {}) =>
    eventually(`${event} of ${JSON.stringify(fields)}`, () => told(event, fields).length > 0);
  const circuitOfB = (state: "up" | "down") => sites.ip("hb", `link set eth0 ${state}`);

  beforeAll(async () => {
    sites = await Sites.make();
    a = sites.start("a", write("a"), withSecrets);
    sites.start("b", write("b"), withSecrets);
    await eventually(
      "it answers",
      async () => (await wirespan("events", "--socket", sites.socket("a"))).status === 0,
    );
    const words = [MAIN, "events", "-f", "--json", "--level", "trace", "--socket", sites.socket("a")];
    reader = sites.spawn("a", process.execPath, ...words);
    reader.stdout?.setEncoding("utf8").on("data", (text: string) => {
      read += text;
    });
    await sites.reached();
  });
  afterAll(async () => {
    reader?.kill();
    await sites?.[Symbol.asyncDispose]();
  });

  test("up, with the control messages in clear words, and without cookies and secrets", async () => {
    await toldOnce("tunnel-up", { tunnel: "peer" });
    await toldOnce("pseudowire-up", { tunnel: "peer", pseudowire: "lan" });
    await toldOnce("started");
    // The log has those of before there was a reader.
    const messages = linesIn(a.log).filter(
      ({ event, tunnel }) => event === "control-message" && tunnel === "peer",
    );
    const names = new Set(messages.map(({ message }) => message));
    for (const name of ["SCCRQ", "SCCRP", "SCCCN", "ICRQ", "ICRP", "ICCN"]) expect(names).toContain(name);
    const directions = new Set(messages.map(({ direction }) => direction));
    expect([...directions].sort()).toEqual(["received", "sent"]);
    expect(JSON.stringify(messages)).toContain('{"name":"Assigned Cookie","text":"8 octets"}');
    for (const text of [read, a.log]) {
      for (const hidden of [SECRET, ...COOKIES]) expect(text).not.toContain(hidden);
    }
  });

  test("a secret that differs, with the address of who has it", async () => {
    await toldOnce("authentication-failed", { tunnel: "other", from: "192.0.2.2" });
  });

  test("frames with a wrong cookie, when they begin and when they end", async () => {
    await sites.ip("b", "addr add 10.9.0.1/24 dev odd0");
    await sites.exec("b", "ping", "-c", "2", "-i", "0.2", "-W", "1", "10.9.0.2");
    await toldOnce("discards", { tunnel: "static", pseudowire: "odd", reason: "wrong-cookie" });
    expect(told("discards-over")).toEqual([]);
    const mended = sites.configuration("a", "ebpf", {}, { log: { level: "trace" } });
    sites.write("a", mended);
    expect((await sites.reload("a")).status).toBe(0);
    await toldOnce("discards-over", { pseudowire: "odd", reason: "wrong-cookie" });
    await toldOnce("reloaded", { changed: true });
    expect(told("reload-step").map(({ step }) => step)).toContain("remove tunnel static");
  });

  test("another plane, with the reason, and back", async () => {
    const policy = "src 192.0.2.1/32 dst 192.0.2.2/32 proto udp dir out";
    const { status, stderr } = await sites.exec(
      "a",
      "ip",
      "xfrm",
      "policy",
      "add",
      ...policy.split(" "),
      "tmpl",
      "proto",
      "esp",
      "mode",
      "transport",
      "reqid",
      "7",
    );
    expect(status, stderr).toBe(0);
    await toldOnce("plane-changed", { pseudowire: "lan", from: "ebpf", plane: "userspace" });
    expect(told("plane-changed")[0]?.["reason"]).toMatch(/IPsec/);
    await sites.exec("a", "ip", "xfrm", "policy", "flush");
    await toldOnce("plane-changed", { pseudowire: "lan", from: "userspace", plane: "ebpf" });
  });

  test("what goes down and up again and again flaps; the last reason stays in the status", async () => {
    for (let time = 1; time <= 5; time += 1) {
      await circuitOfB("down");
      await sites.told(`down ${time}`, "a", ({ pseudowires: [lan] }) => lan?.downs === time);
      await circuitOfB("up");
      await sites.told(`up ${time}`, "a", ({ pseudowires: [lan] }) => lan?.ups === time + 1);
    }
    await toldOnce("pseudowire-down", { pseudowire: "lan", cause: "remote-circuit" });
    await toldOnce("flapping", { tunnel: "peer", pseudowire: "lan", downs: 5 });
    expect(told("pseudowire-down", { pseudowire: "lan" })).toHaveLength(4);
    const lan = await sites.pseudowire("a");
    expect(lan).toMatchObject({ state: "established", ups: 6, downs: 5, flapping: true });
    expect(lan.lastChange?.text).toMatch(
      /^up again, was down for \d+ s: the attachment circuit at the other end/,
    );
    expect(lan.notes?.join()).toMatch(/it is flapping: down 5 times within/);
  });

  test("events may be chosen, and unknown names are told", async () => {
    const events = (...words: readonly string[]) =>
      wirespan("events", "--socket", sites.socket("a"), "--json", ...words);
    const names = async (...words: readonly string[]) =>
      linesIn((await events(...words)).stdout).map(({ event }) => event);
    expect(new Set(await names("--tunnel", "other"))).not.toContain("flapping");
    expect(await names("--pseudowire", "lan", "--level", "warn", "-n", "1", "--since", "10m")).toEqual([
      "flapping",
    ]);
    const unknown = await events("--tunnel", "per");
    expect([unknown.status, unknown.stderr]).toEqual([
      1,
      expect.stringContaining("the most like it is peer"),
    ]);
    const wrong = await events("--since", "yesterday");
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("30s, 10m, 2h or 1d")]);
    expect((await events("--level", "trace")).stderr).toContain("wirespan events -f --level trace");
    const text = (await wirespan("events", "--socket", sites.socket("a"), "--level", "warn")).stdout;
    expect(text).toMatch(/Z warn {2}pseudowire lan of tunnel peer: it is flapping/);
    expect(text).not.toContain("\u001b");
  });

  test("the log has what the readers had, with the fields of the table and no others", async () => {
    expect(await a.end("SIGTERM")).toBeGreaterThan(0);
    await eventually("the reader ended", () => reader.exitCode !== null);
    const own = new Set(["level", "time", "pid", "event", "text"]);
    const lines = linesIn(a.log);
    for (const { event, level, ...fields } of lines) {
      const row = eventTable[event];
      expect(row.levels, event).toContain(level);
      const known: readonly string[] = row.fields;
      expect(
        Object.keys(fields).filter((field) => !own.has(field) && !known.includes(field)),
        event,
      ).toEqual([]);
    }
    const heard = new Set(linesIn(read).map(({ text }) => text));
    const lost = lines.filter(
      ({ level, text }) => level !== "trace" && level !== "debug" && !heard.has(text),
    );
    // Readers are gone by then.
    expect(lost.map(({ event }) => event)).toEqual(["stopped"]);
  });
});
