import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { createConnection, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HttpConfig } from "../../src/config/config.ts";
import { listenAddressOf } from "../../src/config/listen-address.ts";
import { type ApiHandlers, httpRoutes, routes } from "../../src/daemon/api.ts";
import { askStatus } from "../../src/daemon/api-client.ts";
import { openApiServer } from "../../src/daemon/api-server.ts";
import { EventFeed } from "../../src/daemon/events.ts";
import { HttpListeners } from "../../src/daemon/http-listeners.ts";
import type { Log } from "../../src/daemon/log.ts";
import { LogLimiter } from "../../src/daemon/log-limiter.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { ended, readLate } from "../support/event-readers.ts";

const TOKEN = "0123456789abcdef";
const status = { apiVersion: 1, pid: 7 } as StatusReport;

let folder: string;
let feed: EventFeed;
let handlers: ApiHandlers;
let http: HttpListeners;
/** Of the listeners opened last. */
let limiter: LogLimiter;
let port: number;
const bugs: unknown[] = [];
let lines: string[];
/** 16 MB of metrics. */
const pieces = Array.from({ length: 256 }, () => Buffer.alloc(65_536, "x"));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-http-"));
  lines = [];
  feed = new EventFeed();
  handlers = {
    status: async () => status,
    reload: () => Promise.reject(new Error("reloaded over HTTP")),
    metrics: async () => pieces,
    live: { listen: () => ({ [Symbol.dispose]: () => undefined }) },
    page: () => ({ links: [], waiting: [] }),
    mtu: async () => [],
    confirm: () => Promise.reject(new Error("confirmed over HTTP")),
    revert: () => Promise.reject(new Error("reverted over HTTP")),
    handOver: () => Promise.reject(new Error("asked over HTTP")),
    administer: async () => ({ changed: true }),
    clearCounters: async () => undefined,
    leave: () => Promise.reject(new Error("left over HTTP")),
    captures: async () => Promise.reject(new Error("none")),
    feed,
  };
  http = open();
  port = await freePort();
});
afterEach(async () => {
  await http.close();
  rmSync(folder, { recursive: true, force: true });
  expect(bugs.splice(0)).toEqual([]);
});

function open(requestMs?: number): HttpListeners {
  const line = (_fields: unknown, text: string) => void lines.push(text);
  const log = { debug: line, info: line, warn: line, error: line, fatal: line, level: "info" } as Log;
  limiter = new LogLimiter();
  const options = { handlers, log, limiter, broken: (error: unknown) => void bugs.push(error) };
  return new HttpListeners(requestMs === undefined ? options : { ...options, requestMs });
}

/** A port of loopback, of both families, that nobody has. */
async function freePort(): Promise<number> {
  const server = await occupy(0);
  const { port: free } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return free;
}

async function occupy(at: number): Promise<Server> {
  const server = createServer().listen(at, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** A configuration of addresses and of what stands beside them; a token is in a file. */
function config(listen: readonly string[], token?: string, hosts: readonly string[] = []): HttpConfig {
  const addresses = listen.map(listenAddressOf);
  if (token === undefined) return { listen: addresses, hosts };
  const path = join(folder, "token");
  writeFileSync(path, token);
  chmodSync(path, 0o600);
  return { listen: addresses, token: { kind: "file", path }, hosts };
}

const v4 = () => `127.0.0.1:${port}`;
const v6 = () => `[::1]:${port}`;

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** One HTTP exchange with a listener; at the IPv4 one unless told otherwise. */
function ask(
  target: string,
  headers: Readonly<Record<string, string>> = {},
  { method = "GET", ...at }: { method?: string; host?: string; socketPath?: string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const where = at.socketPath === undefined ? { host: at.host ?? "127.0.0.1", port } : at;
    const call = request({ ...where, method, path: target, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => {
        body += piece;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      );
    });
    call.on("error", reject);
    call.end();
  });
}

/** What comes back for a text until the connection ends. */
async function raw(text: string): Promise<string> {
  const socket = createConnection(port, "127.0.0.1");
  socket.write(text);
  return ended(socket);
}

describe("what can be read", () => {
  test("status and events, over both families, with a header that lets no page use them", async () => {
    await http.configure(config([v4(), v6()]));
    for (const host of ["127.0.0.1", "::1"]) {
      const reply = await ask("/v1/status", {}, { host });
      expect([reply.status, JSON.parse(reply.body)]).toEqual([200, status]);
      expect(reply.headers["content-security-policy"]).toMatch(/^default-src 'none'/);
      expect(reply.headers["x-content-type-options"]).toBe("nosniff");
      expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
    }
    feed.publish("info", { event: "note" }, "something happened");
    expect((await ask("/v1/events?follow=false")).body).toContain("something happened");
  });

  test("HEAD gives the header alone, also of the stream, which ends", async () => {
    await http.configure(config([v4()]));
    for (const target of ["/v1/status", "/v1/events"]) {
      const reply = await ask(target, {}, { method: "HEAD" });
      expect([reply.status, reply.body]).toEqual([200, ""]);
    }
    expect((await ask("/v1/events", {}, { method: "HEAD" })).headers["content-type"]).toBe(
      "text/event-stream",
    );
  });

  test("nothing that changes, or that only the control socket has", async () => {
    await http.configure(config([v4()]));
    for (const route of routes.filter(({ overHttp }) => !overHttp)) {
      const reply = await ask(route.path, {}, { method: route.method });
      expect([404, 405], `${route.method} ${route.path}`).toContain(reply.status);
    }
    expect(routes.filter(({ kind, overHttp }) => kind === "change" && overHttp)).toEqual([]);
    const { body } = await ask("/elsewhere");
    expect(JSON.parse(body).routes).toEqual(httpRoutes.map(({ path }) => `GET ${path}`));
  });

  test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])("%s: 405", async (method) => {
    await http.configure(config([v4()]));
    const { status: code, headers } = await ask("/v1/status", {}, { method });
    expect([code, headers.allow]).toEqual([405, "GET, HEAD"]);
  });
});

