import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { mount } from "../../src/os/libc.ts";
import { MOST_ADDRESSES, NameLookups } from "../../src/os/name-lookup.ts";
import { eventually } from "../support/lab.ts";
import { enterPrivateMounts } from "../support/mount-namespace.ts";
import { TestNamespace } from "../support/namespace.ts";

const SERVER = fileURLToPath(new URL("../support/name-server.mjs", import.meta.url));
const MS_BIND = 0x1000;
const BOTH = [4, 6] as const;
const folder = mkdtempSync(join(tmpdir(), "wirespan-name-lookup-"));
const file = (name: string) => join(folder, name);

let namespace: TestNamespace;
let entered: Disposable;
let mounts: Disposable;
let server: ChildProcess;

/** Records of the name server; undefined has it silent. */
function say(records: object | undefined): void {
  if (records === undefined) rmSync(file("records"), { force: true });
  else writeFileSync(file("records"), JSON.stringify(records));
}

const questions = () => readFileSync(file("questions"), "utf8").split("\n").slice(0, -1);

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-name-lookup");
  await namespace.ip("link set lo up");
  entered = namespace.enter();
  writeFileSync(file("resolv.conf"), "nameserver 127.0.0.1\n");
  writeFileSync(file("hosts"), "127.0.0.1 localhost\n");
  server = spawn(process.execPath, [SERVER, file("records"), file("questions")]);
  await new Promise((ready) => server.stdout?.once("data", ready));
  mounts = enterPrivateMounts();
  for (const name of ["resolv.conf", "hosts"])
    if (mount(file(name), `/etc/${name}`, "", MS_BIND, 0) !== 0) throw new Error(`cover /etc/${name}`);
});

beforeEach(() => {
  writeFileSync(file("questions"), "");
  say({});
});

afterAll(async () => {
  mounts[Symbol.dispose]();
  const gone = new Promise((resolve) => server.once("exit", resolve));
  server.kill();
  await gone;
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** What is said of each family. */
async function ask(name: string, families: readonly (4 | 6)[] = BOTH, lookups = new NameLookups()) {
  return Object.fromEntries(await lookups.ask(name, families));
}

test("a name has the addresses and the time that the name server says, by family", async () => {
  say({ "hub.example": { ttl: 77, addresses: ["192.0.2.1", "2001:db8:0::1", "192.0.2.2"] } });
  expect(await ask("hub.example")).toEqual({
    4: { addresses: ["192.0.2.1", "192.0.2.2"].map((address) => ({ address, ttlS: 77 })) },
    6: { addresses: [{ address: "2001:db8::1", ttlS: 77 }] },
  });
  expect(questions().sort()).toEqual(["hub.example 1", "hub.example 28"]);
  expect(await ask("hub.example", [6])).toEqual({ 6: { addresses: [{ address: "2001:db8::1", ttlS: 77 }] } });
  expect(questions()).toHaveLength(3);
});

test("of a family that it has no address of, that is the answer", async () => {
  say({ "hub.example": { ttl: 5, addresses: ["192.0.2.1"] } });
  expect(await ask("hub.example")).toEqual({
    4: { addresses: [{ address: "192.0.2.1", ttlS: 5 }] },
    6: { addresses: [] },
  });
});

test("of very many addresses the first are looked at", async () => {
  const addresses = Array.from({ length: MOST_ADDRESSES + 4 }, (_, index) => `192.0.2.${index + 1}`);
  say({ "hub.example": { ttl: 5, addresses } });
  const answer = await ask("hub.example", [4]);
  expect(answer[4]?.addresses?.map(({ address }) => address)).toEqual(addresses.slice(0, MOST_ADDRESSES));
});

test("a family that is refused has a problem, the other its addresses", async () => {
  say({ "hub.example": { ttl: 5, addresses: ["192.0.2.1"], refused: [28] } });
  expect(await ask("hub.example")).toEqual({
    4: { addresses: [{ address: "192.0.2.1", ttlS: 5 }] },
    6: { problem: "EREFUSED (the name server refuses to answer)" },
  });
});

test("a name server that is silent is given up after a second, and asked anew then", async () => {
  say(undefined);
  const lookups = new NameLookups();
  const problem = "ETIMEOUT (the name server does not answer)";
  expect(await ask("hub.example", BOTH, lookups)).toEqual({ 4: { problem }, 6: { problem } });
  // Once, and once more.
  await eventually("all questions are heard", () => questions().length === 4);
  say({ "hub.example": { ttl: 5, addresses: ["192.0.2.1"] } });
  expect(await ask("hub.example", [4], lookups)).toEqual({
    4: { addresses: [{ address: "192.0.2.1", ttlS: 5 }] },
  });
});

test("where nobody is at the name server's address, that is told; another is found later", async () => {
  const lookups = new NameLookups();
  writeFileSync(file("resolv.conf"), "nameserver 127.0.0.2\n");
  const { 4: four } = await ask("hub.example", [4], lookups);
  expect(four).toEqual({
    problem: "ECONNREFUSED (nobody answers at the name server's address, or /etc/resolv.conf has none)",
  });
  writeFileSync(file("resolv.conf"), "nameserver 127.0.0.1\n");
  say({ "hub.example": { ttl: 5, addresses: ["192.0.2.1"] } });
  expect(await ask("hub.example", [4], lookups)).toHaveProperty("4.addresses");
});

test("what is no name is not asked", async () => {
  const problem = "EBADNAME (this is no name that can be asked)";
  expect(await ask("hub..example")).toEqual({ 4: { problem }, 6: { problem } });
  expect(questions()).toEqual([]);
});

test("what hosts(5) has is not asked, and looked at again after seconds", async () => {
  writeFileSync(file("hosts"), "192.0.2.9 hub.example\n2001:db8::9 HUB.example # two\n192.0.2.8 other\n");
  expect(await ask("hub.example")).toEqual({
    4: { addresses: [{ address: "192.0.2.9", ttlS: 5 }] },
    6: { addresses: [{ address: "2001:db8::9", ttlS: 5 }] },
  });
  expect(questions()).toEqual([]);
  say({ other: { ttl: 9, addresses: ["2001:db8::7"] } });
  expect(await ask("other", [6])).toEqual({ 6: { addresses: [{ address: "2001:db8::7", ttlS: 9 }] } });
  writeFileSync(file("hosts"), "127.0.0.1 localhost\n");
});

test("what the name server does not know, other sources may", async () => {
  // The C library takes the old forms of IPv4 addresses (inet_aton(3)) and asks nobody.
  expect(await ask("127.1")).toEqual({
    4: { addresses: [{ address: "127.0.0.1", ttlS: 30 }] },
    6: { addresses: [] },
  });
  expect(questions().sort()).toEqual(["127.1 1", "127.1 28"]);
});

test("a name that is being asked is not asked again; names beyond the bound have their turn", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `hub${index}.example`);
  say(Object.fromEntries(names.map((name) => [name, { ttl: 5, addresses: ["192.0.2.1"] }])));
  const lookups = new NameLookups();
  const asked = [...names, ...names].map((name) => lookups.ask(name, [4]));
  expect(new Set(asked).size).toBe(names.length);
  for (const answer of await Promise.all(asked))
    expect(answer.get(4)).toEqual({ addresses: [{ address: "192.0.2.1", ttlS: 5 }] });
  expect(questions().sort()).toEqual(names.map((name) => `${name} 1`).sort());
});
