import { describe, expect, test } from "vitest";
import type { StatusReport } from "../../src/daemon/status.ts";
import { eventually, wirespan } from "../support/lab.ts";
import { type Keys, Sites } from "../support/sites.ts";

/** TABLE: planes, and what the tunnel is: negotiated or static. */
const rows = [
  ["userspace", "negotiated"],
  ["userspace", "static"],
  ["ebpf", "negotiated"],
  ["ebpf", "static"],
] as const;

const ids = { a: [1001, 1002], b: [1002, 1001] } as const;
const cookie = "0123456789abcdef";

/** Keys of the tunnel at a site. */
function tunnelOf(site: "a" | "b", kind: (typeof rows)[number][1]): Keys {
  if (kind === "negotiated") return { reconnect_cap_s: 1 };
  const [local_session_id, remote_session_id] = ids[site];
  const session = { local_session_id, remote_session_id, receive_cookie: cookie, transmit_cookie: cookie };
  return { control: "static", pseudowires: { lan: { circuit: { interface: "eth1" }, static: session } } };
}

const stateOf = ({ controlConnections: [tunnel], pseudowires: [lan] }: StatusReport) =>
  [tunnel?.state, lan?.state, lan?.whyNot === undefined] as const;

describe.each(rows)("on plane %s, a %s tunnel", (plane, kind) => {
  test("is closed and opened by hand, and its counters are cleared", async () => {
    await using sites = await Sites.make();
    for (const site of ["a", "b"] as const)
      sites.start(site, sites.write(site, sites.configuration(site, plane, tunnelOf(site, kind))));
    await sites.reached();
    const ask = (...words: readonly string[]) => wirespan(...words, "--socket", sites.socket("a"));

    const down = await ask("tunnel", "down", "peer");
    expect(down).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tunnel peer is down, until/) });
    expect(stateOf(await sites.status("a"))).toEqual(["admin-down", "idle", false]);
    expect(await sites.passes()).toBe(false);
    if (kind === "negotiated")
      await sites.told("the peer was told", "b", ({ controlConnections: [tunnel] }) =>
        /closed by its operator|nothing came|ECONNREFUSED/.test(tunnel?.whyNot ?? ""),
      );
    expect((await ask("status", "-q", "peer")).status).toBe(1);
    expect((await ask("status")).stdout).toMatch(/^x peer +\S+ +off /m);

    // A reload, even one that replaces it, does not open it.
    const other = { ...tunnelOf("a", kind), encapsulation: "udp", port: 1701, control_dscp: "cs6" };
    sites.write("a", sites.configuration("a", plane, other));
    await sites.reload("a");
    expect(stateOf(await sites.status("a"))).toEqual(["admin-down", "idle", false]);
    expect(await ask("tunnel", "bounce", "peer")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("it is administratively down, and stays"),
    });
    expect((await ask("tunnel", "down", "peer")).stdout).toContain("was down already");

    expect((await ask("tunnel", "up", "peer")).status).toBe(0);
    await sites.reached();
    expect((await ask("status", "-q", "peer")).status).toBe(0);

    const before = await sites.pseudowire("a");
    expect((await ask("tunnel", "bounce", "peer")).status).toBe(0);
    await sites.reached();
    const after = await sites.pseudowire("a");
    if (kind === "negotiated") expect(after.localSessionId).not.toBe(before.localSessionId);

    expect((await ask("pseudowire", "down", "lan")).status).toBe(0);
    expect(stateOf(await sites.status("a")).slice(1)).toEqual(["admin-down", false]);
    expect((await sites.pseudowire("a")).lastChange?.text).toMatch(/^down: /);
    expect(await sites.passes()).toBe(false);
    expect((await ask("pseudowire", "up", "lan")).status).toBe(0);
    await sites.reached();
    expect((await ask("pseudowire", "bounce", "lan")).status).toBe(0);
    await sites.reached();

    await eventually("something was counted", async () => {
      await sites.passes(2);
      return (await sites.pseudowire("a")).transmittedFrames > 1;
    });
    const counted = (await sites.pseudowire("a")).transmittedOctets;
    expect((await ask("clear", "counters", "lan")).status).toBe(0);
    const cleared = await sites.pseudowire("a");
    expect(cleared.transmittedOctets).toBeLessThan(counted);
    expect(cleared.clearedAgoMs).toBeGreaterThanOrEqual(0);
    expect(await sites.passes(2)).toBe(true);
    expect((await sites.pseudowire("a")).transmittedFrames).toBeGreaterThanOrEqual(2);
    expect((await ask("status", "lan")).stdout).toMatch(/counters, as they are now, cleared \d+ s ago:/);
    expect((await ask("clear", "counters")).stdout).toBe("all counters begin at 0 now\n");

    expect(await ask("tunnel", "down", "pear")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no tunnel is called pear; the nearest is peer"),
    });
  });
});
