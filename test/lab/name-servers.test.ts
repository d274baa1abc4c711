import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-name-servers-"));
const file = join(folder, "names.yaml");
/** Two homes with the same subnet, each behind a NAT; the first one has a name server of its own. */
writeFileSync(
  file,
  `title: name servers, and flows of NATs
networks: { internet: { subnet: 203.0.113.0/24 } }
lans:
  home1: { subnet: 192.168.1.0/24 }
  home2: { subnet: 192.168.1.0/24 }
routers:
  cpe1:
    ports: { home1: 192.168.1.1, internet: 203.0.113.9 }
    nat: { out: internet, random_ports: true, udp_timeout_s: 30 }
    dns: { hub.example: 192.168.1.77 }
  cpe2:
    ports: { home2: 192.168.1.1, internet: 203.0.113.10 }
    nat: { out: internet, random_ports: true }
hosts:
  ns:
    lan: internet
    address: 203.0.113.53
    dns: { hub.example: [203.0.113.2, "2001:db8::2"], a.example: 203.0.113.3 }
  hub: { lan: internet, address: 203.0.113.2 }
  pc1: { lan: home1, address: 192.168.1.2 }
  pc2: { lan: home2, address: 192.168.1.2 }
checks:
  - run: [pc2, "getent ahostsv4 hub.example"]
    expect: { matches: ^203\\.0\\.113\\.2\\s }
    within: 5s
  - failover: { forget: cpe2 }
    between: [pc2, hub]
    under: 1s
  - failover:
      run: [hub, ip link set eth0 down; sleep 0.4; ip link set eth0 up]
      undo: [hub, "true"]
    between: [pc2, hub]
    under: 5s
  - failover: { run: [hub, "false"] }
    between: [pc2, hub]
    under: 1s
`,
);

beforeAll(async () => {
  expect(await wirespan("lab", "up", file)).toMatchObject({ status: 0 });
});
afterAll(async () => {
  await wirespan("lab", "down", file);
  rmSync(folder, { recursive: true });
});

async function asked(node: string, ...command: readonly string[]): Promise<string> {
  return (await wirespan("lab", "exec", file, node, ...command)).stdout.trim();
}

const resolve =
  'const { Resolver } = require("dns").promises; new Resolver().resolve4(process.argv[1], { ttl: true })';
const print = ".then((found) => console.log(JSON.stringify(found)), (error) => console.log(error.code))";
const lookUp = (node: string, name: string) =>
  asked(node, process.execPath, "-e", `${resolve}${print}`, name);

test.each([
  ["pc1", "hub.example", '[{"address":"192.168.1.77","ttl":5}]'],
  ["pc2", "hub.example", '[{"address":"203.0.113.2","ttl":5}]'],
  ["ns", "a.example", '[{"address":"203.0.113.3","ttl":5}]'],
  ["hub", "nobody.example", "ENOTFOUND"],
])("%s asks the nearest name server for %s", async (node, name, answer) => {
  await eventually(`${node} has an answer`, async () => (await lookUp(node, name)) === answer, 10_000);
});

test("a record that is changed counts at once", async () => {
  await asked("ns", "sh", "-c", "echo 203.0.113.7 hub.example >$RUN/ns.dns/records");
  await eventually(
    "the answer is another",
    async () => (await lookUp("pc2", "hub.example")).includes("113.7"),
    10_000,
  );
});

test("a NAT that forgets its flows takes another port for the next packet", async () => {
  const listen = `
    const { createSocket } = require("dgram");
    const sources = [];
    createSocket("udp4").bind(4000).on("message", (text, { address, port }) => {
      sources.push(address + " " + port);
      if (String(text) === "end") { console.log(JSON.stringify(sources)); process.exit(); }
    });`;
  const send = (text: string) =>
    asked(
      "pc2",
      process.execPath,
      "-e",
      `
    const socket = require("dgram").createSocket("udp4");
    socket.bind(5000, () => socket.send("${text}", 4000, "203.0.113.2", () => process.exit()));`,
    );
  const heard = asked("hub", process.execPath, "-e", listen);
  await eventually(
    "it listens",
    async () => (await asked("hub", "cat", "/proc/net/udp")).includes(":0FA0"),
    10_000,
  );
  await send("1");
  await send("2");
  expect(await wirespan("lab", "forget", file, "cpe2")).toMatchObject({ status: 0, stderr: "" });
  await send("end");
  const [first, second, third] = JSON.parse(await heard) as readonly string[];
  expect(first).toMatch(/^203\.0\.113\.10 \d+$/);
  expect(second).toBe(first);
  expect(third).toMatch(/^203\.0\.113\.10 \d+$/);
  expect(third).not.toBe(first);
});

test("a node that is no router with NAT has no flows to forget", async () => {
  const { status, stderr } = await wirespan("lab", "forget", file, "hub");
  expect(stderr).toBe("wirespan: forget the flows of hub: it is no router with NAT; there are cpe1, cpe2\n");
  expect(status).toBe(1);
});

test("checks of what happens meanwhile tell the longest gap, and what could not be done", async () => {
  const { stdout } = await wirespan("lab", "test", file, "--json");
  const { results } = JSON.parse(stdout) as {
    results: readonly {
      passed: boolean;
      title: string;
      seen: string;
      difference?: string;
      command: string;
    }[];
  };
  const [, names, forgotten, changed, refused] = results;
  expect(names?.passed).toBe(false);
  expect(forgotten).toMatchObject({
    passed: true,
    title: "the NAT of cpe2 forgets its flows: pc2 and hub miss less than 1s",
    command: expect.stringMatching(/& wirespan lab forget names cpe2$/),
  });
  expect(changed?.seen).toMatch(/^the longest gap was .* when it was set right, the longest gap was /);
  expect(changed?.passed).toBe(true);
  expect(refused).toMatchObject({
    passed: false,
    difference: expect.stringMatching(/^false at hub: exit status 1/),
  });
});
