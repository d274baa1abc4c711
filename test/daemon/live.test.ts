import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ApiHandlers, httpRoutes } from "../../src/daemon/api.ts";
import { ApiService } from "../../src/daemon/api-service.ts";
import { EventFeed } from "../../src/daemon/events.ts";
import { LiveFeed } from "../../src/daemon/live-feed.ts";
import { LiveReader } from "../../src/daemon/live-reading.ts";
import type { MetricsSources } from "../../src/daemon/metrics-subjects.ts";

/** The live stream: what it reads, when, and for how many. */

const counters = { receivedFrames: 1, receivedOctets: 64, transmittedFrames: 2, transmittedOctets: 128 };

function sourcesOf(pseudowires: number, more: object = {}): MetricsSources {
  const own = Array.from({ length: pseudowires }, (_, index) => ({ name: `lan${index}` }));
  const sessions = own.map((_, index) => ({ localSessionId: index, ...counters, discards: { oversize: 3 } }));
  return {
    config: {
      tunnels: [
        { name: "hq", control: {}, pseudowires: own },
        { name: "static", pseudowires: [] },
      ],
    },
    overview: { connections: [{ peer: "hq", state: "established" }] },
    counters: { sessions, discards: { oversize: 1 } },
    ...{ nowMs: 5000, startedMs: 1000, waiting: () => undefined, isCircuitUp: () => true },
    ...{ ends: () => ({}), ipControlDrops: 4 },
    history: () => ({ isUp: true, downs: 0, changedMs: 7 }),
    pseudowireOfSession: (id: number) => own[id]?.name,
    ...more,
  } as unknown as MetricsSources;
}

describe("a reading", () => {
  test("has the numbers of each pseudowire, their sums, and discards of all by reason", async () => {
    const read = await new LiveReader().read(sourcesOf(2), 0);
    expect([...read.values]).toEqual([1, 1, 1, 64, 2, 128, 3, 1, 1, 1, 64, 2, 128, 3]);
    expect(read).toMatchObject({
      uptimeMs: 4000,
      sums: [2, 2, 2, 128, 4, 256, 6],
      discards: { oversize: 7, "control-overflow": 4 },
    });
    expect([[...read.tunnels], read.names.pseudowires]).toEqual([
      [1, 1],
      [
        ["lan0", 0],
        ["lan1", 0],
      ],
    ]);
  });

  test("has no tunnel up that is not open, as one that was closed by hand", async () => {
    const ends = (name: string) => (name === "static" ? undefined : {});
    const { tunnels } = await new LiveReader().read({ ...sourcesOf(2), ends } as MetricsSources, 0);
    expect([...tunnels]).toEqual([1, 0]);
  });

  test("has another version where a status would say something else than numbers", async () => {
    const reader = new LiveReader();
    const sources = sourcesOf(2);
    const versionOf = async (more: object, lastEvent = 0) =>
      (await reader.read({ ...sources, ...more }, lastEvent)).version;
    const first = await versionOf({});
    expect(await versionOf({ nowMs: 6000, counters: { sessions: [], discards: {} } })).toBe(first);
    expect(await versionOf({}, 1)).toBe(first + 1);
    expect(await versionOf({ history: () => ({ isUp: false, downs: 1, changedMs: 8 }) }, 1)).toBe(first + 2);
    expect(await versionOf({ waiting: () => ({ problem: "no address" }) }, 1)).toBe(first + 3);
    const again = await reader.read({ ...sources, config: { ...sources.config } }, 1);
    expect([again.version, again.names.id]).toEqual([first + 4, 2]);
  });

  test("of many lets others have their turn", async () => {
    let turns = 0;
    const count = () => {
      turns += 1;
      if (turns < 1000) setImmediate(count);
    };
    setImmediate(count);
    await new LiveReader().read(sourcesOf(10_000), 0);
    expect(turns).toBeGreaterThanOrEqual(20);
    turns = 1000;
  });
});

let service: ApiService;
let feed: EventFeed;
let port: number;
let readings: number;
let world: MetricsSources;
const bugs: unknown[] = [];

beforeEach(async () => {
  readings = 0;
  world = sourcesOf(3);
  feed = new EventFeed();
  const sources = async () => {
    readings += 1;
    return world;
  };
  const handlers = {
    feed,
    live: new LiveFeed({ sources, events: feed, pauseMs: 1 }),
  } as unknown as ApiHandlers;
  service = new ApiService({ handlers, offered: httpRoutes, broken: (error) => void bugs.push(error) });
  const server = service.newServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  close = () => {
    service.closeStreams();
    return service.closeServer(server);
  };
});
let close: () => Promise<void>;
afterEach(async () => {
  await close();
  expect(bugs.splice(0)).toEqual([]);
});

/** What a reader gets until a pattern is in it. */
async function until(pattern: RegExp, query = ""): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  socket.write(`GET /v1/live${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  let text = "";
  for await (const piece of socket) {
    text += piece;
    if (pattern.test(text)) break;
  }
  return text;
}

const live = /event: live\ndata: (.*)\n\n/;
const rowsIn = (text: string) =>
  JSON.parse(live.exec(text)?.[1] ?? "{}").rows?.map((row: number[]) => row[0]);

describe("the stream", () => {
  test("says the names once, what the log has, and then readings", async () => {
    feed.publish("info", { event: "note" }, "something happened");
    const text = await until(/(event: live[\s\S]*){3}/);
    expect(text.match(/event: names/g)?.length).toBe(1);
    expect(text).toMatch(/event: log\ndata: .*something happened/);
    expect(rowsIn(text)).toEqual([0, 1, 2]);
  });

  test("nothing is read while nobody listens, and once for all that do", async () => {
    expect(readings).toBe(0);
    await Promise.all(Array.from({ length: 10 }, () => until(live)));
    await expect.poll(() => readings).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        const before = readings;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return readings - before;
      })
      .toBe(0);
  });

  test("of more than a thousand it has those that are asked for by positions of the same names", async () => {
    world = sourcesOf(1001);
    expect(rowsIn(await until(live))).toEqual([]);
    const id = JSON.parse(/event: names\ndata: (.*)/.exec(await until(live))?.[1] ?? "{}").id;
    expect(rowsIn(await until(live, `?names=${id}&pseudowires=7.1000.5000`))).toEqual([7, 1000]);
    expect(rowsIn(await until(live, "?names=99&pseudowires=1.2"))).toEqual([]);
  });

  test.each(["a", "1,2", "1..2", `${"1.".repeat(1000)}1`])("pseudowires=%s: 400", async (list) => {
    expect(await until(/\r\n\r\n/, `?pseudowires=${list}`)).toMatch(/^HTTP\/1.1 400 /);
  });

  test("there are 16 readers at most; one that takes nothing is dropped", async () => {
    world = sourcesOf(1000);
    const stalled = Array.from({ length: 16 }, () => {
      const socket = connect({ port, host: "127.0.0.1" }).pause();
      socket.on("error", () => undefined);
      socket.write("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
      return socket;
    });
    await Promise.all(stalled.map((socket) => once(socket, "connect")));
    await expect.poll(() => until(/\r\n\r\n/), { timeout: 20_000 }).toMatch(/^HTTP\/1.1 503 /);
    // Nobody reads: they go one by one, and there is room again.
    await expect.poll(() => until(/\r\n\r\n/), { timeout: 60_000 }).toMatch(/^HTTP\/1.1 200 /);
    for (const socket of stalled) socket.destroy();
  });
});
