import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { planes } from "../support/lab.ts";
import { NamedSite } from "../support/named-sites.ts";
import { type Keys, type Site, Sites } from "../support/sites.ts";

/** TABLE: addresses on the WAN by family: of a, of b, and what b or a gets instead. */
const wans = {
  4: { a: "192.0.2.1", b: "192.0.2.2", other: "192.0.2.9", length: 24 },
  6: { a: "2001:db8::1", b: "2001:db8::2", other: "2001:db8::9", length: 64 },
} as const;
type Family = keyof typeof wans;

const ids = { a: 7001, b: 7002 };
/** One static session or one that is negotiated, of tunnels that lead to each other. */
function tunnelOf(site: Site, control: string, encapsulation: string, secret: string): Keys {
  const other = site === "a" ? "b" : "a";
  const cookies = { receive_cookie: `0011223344556677`, transmit_cookie: `0011223344556677` };
  const session = { local_session_id: ids[site], remote_session_id: ids[other], ...cookies };
  const circuit = { circuit: { interface: "eth1" } };
  if (control !== "static")
    return { encapsulation, hello_interval_s: 1, secret: { file: secret }, roaming: "control" };
  return { encapsulation, control, pseudowires: { lan: { ...circuit, static: session } } };
}

async function make(family: Family): Promise<Sites> {
  const sites = await Sites.make();
  if (family === 6)
    for (const site of ["a", "b"] as const)
      await sites.ip(site, `addr add ${wans[6][site]}/64 dev wan0 nodad`);
  return sites;
}

async function changeAddress(sites: Sites, site: Site, family: Family): Promise<void> {
  const { other, length } = wans[family];
  await sites.ip(site, `addr del ${wans[family][site]}/${length} dev wan0`);
  await sites.ip(site, `addr add ${other}/${length} dev wan0${family === 6 ? " nodad" : ""}`);
}

/** Any three of the four together: every second of all combinations. */
const cases = (["udp", "ip"] as const).flatMap((encapsulation, i) =>
  ([4, 6] as const).flatMap((family, j) =>
    (["static", "negotiated"] as const).map((control, k) => {
      const plane = planes[(i + j + k) % 2] ?? "ebpf";
      return { plane, control, encapsulation, family };
    }),
  ),
);
const title = "plane $plane, $control over $encapsulation, IPv$family";

describe.each(cases)(title, ({ plane, control, encapsulation, family }) => {
  const { a, b, other } = wans[family];
  const fileOf = (sites: Sites, site: Site, more: Keys) => {
    writeFileSync(sites.file("secret"), "a secret\n", { mode: 0o600 });
    const keys = { ...tunnelOf(site, control, encapsulation, sites.file("secret")), ...more };
    return sites.write(site, sites.configuration(site, plane, keys));
  };

  test("b gets another address: b follows its interface, a the name, and the session stays", async () => {
    await using sites = await make(family);
    await using names = await NamedSite.make(sites, "a", { "b.example": { ttl: 5, addresses: [b] } });
    sites.start("b", fileOf(sites, "b", { local: "wan0", remote: a }));
    const daemon = names.start(fileOf(sites, "a", { local: a, remote: "b.example" }));
    await sites.reached();
    expect(await sites.passes(20)).toBe(true);
    const [before, beforeB] = [await sites.pseudowire("a"), await sites.pseudowire("b")];
    names.say({ "b.example": { ttl: 5, addresses: [other] } });
    await changeAddress(sites, "b", family);
    // The eBPF plane goes on with the former address until both ends notice: pings prove nothing yet.
    const report = await sites.told(
      "a says where b is",
      "a",
      ({ controlConnections: [one] }) =>
        one?.remote.includes(other) === true && one.remoteName?.addresses[0] === other,
    );
    expect(report.controlConnections[0]?.remoteName).toMatchObject({ name: "b.example", addresses: [other] });
    await sites.reached();
    expect(await sites.passes(5)).toBe(true);
    const [after, afterB] = [await sites.pseudowire("a"), await sites.pseudowire("b")];
    expect([after.localSessionId, afterB.localSessionId]).toEqual([
      before.localSessionId,
      beforeB.localSessionId,
    ]);
    expect(after.transmittedFrames).toBeGreaterThan(before.transmittedFrames);
    expect(afterB.receivedFrames).toBeGreaterThan(beforeB.receivedFrames);
    expect(after.plane).toBe(before.plane);
    expect((await sites.status("b")).controlConnections[0]?.localFrom).toBe("interface wan0");
    expect(daemon.log).toContain("its ends are");
  });
});