describe("hosts", () => {
  test.each([
    ["localhost", 200],
    ["LOCALHOST:1234", 200],
    ["127.0.0.1", 200],
    ["127.9.9.9:1", 200],
    ["[::1]:9701", 200],
    ["[0:0:0:0:0:0:0:1]", 200],
    ["wirespan.example.net", 200],
    ["WireSpan.example.net.:443", 200],
    ["198.51.100.7", 200],
    ["example.net", 421],
    ["127.0.0.1.example.net", 421],
    ["localhost.example.net", 421],
    ["192.0.2.1", 421],
    ["[::2]", 421],
    ["localhost@example.net", 421],
    ["localhost:80:80", 421],
  ])("%j: %i", async (host, code) => {
    await http.configure(config([v4()], undefined, ["wirespan.example.net", "198.51.100.7"]));
    expect((await ask("/v1/status", { Host: host })).status).toBe(code);
  });

  test("none, or two of them", async () => {
    await http.configure(config([v4()]));
    expect(await raw("GET /v1/status HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 421 /);
    expect(await raw("GET /v1/status HTTP/1.1\r\nHost:\r\n\r\n")).toMatch(/^HTTP\/1.1 421 /);
    expect(await raw("GET /v1/status HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
    const two = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nHost: example.net\r\n\r\n";
    expect(await raw(two)).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(await raw("GET http://example.net/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")).toMatch(
      /^HTTP\/1.1 404 /,
    );
  });
});

describe("requests that pages of other sites cause", () => {
  test.each([
    [{ "Sec-Fetch-Site": "cross-site" }, 403],
    [{ "Sec-Fetch-Site": "same-site" }, 403],
    [{ "Sec-Fetch-Site": "same-origin" }, 200],
    [{ "Sec-Fetch-Site": "none" }, 200],
    [{ Origin: "null" }, 403],
    [{ Origin: "http://example.net" }, 403],
    [{ Origin: "http://localhost:1" }, 403],
    [{ Origin: "https://localhost:9701" }, 200],
    [{ Origin: "http://LOCALHOST:9701" }, 200],
  ])("%j: %i", async (headers, code) => {
    await http.configure(config([v4()]));
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect((await ask("/v1/status", { Host: "localhost:9701", ...sent })).status).toBe(code);
  });
});

describe("a token", () => {
  test("is asked for by everything, also at a Unix socket, and by paths that are not there", async () => {
    const path = join(folder, "http.sock");
    await http.configure(config([v4(), `unix:${path}`], TOKEN));
    for (const at of [{}, { socketPath: path }])
      for (const target of ["/v1/status", "/v1/events", "/nothing", "/"]) {
        const reply = await ask(target, {}, at);
        expect([reply.status, reply.headers["www-authenticate"]], target).toEqual([401, "Bearer"]);
        expect(reply.body).not.toContain(TOKEN);
      }
    expect((await ask("/v1/status", { Authorization: `Bearer ${TOKEN}` }, { socketPath: path })).status).toBe(
      200,
    );
  });

  test.each([
    [`Bearer ${TOKEN}`, 200],
    [`bearer  ${TOKEN} `, 200],
    [`Bearer ${TOKEN}0`, 401],
    [`Bearer ${TOKEN.slice(1)}`, 401],
    ["Bearer ", 401],
    [`Basic ${TOKEN}`, 401],
    [TOKEN, 401],
  ])("Authorization: %s: %i", async (authorization, code) => {
    await http.configure(config([v4()], `${TOKEN}\n`));
    expect((await ask("/v1/status", { Authorization: authorization })).status).toBe(code);
  });

  test("in the address, once: a browser gets a cookie for it, and an address without it", async () => {
    await http.configure(config([v4()], TOKEN));
    const reply = await ask(`/v1/events?follow=false&token=${TOKEN}`);
    expect([reply.status, reply.headers.location]).toEqual([303, "/v1/events?follow=false"]);
    const [cookie = ""] = reply.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^wirespan_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie + reply.body).not.toContain(TOKEN);
    const [pair = ""] = cookie.split(";");
    expect((await ask("/v1/status", { Cookie: `a=b; ${pair}; c` })).status).toBe(200);
    expect((await ask("/v1/status", { Cookie: `${pair}x` })).status).toBe(401);
    expect((await ask("/v1/status", { Cookie: pair.replace("wirespan", "other") })).status).toBe(401);
    expect((await ask("/v1/status?token=0123456789abcdee")).status).toBe(401);
    expect((await ask("/v1/status?token=")).status).toBe(401);
    // Not for pages of other sites.
    const cross = { "Sec-Fetch-Site": "cross-site" };
    expect((await ask(`/v1/status?token=${TOKEN}`, cross)).status).toBe(403);
  });

  test.each(["//example.net/", "/\\example.net/", "//example.net//v1/status", "http://example.net/", "/x"])(
    "leads from %s nowhere else than here",
    async (path) => {
      await http.configure(config([v4()], TOKEN));
      const reply = await ask(`${path}?token=${TOKEN}`);
      expect([reply.status, reply.headers.location]).toEqual([303, "/"]);
    },
  );

  test("that is another one closes what was opened with the former one", async () => {
    await http.configure(config([v4()], TOKEN));
    const socket = createConnection(port, "127.0.0.1");
    socket.write(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
    await once(socket, "data");
    const end = ended(socket);
    expect(await http.configure(config([v4()], TOKEN))).toEqual([]);
    expect(await http.configure(config([v4()], `${TOKEN}0`))).toEqual(["update http: token changed"]);
    await end;
    expect((await ask("/v1/status", { Authorization: `Bearer ${TOKEN}` })).status).toBe(401);
    expect((await ask("/v1/status", { Authorization: `Bearer ${TOKEN}0` })).status).toBe(200);
  });

  test("that cannot be read leaves nothing open, unless a former one is there", async () => {
    const wanted = config([v4()], TOKEN);
    const missing: HttpConfig = { ...wanted, token: { kind: "file", path: join(folder, "none") } };
    await http.configure(config([v4()]));
    await http.configure(missing);
    await expect(ask("/v1/status")).rejects.toThrow(/ECONNREFUSED/);
    expect(http.problems).toEqual([
      expect.stringMatching(
        /^http at 127.0.0.1:\d+ waits: read the token of http: ENOENT .*; put a token there/,
      ),
    ]);
    await http.configure(wanted);
    expect(http.problems).toEqual([]);
    await http.configure(missing);
    expect((await ask("/v1/status")).status).toBe(401);
    expect((await ask("/v1/status", { Authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    expect(http.status()[0]?.note).toMatch(/ENOENT/);
  });

  test.each(["", "short", "0123456789 abcdef", "0123456789äbcdef", "x".repeat(513)])(
    "%j is none",
    async (text) => {
      await http.configure(config([v4()], text));
      expect(http.problems).toEqual([expect.stringMatching(/EINVAL|EFBIG/)]);
      await expect(ask("/v1/status")).rejects.toThrow(/ECONNREFUSED/);
      if (text.length > 1) expect(lines.join()).not.toContain(text);
    },
  );
});

describe("bounds", () => {
  test("a thousand clients that open streams: 16 get them, and the control socket answers", async () => {
    const control = join(folder, "control.sock");
    const api = await openApiServer(control, handlers, (error) => void bugs.push(error));
    await http.configure(config([v4()]));
    const sockets = Array.from({ length: 1000 }, () => createConnection(port, "127.0.0.1"));
    let streams = 0;
    const done = sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on("error", () => resolve());
          socket.on("close", () => resolve());
          socket.on("data", (piece) => {
            if (!/^HTTP\/1.1 200 /.test(String(piece))) return;
            streams += 1;
            resolve();
          });
          socket.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }),
    );
    await Promise.all(done);
    expect(streams).toBe(16);
    expect(await askStatus(control)).toEqual(status);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await ask("/v1/events?follow=false")).status).toBe(200);
    await api.close();
  });

  test("clients that take their time with a request make room for others", async () => {
    await http.close();
    http = open(200);
    await http.configure(config([v4()]));
    const slow = Array.from({ length: 64 }, (_, index) => {
      const socket = createConnection(port, "127.0.0.1");
      socket.on("error", () => undefined);
      if (index % 2 === 0) socket.write("GET /v1/status HTTP/1.1\r\nHost: local");
      return socket;
    });
    const told = slow.map(ended);
    await expect.poll(async () => (await ask("/v1/status").catch(() => undefined))?.status).toBe(200);
    expect((await Promise.all(told)).filter((text) => text.startsWith("HTTP/1.1 408 ")).length).toBe(64);
  });

  test("a header of more than 8192 octets is refused", async () => {
    await http.configure(config([v4()]));
    const long = "x".repeat(9000);
    expect(await raw(`GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: ${long}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect(await raw(`GET /${long} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    const two = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    expect((await raw(two)).match(/"pid":7/g)?.length).toBe(1);
  });

  test("a reader of events that stops reading loses some; nothing is kept for it", async () => {
    await http.configure(config([v4()]));
    const socket = createConnection(port, "127.0.0.1");
    const { all } = await readLate(socket, feed);
    await http.close();
    expect(await all).toMatch(/"missed":1\d{4}/);
  });

  test("readers that take nothing of a long answer keep it once, and others get theirs", async () => {
    await http.configure(config([v4()]));
    const stalled = Array.from({ length: 3 }, () => createConnection(port, "127.0.0.1"));
    for (const socket of stalled) {
      socket.on("error", () => undefined);
      socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await once(socket, "readable");
    }
    const { status: code, body, headers } = await ask("/metrics");
    expect([code, body.length]).toEqual([200, 256 * 65_536]);
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    for (const socket of stalled) socket.destroy();
  });

  test("refused requests write a few lines, whoever sends them", async () => {
    await http.configure(config([v4()]));
    for (let index = 0; index < 50; index += 1) await ask("/v1/status?a", { Host: "example.net" });
    expect(lines.filter((line) => line.includes("421")).length).toBe(5);
    expect(limiter.leftOut).toBe(45);
  });
});

describe("addresses that cannot be had", () => {
  test("a port that another program has is waited for", async () => {
    const other = await occupy(port);
    await http.configure(config([v4(), v6()]));
    expect(http.problems).toEqual([
      `http at ${v4()} waits: listen for HTTP: EADDRINUSE (${v4()}); ` +
        "another program listens there (ss -ltnp); it is tried again",
    ]);
    expect((await ask("/v1/status", {}, { host: "::1" })).status).toBe(200);
    await new Promise((resolve) => other.close(resolve));
    http.retryNow();
    await expect.poll(() => http.problems).toEqual([]);
    expect((await ask("/v1/status")).status).toBe(200);
    expect(lines.filter((line) => line.includes("EADDRINUSE")).length).toBe(1);
  });

  test("an address that the machine does not have", async () => {
    await http.configure(config([`192.0.2.77:${port}`], TOKEN));
    expect(http.problems).toEqual([expect.stringMatching(/EADDRNOTAVAIL .*does not have the address/)]);
    expect(http.status()).toEqual([
      expect.objectContaining({ isOpen: false, nextAttemptInMs: expect.any(Number) }),
    ]);
    expect(await http.configure(config([]))).toEqual([]);
    expect(http.status()).toEqual([]);
  });

  test("a Unix socket is for owner and group, and replaces a dead one, but no file", async () => {
    const path = join(folder, "http.sock");
    writeFileSync(path, "");
    await http.configure(config([`unix:${path}`]));
    expect(http.problems).toEqual([expect.stringMatching(/ENOTSOCK .*set another path in http.listen/)]);
    rmSync(path);
    http.retryNow();
    await expect.poll(() => http.problems).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await ask("/v1/status", { Host: "localhost" }, { socketPath: path })).status).toBe(200);
    expect((await ask("/v1/status", { Host: "example.net" }, { socketPath: path })).status).toBe(421);
  });

  test("one that is not in the file any more is closed, with its clients; others stay", async () => {
    await http.configure(config([v4(), v6()]));
    const [gone, kept] = [createConnection(port, "127.0.0.1"), createConnection(port, "::1")];
    for (const socket of [gone, kept]) {
      socket.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await once(socket, "data");
    }
    const end = ended(gone);
    await http.configure(config([v6()]));
    await end;
    await expect(ask("/v1/status")).rejects.toThrow(/ECONNREFUSED/);
    feed.publish("info", { event: "note" }, "still there");
    expect(String((await once(kept, "data"))[0])).toContain("still there");
    kept.destroy();
  });
});
