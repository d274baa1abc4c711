import { expect, test } from "vitest";
import type { ReportedEvent } from "../../src/control/effects.ts";
import { EventLog } from "../../src/daemon/event-log.ts";
import type { Log } from "../../src/daemon/log.ts";
import { LogLimiter } from "../../src/daemon/log-limiter.ts";
import { digestAuthentication } from "../simulation/world.ts";
import { Bench, lan, peerPath } from "../support/bench.ts";
import { scaled } from "../support/effort.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

/** What an event log writes, as "level text". */
function written(events: readonly ReportedEvent[], apartMs = 0): readonly string[] {
  const lines: string[] = [];
  const at = (level: string) => (_fields: unknown, text: string) => lines.push(`${level} ${text}`);
  const log = { debug: at("debug"), info: at("info"), warn: at("warn") } as unknown as Log;
  const eventLog = new EventLog(log);
  for (const [index, event] of events.entries()) eventLog.report(event, index * apartMs);
  return lines;
}

test("of a kind a few lines are written in a while, and what was left out is said with the next one", () => {
  const limiter = new LogLimiter();
  const admitted = Array.from({ length: 1000 }, (_, index) => limiter.admit("kind", 1000 + index));
  expect(admitted.filter((more) => more !== undefined)).toEqual(["", "", "", "", ""]);
  expect(limiter.admit("another", 1500)).toBe("");
  expect(limiter.admit("kind", 14_000)).toBe(" (and 995 more like this in 13 s; now one line per minute)");
  expect(limiter.admit("kind", 14_000)).toBeUndefined();
  expect(limiter.leftOut).toBe(996);
});

test("what goes on for hours writes less and less, and when it is over for a while begins anew", () => {
  const limiter = new LogLimiter();
  const writtenAt: number[] = [];
  const HOUR = 3600;
  for (let second = 0; second < 4 * HOUR; second += 1) {
    const admitted = [0, 100, 200].map((ms) => limiter.admit("kind", 1000 * second + ms));
    if (admitted.some((more) => more !== undefined)) writtenAt.push(second);
  }
  expect(writtenAt.slice(0, 6)).toEqual([0, 1, 10, 70, 670, 1270]);
  expect(writtenAt.length).toBe(3 + Math.ceil((4 * HOUR - 70) / 600));
  // 3 a second, of which 3 + 2 were written at first and then one in each window.
  expect(limiter.leftOut).toBe(3 * 4 * HOUR - 5 - (writtenAt.length - 2));
  const words = Array.from({ length: 6 }, () => limiter.admit("kind", 1000 * 6 * HOUR));
  expect(words.slice(1)).toEqual(["", "", "", "", undefined]);
  expect(words[0]).toMatch(/^ \(and \d+ more like this in \d+ s\)$/);
});

test.each(["none", "digest"] as const)(
  "authentication %s: thousands of forged datagrams write a few lines, each tunnel and kind for itself",
  (mode) => {
    const authentication = mode === "digest" ? { authentication: digestAuthentication("secret") } : {};
    const bench = new Bench({ role: "responder", ...authentication });
    bench.open(lan);
    for (let id = 1; id <= scaled(20_000); id += 1) {
      const path = {
        ...peerPath,
        remotePort: id,
        ...(id % 3 === 0 ? { remoteAddress: "198.51.100.7" } : {}),
      };
      const peer = new ScriptedPeer(bench, id);
      const refusable = id % 5 === 0 ? { receiveWindowSize: 0 } : {};
      peer.say("SCCRQ", { ...peer.openingAvps, ...refusable, tieBreaker: new Uint8Array(8) }, { path });
      bench.transmissions = [];
    }
    const lines = written(bench.events);
    expect(lines.length).toBeLessThan(60);
    expect(lines).toContain(
      'info discarded SCCRQ from 198.51.100.7 (Host Name "peer"): no tunnel is for its address and names',
    );
    expect(lines.some((line) => line.startsWith(mode === "digest" ? "warn tunnel peer: " : "info "))).toBe(
      true,
    );
  },
);

