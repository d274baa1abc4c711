import { describe, expect, test } from "vitest";
import { eventually, planes } from "../support/lab.ts";
import { type RunningDaemon, Sites } from "../support/sites.ts";

const cut = "packets of any kind that are too long are sent in IP fragments";
const lost = "TCP segments fit (mss_clamp); other packets that are too long are discarded (path-mtu)";
const rows = [
  ["udp", 4, "outer", "off", "1558", cut],
  ["ip", 4, "none", "auto", "1546", lost],
  ["udp", 6, "none", "auto", "1578", lost],
  ["ip", 6, "outer", "off", "1566", cut],
] as const;
const v6 = { a: "2001:db8::1", b: "2001:db8::2" } as const;

/** The lines of a kind about sizes in a log. */
function told(daemon: RunningDaemon, event: string): readonly string[] {
  return daemon.log
    .split("\n")
    .filter((line) => line.includes(`"event":"${event}"`) && line.includes("full-size"));
}

describe.each(planes)("full-size frames on a path of 1500, plane %s", (plane) => {
  test.each(rows)(
    "%s over IPv%i, fragmentation %s, mss_clamp %s: told until the path takes %s",
    async (encapsulation, family, fragmentation, mssClamp, needed, fate) => {
      await using sites = await Sites.make();
      for (const site of ["a", "b"] as const) await sites.ip(site, `addr add ${v6[site]}/64 dev wan0 nodad`);
      const lan = { circuit: { interface: "eth1" }, mss_clamp: mssClamp };
      const common = { encapsulation, fragmentation, pseudowires: { lan } };
      const start = (site: "a" | "b", other: "a" | "b") => {
        const ends = family === 6 ? { local: v6[site], remote: v6[other] } : {};
        return sites.start(site, sites.write(site, sites.configuration(site, plane, { ...common, ...ends })));
      };
      const [a] = [start("a", "b"), start("b", "a")];
      await sites.reached();
      const noted = (is: boolean) =>
        sites.told(
          `the note is ${is ? "there" : "gone"}`,
          "a",
          ({ pseudowires }) => (pseudowires[0]?.notes?.length === 1) === is,
        );
      const { pseudowires } = await noted(true);
      const [note] = pseudowires[0]?.notes ?? [];
      expect(note).toContain(`full-size frames of eth1 (MTU 1500) need a path MTU of ${needed}`);
      expect(note).toContain(`has 1500: ${fate}`);
      await eventually("the log has it", async () => told(a, "note").length === 1);

      const widen = async (mtu: number) => {
        for (const site of ["b", "a"] as const) await sites.ip(site, `link set wan0 mtu ${mtu}`);
      };
      // One octet too few is told with the new figure, none too few ends it.
      await widen(Number(needed) - 1);
      await eventually("the other figure is in the log", async () => told(a, "note").length === 2);
      await widen(Number(needed));
      await noted(false);
      await eventually("the log has the end", async () => told(a, "note-gone").length === 2);
      expect(told(a, "note")).toHaveLength(2);
      // A static route says less than the interface: it counts.
      await sites.ip(
        "a",
        family === 6 ? `route add ${v6.b}/128 dev wan0 mtu 1400` : "route add 192.0.2.2/32 dev wan0 mtu 1400",
      );
      const less = await noted(true);
      expect(less.pseudowires[0]?.notes?.[0]).toContain("has 1400");
    },
  );

  test("by the defaults nothing needs attention, and after a reload to other values it does", async () => {
    await using sites = await Sites.make();
    const { a } = await sites.up(plane);
    const known = await sites.told("the path MTU is known", "a", ({ controlConnections: [one] }) => {
      return one?.pathMtu?.octets === 1500;
    });
    expect(known.pseudowires[0]?.notes).toEqual([]);
    sites.write("a", sites.configuration("a", plane, { fragmentation: "none" }));
    await sites.reload("a");
    await sites.told(
      "the note is there",
      "a",
      ({ pseudowires }) => pseudowires[0]?.notes?.[0]?.includes(lost) === true,
    );
    await eventually("the log has one, of the second file", async () => told(a, "note").length === 1);
  });
});
