import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

/** The listeners of `http:` of a daemon, which a reload turns on and off while its tunnel stays up. */

const NAME = `wshttp${process.pid}`;
let namespace: TestNamespace;
let daemon: DaemonInNamespace;

const configuration = (http: object = {}, metrics: object = {}) => ({
  ...{ plane: "userspace", http, ...metrics },
  tunnels: {
    peer: {
      ...{ local: "192.0.2.1", remote: "192.0.2.2", control: "static" },
      pseudowires: {
        lan: { circuit: { tap: "tap0" }, static: { local_session_id: 7, remote_session_id: 8 } },
      },
    },
  },
});

beforeAll(async () => {
  namespace = await TestNamespace.make(NAME);
  await namespace.ip("link set lo up");
  await namespace.exec("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0");
  daemon = await DaemonInNamespace.start(NAME, configuration());
});
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

/** What curl in the namespace prints: the body and, in a line of its own, the status; 000 without answer. */
async function curl(...words: readonly string[]): Promise<string> {
  const child = spawn("nsenter", [
    `--net=/run/netns/${NAME}`,
    ...["curl", "-sg", "--max-time", "10", "-w", "\n%{http_code}", ...words],
  ]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  await once(child, "close");
  return text;
}

const code = async (...words: readonly string[]) => (await curl(...words)).split("\n").at(-1);

test("off by default; a reload turns it on for both families, and off, and the session stays", async () => {
  const session = async () => (await daemon.pseudowire("lan")).localSessionId;
  expect((await daemon.status()).http).toBeUndefined();
  expect(await code("http://127.0.0.1:9701/v1/status")).toBe("000");
  const on = configuration({ listen: ["127.0.0.1:9701", "[::1]:9701"] });
  const report = await daemon.reload(on);
  expect(report).toMatchObject({
    ...{ changed: true, problems: [], refused: false },
    plan: 'update http\n    listen: (none) -> ["127.0.0.1:9701","[::1]:9701"]',
  });
  for (const host of ["127.0.0.1", "[::1]", "localhost"])
    expect(await curl(`http://${host}:9701/v1/status`)).toMatch(/"apiVersion":1.*\n200$/s);
  expect((await daemon.status()).http?.map(({ isOpen }) => isOpen)).toEqual([true, true]);
  expect(await code("-X", "POST", "http://127.0.0.1:9701/v1/reload")).toBe("405");
  expect((await daemon.reload(on)).changed).toBe(false);
  await daemon.reload(configuration());
  expect(await code("http://127.0.0.1:9701/v1/status")).toBe("000");
  expect(await session()).toBe(7);
  expect(daemon.log).not.toContain("replace tunnel");
});

test("a port that is taken is told in log, status and reload, and had once it is free", async () => {
  const program = 'require("node:net").createServer().listen(9702, "127.0.0.1", () => console.log("up"))';
  const other = spawn("nsenter", [`--net=/run/netns/${NAME}`, process.execPath, "-e", program]);
  await once(other.stdout, "data");
  const report = await daemon.reload(configuration({ listen: "127.0.0.1:9702" }));
  const problem = /EADDRINUSE \(127.0.0.1:9702\); another program listens there/;
  expect(report.problems).toEqual([expect.stringMatching(problem)]);
  expect((await daemon.status()).http).toEqual([
    expect.objectContaining({ isOpen: false, problem: expect.stringMatching(problem) }),
  ]);
  expect(daemon.log).toMatch(problem);
  other.kill();
  await eventually("it listens", async () => (await daemon.status()).http?.[0]?.isOpen === true);
  expect(await code("http://127.0.0.1:9702/v1/status")).toBe("200");
});

test("an address that comes later is listened at, with its token; the socket file has mode 660", async () => {
  const token = "0123456789abcdef";
  writeFileSync(`${daemon.folder}/token`, token, { mode: 0o600 });
  const listen = ["192.0.2.9:9703", `unix:${daemon.folder}/http.sock`];
  await daemon.reload(configuration({ listen, token: { file: `${daemon.folder}/token` } }));
  expect((await daemon.status()).http?.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  expect(statSync(`${daemon.folder}/http.sock`).mode & 0o777).toBe(0o660);
  await namespace.ip("addr add 192.0.2.9/32 dev lo");
  await eventually("it listens", async () => (await daemon.status()).http?.[0]?.isOpen === true);
  const url = "http://192.0.2.9:9703/v1/status";
  expect(await code(url)).toBe("401");
  expect(await code("-H", `Authorization: Bearer ${token}`, url)).toBe("200");
  expect(await code("-H", `Authorization: Bearer ${token}`, "-H", "Host: example.net", url)).toBe("421");
  expect(await code("-L", "-c", `${daemon.folder}/cookies`, `${url}?token=${token}`)).toBe("200");
  expect(await code("--unix-socket", `${daemon.folder}/http.sock`, "http://localhost/v1/status")).toBe("401");
  expect(JSON.stringify(await daemon.status()) + daemon.log).not.toContain(token);
});