test.each([
  ["hostile\x1b[2J\nname", '(Host Name "hostile\\x1b[2J name")'],
  [`long ${"x".repeat(500)}`, `(Host Name "long ${"x".repeat(112)}...")`],
  ["", "(it gives no Host Name):"],
])("an SCCRQ that no tunnel is for is told with its Host Name, %j", (hostName, words) => {
  const bench = new Bench({ role: "responder" });
  bench.open(lan);
  const caller = new ScriptedPeer(bench);
  const path = { ...peerPath, remoteAddress: "198.51.100.9" };
  caller.say("SCCRQ", { ...caller.openingAvps, hostName }, { path });
  expect(written(bench.events)).toEqual([
    expect.stringMatching(/^info discarded SCCRQ from 198\.51\.100\.9 \(.*: no tunnel is for .* names$/),
  ]);
  expect(written(bench.events).join()).toContain(words);
});

test("who fails authentication by tunnels of any address is in the log, in few lines for them all", () => {
  const bench = new Bench({ from: [], authentication: digestAuthentication("secret") });
  bench.open();
  const tunnels = Array.from({ length: 20 }, (_, index) => `branch-${index}`);
  for (const name of tunnels)
    bench.input({ kind: "open-connection", peer: { ...bench.settings, name, peerHostName: name } });
  const stranger = new ScriptedPeer(bench);
  for (const hostName of [...tunnels, "who"])
    for (let count = 0; count < 10; count += 1)
      stranger.say("SCCRQ", { ...stranger.openingAvps, hostName }, { path: peerPath, ns: 0 });
  const lines = written(bench.events);
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe(
    'warn discarded SCCRQ from 192.0.2.2 (Host Name "branch-0"): ' +
      "it carries no Message Digest, and tunnel branch-0 has a secret: is one configured at its end?",
  );
});

test("a peer whose secret differs is in the log with its address, and is not said to be silent", () => {
  const bench = new Bench({ role: "either", authentication: digestAuthentication("secret") });
  const secrets = [new TextEncoder().encode("another")];
  const protection = { digestType: "hmac-sha1" as const, secrets, nonce: new Uint8Array(16).fill(7) };
  const peer = new ScriptedPeer(bench, undefined, protection);
  bench.open();
  peer.heard();
  peer.say("SCCRP", peer.openingAvps);
  bench.advance(80_000);
  const lines = written(bench.events, 20_000);
  expect(lines).toContain(
    "warn tunnel peer: messages from 192.0.2.2 fail authentication: do both ends have the same secret?",
  );
  expect(lines.join("\n")).toContain("no valid answer came: messages from 192.0.2.2 fail authentication");
  expect(lines.join("\n")).not.toContain("the peer does not answer");
});

test("a connection that comes up and goes down is written, up to a limit of its tunnel", () => {
  const stopped = (peer: string, from: string): ReportedEvent => {
    const change = { event: "control-connection", peer, localControlConnectionId: 1, from } as const;
    return { ...change, cause: "stopccn", to: "idle" };
  };
  const lines = written([
    ...Array.from({ length: 100 }, () => stopped("hq", "wait-ctl-conn")),
    ...Array.from({ length: 100 }, () => stopped("hq", "established")),
    stopped("other", "established"),
  ]);
  expect(lines.filter((line) => line.includes("wait-ctl-conn"))).toHaveLength(5);
  expect(lines.filter((line) => line.includes("tunnel hq: established"))).toHaveLength(20);
  expect(lines.filter((line) => line.includes("tunnel other: established"))).toHaveLength(1);
});

test("thousands of sessions that change at once are a few lines, with how many were left out", () => {
  const ended = (index: number): ReportedEvent => {
    const session = { event: "session", peer: "hq", pseudowire: `p${index}`, localSessionId: index } as const;
    return { ...session, from: "established", cause: "connection-lost", to: "idle" };
  };
  const many = Array.from({ length: 10_000 }, (_, index) => ended(index));
  expect(written(many)).toHaveLength(20);
  const lines = written(many, 10);
  expect(lines.length).toBeLessThan(25);
  expect(lines[20]).toMatch(/\(and 980 more like this in 10 s; now one line per minute\)$/);
});

test("a connection not in use is named; the last line of an established tunnel says established", () => {
  const bench = new Bench({ role: "either" });
  bench.open(lan);
  const older = new ScriptedPeer(bench, 0x11);
  older.heard();
  older.say("SCCRP", older.openingAvps);
  older.heard();
  const newer = new ScriptedPeer(bench, 0x22);
  newer.say("SCCRQ", { ...newer.openingAvps, tieBreaker: new Uint8Array(8) });
  newer.heard();
  newer.say("SCCCN", {});
  const lines = written(bench.events).filter((line) => line.startsWith("info tunnel peer"));
  expect(lines.filter((line) => / -> established /.test(line))).toEqual([
    "info tunnel peer: wait-ctl-reply -> established (sccrp)",
    "info tunnel peer: wait-ctl-conn -> established (scccn)",
  ]);
  const retired = lines.filter((line) => line.includes("(retire)"));
  expect(retired).toEqual([
    expect.stringMatching(/^info tunnel peer, control connection 0x[0-9a-f]{8}: established -> idle /),
  ]);
  expect(lines.at(-1)).toContain("-> established");
});

test("moves of a path, those refuted and a path that is held are told with both ends, few of a kind", () => {
  const event = { event: "path", peer: "hq", localControlConnectionId: 7, path: peerPath } as const;
  const former = { ...peerPath, remoteAddress: "198.51.100.7", remotePort: 40_000 };
  const events: readonly ReportedEvent[] = [
    { ...event, change: "moved", former, detail: "the peer is there now" },
    { ...event, change: "held", detail: "it moved 10 times within a minute" },
    { ...event, change: "doubted", detail: "its data stopped" },
    ...Array.from({ length: 1000 }, () => ({ ...event, change: "refuted", detail: "no answer" }) as const),
  ];
  const lines = written(events);
  expect(lines.slice(0, 4)).toEqual([
    "info tunnel hq: the path is 192.0.2.1:1701 -> 192.0.2.2:1701 now, " +
      "and was 192.0.2.1:1701 -> 198.51.100.7:40000: the peer is there now",
    "warn tunnel hq: the path stays 192.0.2.1:1701 -> 192.0.2.2:1701 for a minute: " +
      "it moved 10 times within a minute",
    "info tunnel hq: no answer from 192.0.2.2:1701: its data stopped",
    "info tunnel hq: the peer is not followed to 192.0.2.2:1701: no answer",
  ]);
  expect(lines.length).toBe(8);
});
