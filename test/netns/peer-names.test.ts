import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventually } from "../support/lab.ts";
import { NamedSite, type Records } from "../support/named-sites.ts";
import { type Keys, Sites } from "../support/sites.ts";

/** Names of peers at one site: nothing here is of a plane. */
const PLANE = "userspace";
/** In one round of questions: later ones are paused for. */
const FIRST_ROUND_MS = 15_000;

/** Tunnels `name0`, `name1`, ... that lead to hosts of these names, each by a port of its own. */
function tunnelsTo(name: string, suffix: string, count: number): Keys {
  const tunnels = Array.from({ length: count }, (_, index) => {
    const ends = { local: "192.0.2.1", local_port: 3000 + index, remote: `${name}${index}${suffix}` };
    return [`${name}${index}`, { ...ends, pseudowires: {} }] as const;
  });
  return Object.fromEntries(tunnels);
}

function configuration(sites: Sites, tunnels: Keys, peer: Keys = {}): Keys {
  const { tunnels: ofPeer, ...usual } = sites.configuration("a", PLANE, peer);
  return { ...usual, tunnels: { ...tunnels, ...(ofPeer as Keys) } };
}

test("names that only a search domain makes whole are all found at once", async () => {
  await using sites = await Sites.make();
  const count = 12;
  const records: Records = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `hub${index}.example`,
      { ttl: 300, addresses: [`203.0.113.${index + 1}`] },
    ]),
  );
  await using names = await NamedSite.make(sites, "a", records);
  writeFileSync(sites.file("resolv.conf"), "search example\nnameserver 127.0.0.1\n");
  const daemon = names.start(sites.write("a", configuration(sites, tunnelsTo("hub", "", count))));
  await sites.told(
    "all have an address",
    "a",
    ({ controlConnections }) =>
      controlConnections.filter(({ remoteName }) => remoteName?.addresses.length === 1).length === count,
  );
  expect(daemon.log).not.toContain("cannot look up");
});

test("a hosts file of 100 000 names holds nothing up; a change is seen in seconds", async () => {
  await using sites = await Sites.make();
  await using names = await NamedSite.make(sites, "a", {});
  const blocked = Array.from({ length: 100_000 }, (_, index) => `0.0.0.0 ads${index}.tracker.example\n`).join(
    "",
  );
  const others = Array.from({ length: 200 }, (_, index) => `203.0.113.${index + 1} n${index}.example\n`).join(
    "",
  );
  names.hosts(`${blocked}${others}192.0.2.9 B.example b # not there yet\n`);
  sites.start("b", sites.write("b", sites.configuration("b", PLANE, { role: "responder" })));
  const tunnels = tunnelsTo("n", ".example", 200);
  names.start(sites.write("a", configuration(sites, tunnels, { remote: "b.example" })));
  const remoteOf = (wanted: string) => (report: Awaited<ReturnType<Sites["status"]>>) =>
    report.controlConnections.some(({ tunnel, remote }) => tunnel === "peer" && remote.includes(wanted));
  await sites.told("b is sought at .9", "a", remoteOf("192.0.2.9"));
  names.hosts(`${blocked}${others}192.0.2.2 B.example b\n`);
  await eventually("b is found where it is", () => sites.passes(), FIRST_ROUND_MS);
  expect(names.questions).toEqual([]);
});

test("a name server that refuses AAAA records, and has an A record, is no failure", async () => {
  await using sites = await Sites.make();
  const record = { ttl: 300, addresses: ["203.0.113.1"], refused: [28] };
  await using names = await NamedSite.make(sites, "a", { "hub0.example": record });
  const hub0 = { local_port: 3000, remote: "hub0.example", pseudowires: {} };
  const daemon = names.start(sites.write("a", configuration(sites, { hub0 })));
  const { controlConnections } = await sites.told("it has an address", "a", ({ controlConnections: all }) =>
    all.some(({ remoteName }) => remoteName?.addresses.includes("203.0.113.1")),
  );
  const { problem, unanswered } =
    controlConnections.find(({ tunnel }) => tunnel === "hub0")?.remoteName ?? {};
  expect([problem, unanswered]).toEqual([undefined, expect.stringMatching(/^no AAAA: EREFUSED/)]);
  expect(daemon.log).not.toContain("cannot look up");
});

test("a reload keeps the address of a replaced tunnel's peer; a first answer may be awaited", async () => {
  await using sites = await Sites.make();
  const record = { ttl: 300, addresses: ["203.0.113.1"] };
  await using names = await NamedSite.make(sites, "a", { "hub0.example": record });
  const { hub0, hub1 } = tunnelsTo("hub", ".example", 2) as Record<"hub0" | "hub1", Keys>;
  names.start(sites.write("a", configuration(sites, { hub0 })));
  await sites.told("it has an address", "a", ({ controlConnections }) =>
    controlConnections.some(({ remoteName }) => remoteName?.addresses[0] === "203.0.113.1"),
  );
  names.say(undefined);
  const changed = { ...hub0, local_port: 4000 };
  const reloaded = async (keys: Keys) => {
    sites.write("a", keys);
    const { status, stdout, stderr } = await sites.reload("a");
    expect([status, stderr]).toEqual([0, ""]);
    const found = (await sites.status("a")).controlConnections.find(({ tunnel }) => tunnel === "hub0");
    expect([found?.remoteName?.addresses, found?.state === "waiting"]).toEqual([["203.0.113.1"], false]);
    return stdout;
  };
  expect(await reloaded(configuration(sites, { hub0: changed, hub1 }))).toContain(
    "tunnel hub1 opens once its peer has an address: hub1.example has no address yet: the resolver was asked",
  );
  // All tunnels start again.
  const { lcce, ...others } = configuration(sites, { hub0: changed });
  await reloaded({ ...others, lcce: { ...(lcce as Keys), host_name: "other" } });
});

test("a resolver that is silent, then refuses: the last address stays, no other tunnel waits", async () => {
  await using sites = await Sites.make();
  await using names = await NamedSite.make(sites, "a", { "b.example": { ttl: 5, addresses: ["192.0.2.2"] } });
  sites.start("b", sites.write("b", sites.configuration("b", PLANE)));
  const named = { remote: "b.example" };
  const daemon = names.start(sites.write("a", configuration(sites, tunnelsTo("n", ".example", 2), named)));
  await sites.reached();
  const { localSessionId } = await sites.pseudowire("a");
  const says = (what: string) =>
    eventually(`the log says ${what}`, () =>
      new RegExp(`cannot look up b.example: ${what}[^"]*; 192.0.2.2 stays`).test(daemon.log),
    );
  names.say(undefined);
  await says("ETIMEOUT");
  // A tunnel that is new by then, with an address of its own beside more names that nobody answers.
  const { peer, ...others } = configuration(sites, tunnelsTo("n", ".example", 40), named)["tunnels"] as Keys;
  const fresh = { local: "192.0.2.1", remote: "192.0.2.50", local_port: 2999, pseudowires: {} };
  sites.write("a", { ...sites.configuration("a", PLANE), tunnels: { ...others, peer, fresh } });
  await sites.reload("a");
  const { controlConnections } = await sites.status("a");
  expect(controlConnections.find(({ tunnel }) => tunnel === "fresh")?.state).not.toBe("waiting");
  await names[Symbol.asyncDispose]();
  await says("ECONNREFUSED");
  expect(await sites.passes(3)).toBe(true);
  expect((await sites.pseudowire("a")).localSessionId).toBe(localSessionId);
});
