import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InvariantError, OperationalError } from "../../src/bytes/errors.ts";
import { type ApiHandlers, httpRoutes, routes } from "../../src/daemon/api.ts";
import {
  askAdministration,
  askReload,
  askStatus,
  askToClear,
  requestConfirm,
  requestHandOver,
  requestRevert,
} from "../../src/daemon/api-client.ts";
import { ConflictError, NoDaemonError, NoSuchNameError, RefusedError } from "../../src/daemon/api-errors.ts";
import { openApiServer } from "../../src/daemon/api-server.ts";
import { EventFeed } from "../../src/daemon/events.ts";
import type { ReloadReport, StatusReport } from "../../src/daemon/status.ts";
import { ended, readLate } from "../support/event-readers.ts";

let folder: string;
let path: string;
let feed: EventFeed;
let nowMs: number;
let server: { close(): Promise<void> };
const bugs: unknown[] = [];
const broken = (error: unknown) => void bugs.push(error);
let handlers: { -readonly [Key in keyof ApiHandlers]: ApiHandlers[Key] };

const status = { apiVersion: 1, pid: 7 } as StatusReport;
const done: ReloadReport = { changed: true, plan: "create tunnel a", problems: [], refused: false };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-api-"));
  path = join(folder, "control.sock");
  nowMs = Date.now();
  feed = new EventFeed(() => nowMs);
  handlers = {
    status: async () => status,
    reload: async () => done,
    metrics: async () => [Buffer.from("a 1\n"), Buffer.from("b 2\n")],
    live: { listen: () => ({ [Symbol.dispose]: () => undefined }) },
    page: () => ({ links: [], waiting: [] }),
    mtu: async () => [],
    confirm: async () => undefined,
    revert: async () => done,
    handOver: async () => ({ pid: 7, goesOn: true, plane: "ebpf", planeReason: "why" }),
    administer: async () => ({ changed: true }),
    clearCounters: async () => undefined,
    leave: async () => () => undefined,
    captures: async () => {
      throw new OperationalError("the daemon is stopping");
    },
    feed,
  };
  server = await openApiServer(path, handlers, broken);
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly allow: string | undefined;
}

/** One HTTP exchange. */
function ask(
  method: string,
  target: string,
  options: { body?: string; headers?: object } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { ...options.headers };
    const call = request({ socketPath: path, method, path: target, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => {
        body += piece;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body, allow: response.headers.allow }),
      );
    });
    call.on("error", reject);
    call.end(options.body);
  });
}

/** A connection that says `text`, and all that comes back until it ends. */
async function raw(text: string): Promise<string> {
  const socket = createConnection(path);
  socket.write(text);
  return await ended(socket);
}

test("the socket is for its owner alone, and replaces the file of a dead daemon", async () => {
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(openApiServer(path, handlers, broken)).rejects.toThrow(
    /EADDRINUSE .*another wirespan is running/,
  );
  await server.close();
  writeFileSync(path, "");
  server = await openApiServer(path, handlers, broken);
  expect(await askStatus(path)).toEqual(status);
});

