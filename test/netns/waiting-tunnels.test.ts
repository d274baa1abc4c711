import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { planes } from "../support/lab.ts";
import { type Keys, Sites } from "../support/sites.ts";

/** Another tunnel of site a beside `peer`, from an address that is not there yet. */
function second(local: string, more: Keys = {}): Keys {
  const remote = local.includes(":") ? "2001:db8::9" : "198.51.100.9";
  return { local, remote, pseudowires: { other: { circuit: { tap: "other0" } } }, ...more };
}

function withSecond(sites: Sites, plane: string, tunnel: Keys): Keys {
  const whole = sites.configuration("a", plane);
  return { ...whole, tunnels: { ...(whole["tunnels"] as Keys), second: tunnel } };
}

const stateOf = (sites: Sites, tunnel: string, state: string) =>
  sites.told(`${tunnel} is ${state}`, "a", ({ controlConnections }) =>
    controlConnections.some((one) => one.tunnel === tunnel && one.state === state),
  );

const cases = [
  ["udp", "198.51.100.1", "198.51.100.1/24"],
  ["ip", "198.51.100.1", "198.51.100.1/24"],
  ["udp", "2001:db8::1", "2001:db8::1/64"],
  ["ip", "2001:db8::1", "2001:db8::1/64"],
] as const;

describe.each(planes)("a tunnel that cannot be opened, plane %s", (plane) => {
  test.each(cases)(
    "over %s from %s, not there yet at the start: it waits for its address alone",
    async (encapsulation, local, address) => {
      await using sites = await Sites.make();
      sites.start("b", sites.write("b", sites.configuration("b", plane)));
      // The first in the file, so that the other comes after it.
      const whole = withSecond(sites, plane, second(local, { encapsulation }));
      const { peer, second: waiting } = whole["tunnels"] as Keys;
      sites.start("a", sites.write("a", { ...whole, tunnels: { second: waiting, peer } }));
      await sites.reached();
      const report = await stateOf(sites, "second", "waiting");
      expect(report.controlConnections[0]?.whyNot).toContain("EADDRNOTAVAIL");
      expect(report.pseudowires[0]?.whyNot).toContain("its tunnel is waiting");
      const again = await sites.reload("a");
      expect(again.status).toBe(1);
      expect(again.stderr).toContain("tunnel second is waiting: ");
      await sites.ip("a", `addr add ${address} dev wan0`);
      await stateOf(sites, "second", "wait-ctl-reply");
      await sites.told("its circuit is up", "a", ({ pseudowires }) =>
        pseudowires.some(({ name, localCircuit }) => name === "other" && localCircuit === "up"),
      );
      expect((await sites.reload("a")).status).toBe(0);
      expect(await sites.passes(5)).toBe(true);
    },
  );
});

test("after a reload, also of the host name, a waiting tunnel affects no other and is reported", async () => {
  await using sites = await Sites.make();
  const { b } = await sites.up("userspace");
  sites.write("a", withSecond(sites, "userspace", second("198.51.100.1")));
  for (let times = 0; times < 2; times += 1) {
    const { status, stderr } = await sites.reload("a");
    expect(status).toBe(1);
    expect(stderr).toContain("tunnel second is waiting: ");
    expect(await sites.passes(5)).toBe(true);
  }
  const renamed = withSecond(sites, "userspace", second("198.51.100.1"));
  const { peer, second: waiting } = renamed["tunnels"] as Keys;
  sites.write("a", {
    ...renamed,
    lcce: { host_name: "renamed", control_socket: sites.socket("a") },
    tunnels: { second: waiting, peer },
  });
  expect((await sites.reload("a")).status).toBe(1);
  await sites.reached();
  expect((await sites.status("b")).controlConnections[0]?.peerHostName).toBe("renamed");
  expect(b.isRunning).toBe(true);
  // The tunnel's own mistake, mended in the file.
  sites.write("a", withSecond(sites, "userspace", second("192.0.2.1", { local_port: 1702 })));
  expect((await sites.reload("a")).status).toBe(0);
});

test("a missing secret is waited for; a reload applies a corrected one, no unreadable one", async () => {
  await using sites = await Sites.make();
  const secret = sites.file("secret");
  const configured = (site: "a" | "b", file: string) =>
    sites.write(site, sites.configuration(site, "userspace", { secret: { file } }));
  writeFileSync(sites.file("right"), "right\n", { mode: 0o600 });
  const b = sites.start("b", configured("b", sites.file("right")));
  const a = sites.start("a", configured("a", secret));
  const { controlConnections } = await stateOf(sites, "peer", "waiting");
  expect(controlConnections[0]?.whyNot).toContain(`ENOENT (${secret})`);
  writeFileSync(secret, "wrong\n", { mode: 0o600 });
  expect((await sites.reload("a")).status).toBe(0);
  await stateOf(sites, "peer", "wait-ctl-reply");
  writeFileSync(secret, "right\n");
  const corrected = await sites.reload("a");
  expect(corrected.status).toBe(0);
  expect(corrected.stdout).toContain("replace tunnel peer\n    secret changed");
  await sites.reached();
  expect((await sites.reload("a")).stdout).toBe("nothing changes\n");
  rmSync(secret);
  const gone = await sites.reload("a");
  expect(gone.status).toBe(1);
  expect(gone.stderr).toContain("tunnel peer is unchanged and keeps its secret: read a secret: ENOENT");
  expect(await sites.passes(5)).toBe(true);
  for (const { log } of [a, b]) expect(log).not.toMatch(/"(right|wrong)/);
  expect(a.log).toContain("reload: replace tunnel peer; secret changed");
});

test("a port that another program has is waited for", async () => {
  await using sites = await Sites.make();
  const script = "require('dgram').createSocket('udp4').bind(1701, '192.0.2.1', () => console.log('bound'))";
  const squatter = sites.spawn("a", process.execPath, "-e", script);
  await new Promise((bound) => squatter.stdout?.once("data", bound));
  sites.start("b", sites.write("b", sites.configuration("b", "userspace")));
  sites.start("a", sites.write("a", sites.configuration("a", "userspace")));
  const { controlConnections } = await stateOf(sites, "peer", "waiting");
  expect(controlConnections[0]?.whyNot).toContain("EADDRINUSE");
  squatter.kill();
  await sites.reached();
});

test("a TAP device waits for its bridge", async () => {
  await using sites = await Sites.make();
  const lan = { circuit: { tap: "pw0", bridge: "br0" } };
  sites.start("a", sites.write("a", sites.configuration("a", "userspace", { pseudowires: { lan } })));
  await sites.told("it says so", "a", ({ pseudowires }) => pseudowires[0]?.whyNot?.includes("br0") === true);
  await sites.ip("a", "link add br0 type bridge");
  await sites.told("it is up", "a", ({ pseudowires }) => pseudowires[0]?.localCircuit === "up");
});
