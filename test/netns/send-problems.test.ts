import { describe, expect, test } from "vitest";
import { SendProblems } from "../../src/daemon/send-problems.ts";
import { eventually, MAIN, planes } from "../support/lab.ts";
import { Sites } from "../support/sites.ts";

const v6 = "2001:db8::1";
const loopback = "127.0.0.1";

/** Ends to which nothing can be sent from site a, with what is told. */
const unreachable = [
  ["no route", "192.0.2.1", "203.0.113.9", "ENETUNREACH"],
  ["no route over IPv6", v6, "2001:db8:9::1", "ENETUNREACH"],
  ["an unreachable route", "192.0.2.1", "198.51.100.1", "EHOSTUNREACH"],
  ["a prohibited route", "192.0.2.1", "198.51.100.2", "EACCES"],
  ["a blackhole", "192.0.2.1", "198.51.100.3", "EINVAL"],
  ["an unreachable route over IPv6", v6, "2001:db8:8::1", "EHOSTUNREACH"],
  ["the broadcast of a subnet", "192.0.2.1", "192.0.2.255", "EACCES"],
  ["another address of this machine", "192.0.2.1", "192.0.2.77", "192.0.2.77 is an address of this machine"],
  ["the loopback", "192.0.2.1", loopback, `${loopback} is an address of this machine`],
  ["from the loopback elsewhere", loopback, "192.0.2.2", "EINVAL"],
] as const;

/** The lines of a kind in a log that are about a tunnel. */
const notes = (log: string, event: string) =>
  log.split("\n").filter((line) => line.includes(`"event":"${event}"`) && line.includes("tunnel peer"));

describe.each(["udp", "ip"] as const)("a peer to which nothing can be sent, %s", (encapsulation) => {
  test.each(unreachable)("%s: from %s to %s", async (_what, local, remote, words) => {
    await using sites = await Sites.make();
    for (const add of [
      `addr add ${v6}/64 dev wan0 nodad`,
      "addr add 192.0.2.77/24 dev wan0",
      "link set lo up",
      "route add unreachable 198.51.100.1",
      "route add prohibit 198.51.100.2",
      "route add blackhole 198.51.100.3",
      "route add unreachable 2001:db8:8::/64",
    ])
      await sites.ip("a", add);
    const file = sites.write("a", sites.configuration("a", "userspace", { encapsulation, local, remote }));
    const daemon = sites.start("a", file);
    const { controlConnections } = await sites.told(
      "status says why",
      "a",
      ({ controlConnections: [one] }) => one?.whyNot?.includes(words) === true,
    );
    expect(controlConnections[0]?.whyNot).toContain(`see: ip route get ${remote} from ${local}`);
    await eventually("the log says why, once", () => notes(daemon.log, "note").length === 1);
    expect(notes(daemon.log, "note")[0]).toContain(words);
    const { status, stderr } = await sites.exec("a", process.execPath, MAIN, "check", "--here", file);
    expect(status).toBe(1);
    expect(stderr).toMatch(/yaml:\d+:\d+ {2}tunnels\.peer\.remote: on this machine: /);
    expect(stderr).toContain(words);
  });
});

test("what sending said comes before what the route says, until it is sent or routes change", () => {
  using problems = new SendProblems({ nowMs: () => 0 });
  const ends = { local: "127.0.0.1", remote: "127.0.0.2" };
  const path = { encapsulation: "udp", localPort: 1701, remotePort: 1701 } as const;
  const sent = (errno: string | undefined) =>
    problems.sent({ ...path, localAddress: ends.local, remoteAddress: ends.remote }, errno);
  expect(problems.problemOf(ends, false)).toBeUndefined();
  sent("EPERM");
  expect(problems.problemOf(ends, false)).toContain(
    "EPERM (a packet filter or an IPsec policy of this machine forbids it); " +
      "see: nft list ruleset, ip xfrm policy, ip route get ",
  );
  sent(undefined);
  expect(problems.problemOf(ends, false)).toBeUndefined();
  sent("ENOBUFS");
  expect(problems.problemOf(ends, false)).toContain(": ENOBUFS; see");
  problems.forget();
  expect(problems.problemOf(ends, false)).toBeUndefined();
});

const staticSession = { local_session_id: 7, remote_session_id: 7, receive_cookie: "", transmit_cookie: "" };
const kinds = [
  ["negotiated", {}],
  [
    "static",
    { control: "static", pseudowires: { lan: { circuit: { interface: "eth1" }, static: staticSession } } },
  ],
] as const;

describe.each(planes)("plane %s: the interface towards the peer goes down", (plane) => {
  test.each(kinds)("%s: noted on the tunnel and its pseudowire, until it is up", async (_kind, keys) => {
    await using sites = await Sites.make();
    const { a } = await sites.up(plane, keys);
    const noted = (is: boolean) =>
      sites.told(`noted: ${is}`, "a", ({ controlConnections: [tunnel], pseudowires: [pseudowire] }) =>
        [tunnel, pseudowire].every((one) => one?.notes?.some((note) => note.includes("ENETUNREACH")) === is),
      );
    await noted(false);
    await sites.ip("a", "link set wan0 down");
    const { pseudowires } = await noted(true);
    expect(pseudowires[0]?.state).toBe("established");
    expect(a.log).not.toContain("forwarded by userspace now, by userspace before");
    await sites.ip("a", "link set wan0 up");
    await noted(false);
    await sites.reached();
  });
});
