import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Keys, Sites } from "../support/sites.ts";

/** Two tunnels at site a: one from an interface, and one from the address that a route has: the same. */
let sites: Sites;
let usual: Keys;

function tunnelsOf(first: Keys, second: Keys): Keys {
  const secret = { file: sites.file("secret") };
  const { peer, ...rest } = usual["tunnels"] as Record<string, Keys>;
  return {
    ...usual,
    tunnels: {
      ...rest,
      peer: { local: "wan0", remote: "any", secret, pseudowires: peer?.["pseudowires"], ...first },
      second: { remote: "any", secret, pseudowires: { more: { circuit: { tap: "more0" } } }, ...second },
    },
  };
}

beforeAll(async () => {
  sites = await Sites.make();
  usual = sites.configuration("a", "userspace");
  writeFileSync(sites.file("secret"), "a secret\n", { mode: 0o600 });
  await sites.ip("a", "route add default via 192.0.2.2");
  const secret = { file: sites.file("secret") };
  sites.start("b", sites.write("b", sites.configuration("b", "userspace", { secret })));
  sites.start("a", sites.write("a", tunnelsOf({ peer_host_name: "b" }, { peer_host_name: "c" })));
  await sites.reached();
});
afterAll(() => sites?.[Symbol.asyncDispose]());

/** TABLE: what the two tunnels say, and why the second waits; undefined where both are open. */
const cases: readonly (readonly [string, Keys, Keys, RegExp | undefined])[] = [
  ["with names of their peers", { peer_host_name: "b" }, { peer_host_name: "c" }, undefined],
  ["of which one names its peer", {}, { peer_host_name: "c" }, undefined],
  ["that name no peer", {}, {}, /^another tunnel of this configuration .* nothing tells their peers apart/],
  ["that name one peer", { peer_host_name: "b" }, { peer_host_name: "b" }, /peers apart: give each a peer/],
  ...(
    [
      ["control_dscp", 10, 0],
      ["fragmentation", "none", "outer"],
      ["udp_checksum", "full", "auto"],
      ["gso", "segment", "auto"],
    ] as const
  ).map(
    ([key, value, other]) =>
      [
        `with other values of ${key}`,
        { peer_host_name: "b" },
        { peer_host_name: "c", [key]: value },
        new RegExp(`^${key} is ${value}, and another tunnel with the same socket.* says ${other}`),
      ] as const,
  ),
];

test.each(cases)("two tunnels at one socket %s", async (_, first, second, why) => {
  sites.write("a", tunnelsOf(first, second));
  expect((await sites.reload("a")).status).toBe(why === undefined ? 0 : 1);
  const report = await sites.status("a");
  const found = report.controlConnections.find(({ tunnel }) => tunnel === "second");
  expect(found?.state).toBe(why === undefined ? "idle" : "waiting");
  if (why !== undefined) expect(found?.whyNot).toMatch(why);
  await sites.reached();
});
