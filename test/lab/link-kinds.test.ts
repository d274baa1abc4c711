import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LabReport } from "../../src/lab/supervisor/api.ts";
import { eventually, wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-link-kinds-"));
const file = join(folder, "link-kinds.yaml");
const name = "link-kinds";

writeFileSync(
  file,
  `title: links of every kind of node
networks: { wan: { mtu: 1600, subnet: 192.0.2.0/24 } }
lans: { hq: {} }
routers:
  r: { ports: { wan: 192.0.2.9 } }
hosts:
  plain: { lan: hq, address: 10.0.0.1/24 }
  plain2: { lan: hq, address: 10.0.0.2/24 }
  tagged: { lan: hq, vlan: 10, address: 10.10.0.1/24 }
  access: { lan: hq, access: 10, address: 10.10.0.2/24 }
  twice: { lan: hq, tags: [{ id: 700, protocol: 802.1ad }, { id: 10 }], address: 10.20.0.1/24 }
  twice2: { lan: hq, tags: [{ id: 700, protocol: 802.1ad }, { id: 10 }], address: 10.20.0.2/24 }
lcces:
  a:
    lan: hq
    wan: { wan: 192.0.2.1 }
    run: "ip link set dev trunk up; ip addr add 10.0.0.3/24 dev trunk; sleep 1000"
`,
);

beforeAll(async () => expect((await wirespan("lab", "up", file)).stderr).toBe(""));
afterAll(async () => {
  await wirespan("lab", "down", file);
  rmSync(folder, { recursive: true, force: true });
});

/** The shortest time of some pings, in ms; undefined where none was answered. */
async function pingMs(from: string, address: string): Promise<number | undefined> {
  const { stdout } = await wirespan("lab", "exec", name, from, "ping", "-c3", "-i0.2", "-W1", address);
  const found = /= ([\d.]+)\//.exec(stdout)?.[1];
  return found === undefined ? undefined : Number(found);
}

async function linksNow(): Promise<LabReport["links"]> {
  const { stdout } = await wirespan("lab", "status", name, "--json");
  return (JSON.parse(stdout) as LabReport).links;
}

/** TABLE: a link, and a ping that crosses it. */
test.each([
  ["plain.eth0", "plain", "10.0.0.2"],
  ["tagged.eth0", "tagged", "10.10.0.2"],
  ["access.eth0", "tagged", "10.10.0.2"],
  ["twice.eth0", "twice", "10.20.0.2"],
  ["r.wan", "r", "192.0.2.1"],
  ["a.wan", "r", "192.0.2.1"],
  ["a.trunk", "plain", "10.0.0.3"],
])("a delay of %s is seen, shown and taken away; without carrier nothing passes", async (link, from, to) => {
  await eventually("the ping passes", async () => (await pingMs(from, to)) !== undefined);
  const set = await wirespan("lab", "link", name, link, "--delay", "30ms");
  expect(set.stderr).toBe("");
  expect(await linksNow()).toMatchObject([{ name: link, out: { conditions: { delay: "30ms" } } }]);
  expect(await pingMs(from, to)).toBeGreaterThanOrEqual(60);
  expect((await wirespan("lab", "link", name, link, "--clear")).stdout).toBe(`${link}: no conditions\n`);
  expect(await linksNow()).toEqual([]);
  await eventually("pings take no longer", async () => ((await pingMs(from, to)) ?? 1000) < 30);
  await wirespan("lab", "link", name, link, "--down");
  expect(await pingMs(from, to)).toBeUndefined();
  await wirespan("lab", "link", name, link, "--up");
  await eventually("the ping passes again", async () => (await pingMs(from, to)) !== undefined);
});
