import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, Lab, planes } from "../support/lab.ts";

/** VLANs of a device. */
const VLANS = 1500;
const SESSIONS = 2000;
/** The VLAN of the hosts, somewhere among all. */
const VLAN = 1234;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-many-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Two sites with a static session for each VLAN of the trunk to the hosts, and the rest for VLANs of an
 * interface of their own.
 */
function topology(): string {
  const cookie = "0102030405060708";
  const pseudowires = Object.fromEntries(
    Array.from({ length: SESSIONS }, (_, index) => {
      const vlan = (index % VLANS) + 1;
      const device = index < VLANS ? { interface: "trunk" } : { tap: "more" };
      const ids = { local_session_id: index + 1, remote_session_id: index + 1 };
      const staticSession = { ...ids, receive_cookie: cookie, transmit_cookie: cookie };
      return [`pw${index}`, { circuit: { ...device, vlan }, static: staticSession }];
    }),
  );
  const site = (local: string, remote: string, host: string) => ({
    address: `${local}/24`,
    hosts: { [host]: VLAN },
    wirespan: {
      lcce: { host_name: host },
      log: { level: "warn" },
      tunnels: { peer: { local, remote, control: "static", pseudowires } },
    },
  });
  const sites = { a: site("192.0.2.1", "192.0.2.2", "a1"), b: site("192.0.2.2", "192.0.2.1", "b1") };
  const file = join(folder, "many.yaml");
  writeFileSync(
    file,
    JSON.stringify({ title: "many sessions", wan: { mtu: 1600 }, sites, checks: [{ ping: ["a1", "b1"] }] }),
  );
  return file;
}

test.each(planes)("2000 sessions come up on the plane %s, one carries traffic, and all go", async (plane) => {
  await using lab = await Lab.up(topology(), plane);
  for (const site of ["a", "b"]) {
    const { pseudowires } = await lab.status(site);
    expect(pseudowires.length).toBe(SESSIONS);
    expect(pseudowires.filter(({ state }) => state !== "established")).toEqual([]);
    expect(pseudowires.filter((pseudowire) => pseudowire.plane !== plane)).toEqual([]);
  }
  await eventually("hosts reach each other", () => lab.reaches("a1", "10.0.0.12"));
  const { pseudowires, pid } = await lab.status("a");
  const used = pseudowires.filter(
    ({ transmittedFrames, receivedFrames }) => transmittedFrames + receivedFrames > 0,
  );
  expect(used.map(({ circuit }) => circuit)).toEqual([`trunk vlan ${VLAN}`]);
  expect((await lab.shell("lcce-a", `kill ${pid}`)).status).toBe(0);
  const isGone = async () => (await lab.shell("lcce-a", `kill -0 ${pid}`)).status !== 0;
  await eventually("the daemon is gone", isGone);
  const links = (await lab.shell("lcce-a", "ls /sys/class/net")).stdout.split(/\s+/);
  expect(links.filter((link) => /^(ws|more)/.test(link))).toEqual([]);
});
