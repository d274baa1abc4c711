import { expect, test } from "vitest";
import { askReload, askStatus } from "../../src/daemon/api-client.ts";
import { output } from "../support/lab.ts";
import { type Keys, type Site, Sites } from "../support/sites.ts";

const cases = [
  ["userspace", "ip", {}],
  ["ebpf", "udp", { hello_interval_s: 7 }],
] as const;

test.each(cases)(
  "plane %s over %s: a tunnel's new name, at one end and then at the other, costs no frame",
  async (plane, encapsulation, more) => {
    await using sites = await Sites.make();
    await sites.up(plane, { encapsulation });
    const statusOf = (site: Site) => askStatus(sites.socket(site));
    const reload = (site: Site) => askReload(sites.socket(site));
    const ids = async (site: Site) => {
      const { controlConnections, pseudowires } = await statusOf(site);
      return [controlConnections[0]?.localControlConnectionId, pseudowires[0]?.localSessionId];
    };
    const before = await ids("a");
    const ping = sites.spawn("ha", "ping", "-q", "-c", "300", "-i", "0.01", "-W", "1", "10.0.0.2");
    const pinged = output(ping);
    for (const site of ["a", "b"] as const) {
      const { tunnels, ...whole } = sites.configuration(site, plane, { encapsulation, ...more });
      const { peer } = tunnels as Readonly<Record<string, Keys>>;
      sites.write(site, { ...whole, tunnels: { elsewhere: peer } });
      const { plan, problems } = await reload(site);
      expect([plan.split("\n")[0], problems]).toEqual(["rename tunnel peer to elsewhere", []]);
      const { controlConnections, pseudowires } = await statusOf(site);
      expect(controlConnections.map(({ tunnel, state }) => [tunnel, state])).toEqual([
        ["elsewhere", "established"],
      ]);
      expect(pseudowires.map(({ tunnel, state }) => [tunnel, state])).toEqual([["elsewhere", "established"]]);
      expect((await reload(site)).changed).toBe(false);
    }
    expect(await ids("a")).toEqual(before);
    expect(await pinged).toContain("300 packets transmitted, 300 received");
  },
);
