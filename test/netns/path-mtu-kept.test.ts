import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PathMtuStatus } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { RoutedSites, type Row } from "../support/routed-sites.ts";

/**
 * A path takes less than its interface, and no router says so. What was measured of it holds for the tunnel
 * that replaces another, and for the daemon that takes over: long frames are not lost in another search.
 */

/** TABLE: encapsulations and families, with a control connection and without. */
const rows: readonly Row[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((family) =>
    [true, false].map((isNegotiated) => ({
      ...{ encapsulation, family, isNegotiated },
      fragmentation: "none" as const,
    })),
  ),
);
const indexes = rows.map((_, index) => index);
const NARROW = 1400;
const SEARCH_MS = 90_000;
/** Longer than the path takes, by any row. */
const LONG = 1400;
/** Paths of static tunnels are looked at each second. */
const KNOWN_MS = 1500;
/** A search from the beginning takes longer. */
const WATCH_MS = 6000;

describe.each(planes)("plane %s", (plane) => {
  let sites: RoutedSites;
  beforeAll(async () => {
    sites = await RoutedSites.up(rows, { plane }, async (built) => {
      await built.tellOfMtu(false);
      await built.setWanMtu(NARROW);
      await built.dropOver(NARROW);
    });
    await eventually(
      `all paths are measured to take ${NARROW}`,
      async () => (await measured()).every((one) => one?.octets === NARROW && one.source === "measured"),
      SEARCH_MS,
    );
  });
  afterAll(() => sites?.[Symbol.asyncDispose]());

  const measured = async () =>
    (await sites.status("a")).controlConnections.map(({ pathMtu }) => pathMtu as PathMtuStatus | undefined);

  /** All is as before soon; then long frames are counted, each, from the first on. */
  async function expectKept(): Promise<void> {
    await eventually("each row forwards again", async () => {
      const { controlConnections, pseudowires } = await sites.status("a");
      const states = [...controlConnections, ...pseudowires].map(({ state }) => state);
      if (!states.every((state) => state === "established" || state === "static")) return false;
      const pings = await Promise.all(indexes.map((index) => sites.pings(index, 56, 1)));
      return pings.every((count) => count === 1);
    });
    await eventually(
      "each path is known",
      async () => (await measured()).every((one) => one?.source === "measured"),
      KNOWN_MS,
    );
    const untilMs = performance.now() + WATCH_MS;
    const since = await discarded();
    let sent = 0;
    while (performance.now() < untilMs) {
      await Promise.all(indexes.map((index) => sites.pings(index, LONG, 5)));
      sent += 5;
      expect((await measured()).map((one) => [one?.octets, one?.source])).toEqual(
        rows.map(() => [NARROW, "measured"]),
      );
    }
    await eventually("all long frames are counted", async () =>
      (await discarded()).every((count, index) => count - (since[index] ?? 0) === sent),
    );
  }

  const discarded = async () =>
    (await sites.status("a")).pseudowires.map(({ discards }) => discards["path-mtu"] ?? 0);

  test("a reload that replaces all tunnels", async () => {
    const { plan } = await sites.reload("a", { defaults: { tunnel: { gso: "segment" } } });
    for (const index of indexes) expect(plan).toContain(`replace tunnel t${index}`);
    await expectKept();
  });

  test("a reload that renames them, and another that replaces them then", async () => {
    const { plan } = await sites.rename("a", (name) => `${name}-renamed`);
    for (const index of indexes) expect(plan).toContain(`rename tunnel t${index} to t${index}-renamed`);
    await expectKept();
    await sites.reload("a", { defaults: { tunnel: { gso: "offload" } } });
    await expectKept();
  });

  test("a daemon that takes over", async () => {
    await sites.takeOver("a");
    await expectKept();
  });
});