describe("routes", () => {
  test("tunnels and pseudowires are closed and opened by hand, by their names", async () => {
    const asked: unknown[] = [];
    handlers.administer = async (request) => {
      asked.push(request);
      return { changed: true };
    };
    for (const kind of ["tunnel", "pseudowire"])
      for (const action of ["down", "up", "bounce"])
        expect(await ask("POST", `/v1/${kind}/${action}?name=a%2Db`)).toMatchObject({ status: 200 });
    expect(asked).toHaveLength(6);
    expect(asked[0]).toEqual({ kind: "tunnel", action: "down", name: "a-b" });
    expect((await ask("POST", "/v1/tunnel/down")).status).toBe(400);
    expect((await ask("GET", "/v1/tunnel/down?name=a")).status).toBe(405);
    handlers.administer = async () => {
      throw new NoSuchNameError("tunnel", "a", ["b"]);
    };
    expect((await ask("POST", "/v1/tunnel/up?name=a")).status).toBe(404);
    await expect(askAdministration(path, { kind: "tunnel", action: "up", name: "a" })).rejects.toThrow(
      "/v1/tunnel/up: no tunnel is called a",
    );
  });

  test("counters are cleared, all or those of a name; the network is offered none of it", async () => {
    const asked: unknown[] = [];
    handlers.clearCounters = async (name) => void asked.push(name);
    await askToClear(path, undefined);
    await askToClear(path, "lan");
    expect(asked).toEqual([undefined, "lan"]);
    expect(httpRoutes.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("status and reload answer JSON", async () => {
    expect(await askStatus(path)).toEqual(status);
    expect(await askReload(path)).toEqual(done);
  });

  test("metrics are text, of all pieces", async () => {
    const { status: code, body } = await ask("GET", "/metrics");
    expect([code, body]).toEqual([200, "a 1\nb 2\n"]);
  });

  test("a refused file is 422 with the report", async () => {
    const refused = { changed: false, plan: "", problems: ["a.yaml:1:1 x"], refused: true };
    handlers.reload = async () => refused;
    expect((await ask("POST", "/v1/reload")).status).toBe(422);
    expect(await askReload(path)).toEqual(refused);
  });

  test("how a reload is wanted is in the query, and nothing else is", async () => {
    const wanted: unknown[] = [];
    handlers.reload = async (request) => {
      wanted.push(request);
      return done;
    };
    await askReload(path);
    await askReload(path, undefined, { dryRun: true });
    await askReload(path, undefined, { confirmMs: 60_000 });
    expect((await ask("POST", "/v1/reload?dry-run=false&confirm=86400")).status).toBe(200);
    expect(wanted).toEqual([
      { dryRun: false },
      { dryRun: true },
      { confirmMs: 60_000 },
      { confirmMs: 86_400_000 },
    ]);
    for (const query of [
      "dry-run=yes",
      "confirm=0",
      "confirm=1e3",
      "confirm=86401",
      "confirm=",
      "dryrun=true",
    ])
      expect((await ask("POST", `/v1/reload?${query}`)).status).toBe(400);
    expect((await ask("POST", "/v1/reload?dry-run=true&confirm=5")).body).toContain("nothing to confirm");
    expect(wanted).toHaveLength(4);
  });

  test("a reload is confirmed or reverted; 409 where there is none", async () => {
    expect(await requestConfirm(path)).toEqual({});
    expect(await requestRevert(path)).toEqual(done);
    handlers.confirm = () => Promise.reject(new ConflictError("there is no reload to confirm"));
    expect((await ask("POST", "/v1/reload/confirm")).status).toBe(409);
    await expect(requestConfirm(path)).rejects.toThrow("there is no reload to confirm");
  });

  test.each(["/index.html", "/v1/statu", "//", "/v1/status/", "http://[/", "/%", "*"])(
    "no route %s: 404",
    async (target) => {
      const { status: code, body } = await ask("GET", target);
      expect(code).toBe(404);
      const listed = (JSON.parse(body) as { routes: string[] }).routes;
      expect(listed).toEqual(routes.map((route) => `${route.method} ${route.path}`));
    },
  );

  test("another method: 405 with those that there are", async () => {
    const { status: code, allow, body } = await ask("DELETE", "/v1/reload");
    expect([code, allow]).toEqual([405, "POST"]);
    expect(body).toContain("POST /v1/reload");
    expect((await ask("GET", "/v1/hand-over")).status).toBe(200);
    expect((await ask("PUT", "/v1/hand-over")).allow).toBe("GET, POST");
  });

  test("what cannot be done now is 503, and the client says why", async () => {
    handlers.status = () => Promise.reject(new OperationalError("the daemon is stopping"));
    await expect(askStatus(path)).rejects.toThrow(new RefusedError("/v1/status: the daemon is stopping"));
  });
});

test.each([
  new TypeError("x is not a function"),
  new InvariantError("no row"),
  new RangeError("out of it"),
  "text",
])("a bug of ours in a handler, %s, is answered by nothing and reported", async (bug) => {
  handlers.reload = () => Promise.reject(bug);
  const answer = ask("POST", "/v1/reload").catch(() => undefined);
  await expect.poll(() => bugs.splice(0)).toEqual([bug]);
  await server.close();
  expect(await answer).toBeUndefined();
  server = await openApiServer(path, handlers, broken);
});

describe("bounds", () => {
  test("a body of more than 4096 octets is refused", async () => {
    expect((await ask("POST", "/v1/reload", { body: "x".repeat(4096) })).status).toBe(200);
    expect((await ask("POST", "/v1/reload", { body: "x".repeat(4097) })).status).toBe(413);
  });

  test("a header of more than 8192 octets is refused", async () => {
    expect(await raw(`GET /v1/status HTTP/1.1\r\nX: ${"x".repeat(9000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
  });

  test("what is no HTTP is refused", async () => {
    expect(await raw("hello\r\n\r\n")).toMatch(/^HTTP\/1.1 400 .*not an HTTP request/s);
  });

  test("two requests in one connection: the second is not answered", async () => {
    const text = await raw("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2));
    expect(text.match(/"pid":7/g)?.length).toBe(1);
  });

  test("connections beyond 64 are closed at once", async () => {
    const open = Array.from({ length: 64 }, () => createConnection(path));
    await Promise.all(open.map((socket) => once(socket, "connect")));
    await expect(askStatus(path)).rejects.toThrow(NoDaemonError);
    for (const socket of open) socket.destroy();
  });

  test("four answers at once; a request whose client hangs up before its turn is never begun", async () => {
    const release: (() => void)[] = [];
    const begun = { reload: 0, leave: 0 };
    handlers.reload = () => {
      begun.reload += 1;
      return new Promise((resolve) => release.push(() => resolve(done)));
    };
    handlers.leave = async () => {
      begun.leave += 1;
      return () => undefined;
    };
    const reloads = [askReload(path), askReload(path)];
    await expect.poll(() => begun.reload).toBe(2);
    const waiting = createConnection(path);
    const told = once(waiting, "data");
    waiting.write("POST /v1/hand-over HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    expect(String(await told)).toMatch(/^HTTP\/1.1 102 /);
    waiting.destroy();
    // Readers have places of their own.
    expect(await askStatus(path)).toEqual(status);
    for (const each of release) each();
    expect(await Promise.all(reloads)).toEqual([done, done]);
    await ask("POST", "/v1/hand-over");
    expect(begun.leave).toBe(1);
  });

  test("the client has the answer before the daemon leaves", async () => {
    const left = new Promise<string>((resolve) => {
      handlers.leave = async () => () => resolve("left");
    });
    expect(await requestHandOver(path, 10_000)).toEqual({});
    expect(await left).toBe("left");
  });
});

/** The events in the text of a stream: "missed N", or number and text. */
function eventsIn(stream: string): readonly string[] {
  return [...stream.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => {
    const { id = "", text, missed } = JSON.parse(json) as Record<string, string>;
    return missed === undefined ? `${id.split("-")[1]} ${text}` : `missed ${missed}`;
  });
}

describe("events", () => {
  const publish = (count: number) => {
    for (let index = 0; index < count; index += 1) feed.publish("info", { event: "note" }, `text ${index}`);
  };

  test("those of the ring, from the one after Last-Event-ID on", async () => {
    publish(3);
    const all = await ask("GET", "/v1/events?follow=false");
    expect(eventsIn(all.body)).toEqual(["1 text 0", "2 text 1", "3 text 2"]);
    const refused = await ask("GET", "/v1/events?follow=maybe");
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([
      400,
      "follow is true, which is the default, or false",
    ]);
    expect(all.body).toMatch(/^id: \d+-1\nevent: note\ndata: \{/);
    const resume = (id: string) =>
      ask("GET", "/v1/events?follow=false", { headers: { "Last-Event-ID": id } });
    expect(eventsIn((await resume(`${feed.id}-2`)).body)).toEqual(["3 text 2"]);
    expect(eventsIn((await resume("12345-2")).body).length).toBe(3);
    // One that this daemon has not given yet: events to come would be those before it.
    expect(eventsIn((await resume(`${feed.id}-3`)).body)).toEqual([]);
    for (const number of ["4", "999999999999999", "99999999999999999999", "-5"])
      expect(eventsIn((await resume(`${feed.id}-${number}`)).body).length, number).toBe(3);
    publish(1500);
    expect(eventsIn((await resume(`${feed.id}-2`)).body).slice(0, 2)).toEqual(["missed 501", "504 text 500"]);
    expect(eventsIn((await ask("GET", `/v1/events?follow=false&after=${feed.id}-1502`)).body)).toEqual([
      "1503 text 1499",
    ]);
  });

  test("new ones as they come, until the daemon closes", async () => {
    publish(1);
    const socket = createConnection(path);
    const told = once(socket, "data");
    const stream = ended(socket);
    socket.write("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    await told;
    publish(2);
    await server.close();
    expect(eventsIn(await stream)).toEqual(["1 text 0", "2 text 0", "3 text 1"]);
  });

  test("a reader that stops reading loses events and learns how many; nothing is queued for it", async () => {
    const socket = createConnection(path);
    const { all } = await readLate(socket, feed);
    await server.close();
    const missed = eventsIn(await all).flatMap((line) => /^missed (\d+)$/.exec(line)?.[1] ?? []);
    expect(missed.length).toBe(1);
    expect(Number(missed[0])).toBeGreaterThan(19_000);
  });

  describe("which are wanted", () => {
    const wanted = async (query: string) =>
      eventsIn((await ask("GET", `/v1/events?follow=false${query}`)).body).map((line) => line.slice(2));

    beforeEach(() => {
      feed.names = {
        tunnels: ["hq", "lyon"],
        pseudowires: ["lan", "voice"],
        find: (pseudowire) => (pseudowire === "lan" ? { tunnel: "hq" } : undefined),
      };
      feed.publish("info", { event: "tunnel-up", tunnel: "hq" }, "hq up");
      feed.publish("warn", { event: "note", pseudowire: "lan" }, "lan odd");
      feed.publish("error", { event: "tunnel", tunnel: "lyon" }, "lyon waits");
      feed.publish("info", { event: "pseudowire-up", tunnel: "former", pseudowire: "gone" }, "gone up");
      feed.publish("debug", { event: "control-discard" }, "not kept");
    });

    test.each([
      ["", ["hq up", "lan odd", "lyon waits", "gone up"]],
      ["&tunnel=hq", ["hq up", "lan odd"]],
      ["&pseudowire=lan", ["lan odd"]],
      ["&tunnel=lyon&level=error", ["lyon waits"]],
      ["&level=warn", ["lan odd", "lyon waits"]],
      ["&level=fatal", []],
      ["&level=trace", ["hq up", "lan odd", "lyon waits", "gone up"]],
      ["&last=2", ["lyon waits", "gone up"]],
      ["&last=1&level=warn", ["lyon waits"]],
      ["&last=9&tunnel=hq", ["hq up", "lan odd"]],
      ["&last=0", []],
      ["&sinceMs=60000", ["hq up", "lan odd", "lyon waits", "gone up"]],
      ["&tunnel=former", ["gone up"]],
      ["&pseudowire=voice", []],
    ] as const)("%s", async (query, texts) => {
      expect(await wanted(query)).toEqual(texts);
    });

    test("those of before are left out by the time", async () => {
      nowMs += 60_000;
      feed.publish("info", { event: "note" }, "now");
      expect(await wanted("&sinceMs=59999")).toEqual(["now"]);
      expect((await wanted("&sinceMs=60000")).length).toBe(5);
    });

    test.each([
      ["&tunnel=lion", 404, "there is no tunnel of this name; the most like it is lyon"],
      ["&pseudowire=nothing", 404, "there is no pseudowire of this name"],
      ["&level=loud", 400, "level is one of trace, debug, info, warn, error, fatal"],
      ["&sinceMs=10m", 400, "sinceMs is how long ago, in ms"],
      ["&last=-1", 400, "last is how many events"],
    ] as const)("%s is refused", async (query, code, words) => {
      const { status: given, body } = await ask("GET", `/v1/events?follow=false${query}`);
      expect([given, JSON.parse(body).error]).toEqual([code, words]);
    });

    test("those at debug are for who asks, without an id; who does not read is not waited for", async () => {
      const reader = (query: string) => {
        const socket = createConnection(path);
        socket.write(`GET /v1/events?${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
        return socket;
      };
      const deaf = reader("level=debug");
      await once(deaf, "readable");
      const [all, few] = [reader("level=debug&last=0"), reader("last=0")];
      const [heard, heardLess] = [ended(all), ended(few)];
      await Promise.all([once(all, "data"), once(few, "data")]);
      feed.publish("trace", { event: "control-message" }, "trace");
      feed.publish("debug", { event: "control-discard" }, "debug");
      feed.publish("info", { event: "note" }, "info");
      const text = "x".repeat(5000);
      for (let count = 0; count < 20_000; count += 1) {
        feed.publish("debug", { event: "control-discard" }, text);
        if (count % 100 === 0) await new Promise(setImmediate);
      }
      const rest = ended(deaf);
      await server.close();
      expect(await heardLess).not.toContain("debug");
      const lines = (await heard).split("\n").filter((line) => line.startsWith("data: "));
      expect(lines.slice(0, 2).map((line) => JSON.parse(line.slice(6)))).toMatchObject([
        { level: "debug", event: "control-discard", text: "debug" },
        { level: "info", text: "info", id: `${feed.id}-5` },
      ]);
      expect(JSON.parse(lines[0]?.slice(6) ?? "")).not.toHaveProperty("id");
      expect((await rest).length).toBeLessThan(20_000_000);
    });
  });

  test("16 readers at most", async () => {
    const readers = Array.from({ length: 16 }, () => createConnection(path));
    for (const reader of readers) {
      reader.write("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(reader, "data");
    }
    expect((await ask("GET", "/v1/events")).status).toBe(503);
    readers[0]?.destroy();
    await expect.poll(async () => (await ask("GET", "/v1/events?follow=false")).status).toBe(200);
    for (const reader of readers) reader.destroy();
  });
});

describe("other versions", () => {
  test("a client of JSON lines is told what this daemon speaks", async () => {
    const reply = JSON.parse(await raw('{"command":"status"}\n')) as { ok: boolean; error: string };
    expect(reply.ok).toBe(false);
    expect(reply.error).toMatch(/speaks HTTP here; use the wirespan command of its version/);
  });

  test("a daemon of JSON lines is named as such by the client", async () => {
    const old = join(folder, "old.sock");
    const listener = createServer((client) => {
      client.on("data", () =>
        client.end('{"ok":false,"error":"Unexpected token G in JSON at position 0"}\n'),
      );
    });
    listener.listen(old);
    await once(listener, "listening");
    await expect(askStatus(old)).rejects.toThrow(/does not speak HTTP, so it is of an older version/);
    listener.close();
  });

  test("nobody there: what to do", async () => {
    await expect(askStatus(join(folder, "none.sock"))).rejects.toThrow(
      /ENOENT; no daemon answers there; start/,
    );
  });
});
