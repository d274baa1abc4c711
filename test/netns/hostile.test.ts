import { expect, test } from "vitest";
import { builtProgram } from "../../lab/paths.ts";
import type { Request } from "../../lab/traffic/forged.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { eventually, Lab } from "../support/lab.ts";

const FORGED = builtProgram("traffic/forged");
const DATAGRAMS = 600_000;
/** More than the peer's own control messages in the time of the flood, of which a full socket loses some. */
const OWN_MESSAGES = 50;

function sum(...records: readonly Readonly<Record<string, number>>[]): number {
  return records.flatMap((record) => Object.values(record)).reduce((total, count) => total + count, 0);
}

/** Everything a daemon gave up. */
function discarded(report: StatusReport): number {
  return sum(report.discards, report.control, ...report.pseudowires.map(({ discards }) => discards));
}

const cases = [
  ["point-to-point", "userspace"],
  ["point-to-point", "ebpf"],
  ["ip115", "userspace"],
] as const;

test.each(cases)(
  "600 000 hostile datagrams from the peer's address change nothing in %s, plane %s, and are counted",
  async (topology, plane) => {
    await using lab = await Lab.up(topology, plane);
    await lab.reached("a10", "10.0.0.13");
    const before = await lab.status("a");
    const [connection] = before.controlConnections;
    const [session] = before.pseudowires;
    const order: Request = {
      seed: 20_261_125,
      count: DATAGRAMS,
      encapsulation: connection?.encapsulation ?? "udp",
      from: "192.0.2.2",
      to: "192.0.2.1",
      sessionId: session?.localSessionId ?? 0,
      cookieOctets: session?.receiveCookieOctets ?? 0,
      controlConnectionId: connection?.localControlConnectionId ?? 0,
    };
    const { stdout } = await lab.exec("lcce-b", process.execPath, FORGED, JSON.stringify(order));
    expect(JSON.parse(stdout)).toEqual({ sent: DATAGRAMS });
    let after = before;
    await eventually("every datagram is counted", async () => {
      after = await lab.status("a");
      return discarded(after) - discarded(before) >= DATAGRAMS;
    });
    console.log(
      topology,
      JSON.stringify({
        discards: after.discards,
        control: after.control,
        pseudowires: after.pseudowires.map(({ discards }) => discards),
      }),
    );
    // Over UDP the count is exact, but for what a full socket loses of the peer's own messages. Over IP a
    // kernel may count a data message at a full control socket, which loses nothing by it.
    const counted = discarded(after) - discarded(before);
    const overflow = after.discards["control-overflow"] ?? 0;
    const twice = order.encapsulation === "ip" ? overflow : 0;
    expect(counted - twice).toBeLessThanOrEqual(DATAGRAMS + Math.min(overflow, OWN_MESSAGES));
    if (overflow === 0) expect(counted).toBe(DATAGRAMS);
    expect(after.pid).toBe(before.pid);
    const now = after.pseudowires[0];
    expect(now?.state).toBe("established");
    expect(now?.localSessionId).toBe(session?.localSessionId);
    expect(now?.remoteSessionId).toBe(session?.remoteSessionId);
    expect(after.controlConnections[0]?.localControlConnectionId).toBe(connection?.localControlConnectionId);
    expect(now?.discards["wrong-cookie"]).toBeGreaterThan(10_000);
    expect(now?.discards["truncated"]).toBeGreaterThan(0);
    expect(after.discards["unknown-session"]).toBeGreaterThan(10_000);
    expect(sum(after.control)).toBeGreaterThan(1000);
    await lab.reached("a10", "10.0.0.13");
  },
);
