import { describe, expect, test } from "vitest";
import { eventually, planes } from "../support/lab.ts";
import { type RunningDaemon, Sites } from "../support/sites.ts";

const rows = [
  ["udp", 4, "outer", "1558", "each is sent as two IP fragments"],
  ["ip", 4, "none", "1546", "each is discarded (path-mtu)"],
  ["udp", 6, "none", "1578", "each is discarded (path-mtu)"],
  ["ip", 6, "outer", "1566", "each is sent as two IP fragments"],
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
    "%s over IPv%i, fragmentation %s: told until the path takes %s",
    async (encapsulation, family, fragmentation, needed, fate) => {
      await using sites = await Sites.make();
      for (const site of ["a", "b"] as const) await sites.ip(site, `addr add ${v6[site]}/64 dev wan0 nodad`);
      const common = { encapsulation, fragmentation };
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
});
