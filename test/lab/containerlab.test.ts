import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { inContainers } from "../support/containerlab.ts";
import { wirespan } from "../support/lab.ts";

/** Exported files and the example of containerlab do what they are for. */

const folder = mkdtempSync(join(tmpdir(), "wirespan-export-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Hosts without tags: not every kernel has VLAN interfaces. */
const topology = `title: a branch behind NAT, whose headquarters has two switches and a bridge
networks: { internet: { mtu: 1600, subnet: 203.0.113.0/24 }, west: { mtu: 1600, subnet: 198.51.100.0/24 } }
lans: { hq: { stp: true }, annex: {}, home: { mtu: 1600 }, branch: {} }
uplinks: [[hq, annex]]
secret: correct horse battery staple
routers:
  core: { ports: { internet: 203.0.113.254/24, west: 198.51.100.254/24 } }
  cpe:
    ports: { home: 192.168.1.1/24, internet: 203.0.113.9/24 }
    nat: { out: internet, forward: [udp 1701], udp_timeout_s: 30 }
hosts:
  h1: { lan: annex, address: 10.0.0.1/24 }
  b1: { lan: branch, address: 10.0.0.2/24 }
lcces:
  hq1:
    lan: hq
    wan: { west: 198.51.100.1/24 }
    bridge: lan
    wirespan:
      tunnels:
        branch:
          local: 198.51.100.1
          remote: 203.0.113.9
          secret: { file: /run/wirespan.secret }
          pseudowires: { lan: { circuit: { tap: l2tp0, bridge: lan } } }
  br1:
    lan: branch
    wan: { home: 192.168.1.2/24 }
    wirespan:
      tunnels:
        hq:
          local: 192.168.1.2
          remote: 198.51.100.1
          secret: { file: /run/wirespan.secret }
          pseudowires: { lan: { circuit: { interface: trunk } } }
`;

test("examples/containerlab: the hosts of both offices reach each other", async () => {
  const example = fileURLToPath(new URL("../../examples/containerlab/", import.meta.url));
  const ping = "ping -c 2 -i 0.2 -W 1 -M do -s 1472 10.0.0.2";
  const { stdout } = await inContainers(example, "two-offices.clab.yml", "host-a", ping, 40);
  expect(stdout).toContain(" 0% packet loss");
});

test("an exported lab with routers, NAT, a bridge and two switches works from its files alone", async () => {
  const file = join(folder, "own.yaml");
  writeFileSync(file, topology);
  const exported = join(folder, "exported");
  const { status, stderr, stdout } = await wirespan("lab", "export", file, exported, "--containerlab");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^\d+ files written; begin with .*README\.md\n$/);
  expect(status).toBe(0);
  const ping = "ping -c 2 -i 0.2 -W 1 10.0.0.2";
  expect((await inContainers(exported, "own.clab.yml", "h1", ping, 60)).stdout).toContain(" 0% packet loss");
  const again = await wirespan("lab", "export", file, exported);
  expect(again.status).toBe(1);
  expect(again.stderr).toMatch(/export own to .*: it is not empty; remove it, or name another folder/);
});

test("wirespan check accepts what is exported, and tells what this machine lacks", async () => {
  const exported = join(folder, "point-to-point");
  await wirespan(
    "lab",
    "export",
    "point-to-point",
    exported,
    "--node",
    "lcce-a",
    "--ports",
    "lcce-a.trunk=eth9",
  );
  const { status, stdout, stderr } = await wirespan(
    "check",
    "--here",
    join(exported, "lcce-a/wirespan.yaml"),
  );
  expect(stdout).toBe("OK: 1 tunnel, 1 pseudowire\n");
  expect(stderr).toContain("there is no interface eth9");
  expect(status).toBe(1);
});
