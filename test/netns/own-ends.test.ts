import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { StatusReport } from "../../src/daemon/status.ts";
import { planes } from "../support/lab.ts";
import { type Keys, Sites } from "../support/sites.ts";

/**
 * Our own end while it changes: site a has a second link to b, 203.0.113.0/24 on `wan1`, and b answers at
 * 198.51.100.1, to which either link may lead.
 */

const B = "198.51.100.1";
const [BY_FIRST, BY_SECOND] = [`route replace ${B} via 192.0.2.2`, `route replace ${B} via 203.0.113.2`];
const [FIRST, SECOND] = ["192.0.2.1", "203.0.113.1"];
/** More changes than the buffer of a netlink socket holds. */
const MANY = 5000;

async function make(): Promise<Sites> {
  const sites = await Sites.make();
  await sites.ip("a", `link add wan1 type veth peer name wan1 netns ${sites.namespace("b")}`);
  for (const [site, digit] of [
    ["a", 1],
    ["b", 2],
  ] as const) {
    await sites.ip(site, `addr add 203.0.113.${digit}/24 dev wan1`);
    await sites.ip(site, "link set wan1 up");
  }
  await sites.ip("b", "link set lo up");
  await sites.ip("b", `addr add ${B}/32 dev lo`);
  await sites.ip("a", BY_FIRST);
  return sites;
}

/** Starts b, which takes a from anywhere, and a. */
function start(sites: Sites, plane: string, ofA: Keys) {
  writeFileSync(sites.file("secret"), "a secret\n", { mode: 0o600 });
  const secret = { file: sites.file("secret") };
  sites.start("b", sites.write("b", sites.configuration("b", plane, { local: B, remote: "any", secret })));
  const keys = { remote: B, secret, ...ofA };
  return sites.start("a", sites.write("a", sites.configuration("a", plane, keys)));
}

const from =
  (address: string) =>
  ({ controlConnections: [one] }: StatusReport): boolean =>
    one?.local === `${address}:1701` && one.state === "established";

/** Waits until b has the connection from an address, and frames pass. */
async function followed(sites: Sites, address: string): Promise<void> {
  await sites.told(`a is at ${address}`, "a", from(address));
  await sites.told(
    `b has a at ${address}`,
    "b",
    ({ controlConnections: [one] }) => one?.remote.startsWith(`${address}:`) === true,
  );
  await sites.reached();
}

describe.each(planes)("plane %s", (plane) => {
  test("local left out: the route flips there and back, and the session stays", async () => {
    await using sites = await make();
    start(sites, plane, { local: undefined });
    await followed(sites, FIRST);
    const { localSessionId } = await sites.pseudowire("a");
    for (const [route, address] of [
      [BY_SECOND, SECOND],
      [BY_FIRST, FIRST],
    ] as const) {
      await sites.ip("a", route);
      await followed(sites, address);
    }
    expect((await sites.pseudowire("a")).localSessionId).toBe(localSessionId);
    expect((await sites.status("a")).controlConnections[0]?.localFrom).toBe("route");
  });

  test("local is an interface that comes later, goes under the open tunnel, and comes back", async () => {
    await using sites = await make();
    start(sites, plane, { local: "eth9" });
    await sites.ip("b", "route add 198.51.100.7 via 192.0.2.1");
    const whyNot = (text: string) =>
      sites.told(text, "a", ({ controlConnections: [one] }) => one?.whyNot?.includes(text) === true);
    await whyNot("there is no interface eth9 yet");
    let session: number | undefined;
    for (const _ of [1, 2]) {
      await sites.ip("a", "link add eth9 type veth peer name peer9");
      if (session === undefined) await whyNot("interface eth9 has no IPv4 address yet");
      await sites.ip("a", "addr add 198.51.100.7/32 dev eth9");
      await followed(sites, "198.51.100.7");
      const { localSessionId } = await sites.pseudowire("a");
      session ??= localSessionId;
      expect(localSessionId).toBe(session);
      await sites.ip("a", "link delete eth9");
      await sites.told(
        "a says what is missing",
        "a",
        ({ controlConnections: [one] }) =>
          one?.notes?.some((note) => note.includes("there is no interface eth9")) === true,
      );
    }
  });

  test("local is an address that goes under the open tunnel and comes back", async () => {
    await using sites = await make();
    start(sites, plane, { local: FIRST });
    await followed(sites, FIRST);
    const { localSessionId } = await sites.pseudowire("a");
    await sites.ip("a", `addr delete ${FIRST}/24 dev wan0`);
    await sites.told("a says so", "a", ({ controlConnections: [one] }) => (one?.notes?.length ?? 0) > 0);
    await sites.ip("a", `addr add ${FIRST}/24 dev wan0`);
    await sites.ip("a", BY_FIRST);
    await sites.told("no more", "a", ({ controlConnections: [one] }) => one?.notes?.length === 0);
    await followed(sites, FIRST);
    expect((await sites.pseudowire("a")).localSessionId).toBe(localSessionId);
  });
});

test("a change among thousands of others, which the kernel dropped the news of, is followed", async () => {
  await using sites = await make();
  const daemon = start(sites, "userspace", { local: "wan0" });
  await followed(sites, FIRST);
  await sites.ip("a", "link add many0 type veth peer name many1");
  await sites.ip("a", "link set many0 up");
  const addresses = Array.from(
    { length: MANY },
    (_, index) => `10.${100 + (index >> 8)}.${index & 255}.1/32`,
  );
  writeFileSync(sites.file("batch"), addresses.map((one) => `addr add ${one} dev many0\n`).join(""));
  daemon.child.kill("SIGSTOP");
  try {
    await sites.exec("a", "ip", "-batch", sites.file("batch"));
    await sites.ip("a", `addr delete ${FIRST}/24 dev wan0`);
    await sites.ip("a", "addr add 192.0.2.7/24 dev wan0");
    await sites.ip("a", BY_FIRST);
    // Of the groups of routes and addresses; the last column but one are the messages that were dropped.
    const { stdout } = await sites.exec("a", "cat", "/proc/net/netlink");
    const dropped = stdout.split("\n").map((line) => Number(line.trim().split(/\s+/)[8]) || 0);
    expect(Math.max(...dropped)).toBeGreaterThan(0);
  } finally {
    daemon.child.kill("SIGCONT");
  }
  await followed(sites, "192.0.2.7");
});
