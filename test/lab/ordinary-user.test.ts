import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { withoutRoot } from "../support/without-root.ts";
import { wirespanText } from "../support/written-labs.ts";

/** A lab with nodes of all kinds, built by a user without any rights, whose user namespace has them. */

const ospf = (id: string) => `router ospf
 ospf router-id ${id}
 network 0.0.0.0/0 area 0
interface middle
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf retransmit-interval 1
`;

const topology = `
title: nodes of all kinds
networks: { internet: { mtu: 1600 }, middle: {} }
lans: { hq: {}, branch: {}, home: { mtu: 1600 }, one: {}, two: {} }
routers:
  cpe:
    ports: { home: 192.168.1.1/24, internet: 203.0.113.9/24 }
    nat: { out: internet, udp_timeout_s: 60, random_ports: true }
    dhcp: { home: 192.168.1.100-192.168.1.150 }
  r1: { ports: { one: 10.1.0.1/24, middle: 10.0.0.1/24 }, frr: ./r1.conf }
  r2: { ports: { two: 10.2.0.1/24, middle: 10.0.0.2/24 }, frr: ./r2.conf }
hosts:
  h10: { lan: hq, vlan: 10, address: 10.10.0.1/24, dhcp_server: 10.10.0.50-10.10.0.60, http: 80 }
  b10: { lan: branch, access: 10, address: dhcp }
  q1: { lan: hq, tags: [{ id: 7, protocol: 802.1ad }, { id: 10 }], address: 10.7.0.1/24 }
  q2: { lan: branch, tags: [{ id: 7, protocol: 802.1ad }, { id: 10 }], address: 10.7.0.2/24 }
  pc: { lan: home, address: dhcp }
  w1: { lan: one, address: 10.1.0.2/24 }
  w2: { lan: two, address: 10.2.0.2/24 }
lcces:
  hq1: { lan: hq, wan: { internet: 203.0.113.1/24 }, wirespan: ${wirespanText("203.0.113.1", "203.0.113.9")} }
  br1: { lan: branch, wan: { home: 192.168.1.2/24 }, wirespan: ${wirespanText("192.168.1.2", "203.0.113.1")} }
checks:
  - { run: [b10, ping -c1 -W1 10.10.0.1], within: 30s }
  - { run: [b10, busybox wget -q -O - http://10.10.0.1/], expect: { contains: It works at h10 }, within: 30s }
  - { run: [q1, ping -c1 -W1 -s1472 -Mdo 10.7.0.2], within: 30s }
  - { run: [pc, ping -c1 -W1 203.0.113.1], within: 30s }
  - { run: [w1, ping -c1 -W1 10.2.0.2], within: 60s }
  - { captured: internet, while: [b10, ping -c2 -i0.2 10.10.0.1], filter: udp port 1701, at_least: 2 }
`;

const folder = mkdtempSync(join(tmpdir(), "wirespan-ordinary-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an ordinary user has nodes of all kinds", async () => {
  chmodSync(folder, 0o755);
  const files = { "all.yaml": topology, "r1.conf": ospf("1.1.1.1"), "r2.conf": ospf("2.2.2.2") };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const command = [...withoutRoot(), "lab", "test", join(folder, "all.yaml"), "--plane", "userspace"];
  const { status, stdout, stderr } = await run(command, {
    accept: [0, 1],
    timeoutMs: 240_000,
    // Programs for administrators are found all the same.
    environment: { ...process.env, PATH: "/usr/local/bin:/usr/bin:/bin", XDG_RUNTIME_DIR: undefined },
  });
  expect(stderr).toBe("");
  expect(stdout).not.toContain("FAIL");
  expect(status).toBe(0);
});
