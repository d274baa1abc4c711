import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import type { ReloadReport } from "../../src/daemon/status.ts";
import { wirespan } from "../support/lab.ts";
import { type Keys, type Site, Sites } from "../support/sites.ts";

function secretFile(sites: Sites, text: string): string {
  const path = sites.file("secret");
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  return path;
}

const reload = (sites: Sites, site: Site, ...options: readonly string[]) =>
  wirespan("reload", "--socket", sites.socket(site), ...options);

test("an operator who cuts himself off comes back, and a daemon that is killed goes back, too", async () => {
  await using sites = await Sites.make();
  const secret = { secret: { file: secretFile(sites, "of old\n") }, reconnect_initial_s: 0.1 };
  const { a } = await sites.up("userspace", secret);
  const before = sites.read("a.yaml");

  const cut = sites.configuration("a", "userspace", { ...secret, remote: "192.0.2.77" });
  const path = sites.write("a", cut);
  secretFile(sites, "another\n");
  const applied = await reload(sites, "a", "--confirm", "2");
  expect(applied.status).toBe(0);
  expect(applied.stdout.split("\n").slice(-2)[0]).toMatch(
    /^to be confirmed within 2 s, or the configuration/,
  );
  expect(await sites.passes()).toBe(false);
  // What the files say meanwhile does not matter.
  writeFileSync(path, "no: [configuration");
  const back = await sites.told(
    "the configuration before is back",
    "a",
    ({ configuration, controlConnections: [one] }) =>
      configuration?.undone === true && one?.state === "established",
  );
  expect(back.controlConnections[0]).toMatchObject({ remote: "192.0.2.2:1701", authentication: "hmac-md5" });
  await sites.reached();
  expect(a.log).toContain("going back to the configuration before: nobody confirmed it within 2 s");

  // Killed before it is confirmed: whoever starts with this file goes back.
  secretFile(sites, "of old\n");
  sites.write("a", cut);
  expect((await reload(sites, "a", "--confirm", "600")).status).toBe(0);
  expect((await reload(sites, "a")).stderr).toMatch(/not reloaded: the configuration before comes back in/);
  const status = await wirespan("status", "--socket", sites.socket("a"));
  expect(status.stdout).toMatch(
    /configuration not confirmed: the one before comes back in (10 min 0|9 min 5\d) s/,
  );
  await a.end("SIGKILL");
  const second = sites.start("a", path);
  await sites.reached();
  expect(second.log).toContain("this daemon starts with the configuration before");
  expect((await sites.status("a")).configuration?.undone).toBe(true);

  // An edit counts, at the next reload as at the next start.
  writeFileSync(path, `# mended\n${before}`);
  second.child.kill("SIGHUP");
  const mended = await sites.told(
    "the edited file is in force",
    "a",
    ({ configuration }) => configuration !== undefined && configuration.undone === undefined,
  );
  expect(mended.controlConnections[0]?.state).toBe("established");
});

test("a dry run changes nothing; what is disabled ends by CDN and StopCCN, and comes back", async () => {
  await using sites = await Sites.make();
  await sites.up("userspace", { reconnect_initial_s: 0.1 });
  const established = await sites.status("a");
  const ids = ({ controlConnections: [one], pseudowires: [lan] }: typeof established) => [
    one?.localControlConnectionId,
    lan?.localSessionId,
  ];
  const { tunnels, ...whole } = sites.configuration("a", "userspace");
  const { peer } = tunnels as Readonly<Record<string, Keys>>;
  const folder = sites.file("tunnels.d");
  mkdirSync(folder);
  const included = (keys: Keys, ofLan: Keys = {}) => {
    const lan = { circuit: { interface: "eth1" }, ...ofLan };
    writeFileSync(
      `${folder}/peer.yaml`,
      stringify({ tunnels: { peer: { ...peer, pseudowires: { lan }, ...keys } } }),
    );
  };

  // The same tunnel, in an included file.
  included({ reconnect_initial_s: 0.1 });
  const file = sites.write("a", { ...whole, include: "tunnels.d/*.yaml" });
  expect((await reload(sites, "a")).stdout).toBe("nothing changes\n");
  expect((await wirespan("check", file)).stdout).toBe(
    `OK: 1 tunnel, 1 pseudowire\nread: ${file}\nread: ${folder}/peer.yaml\n`,
  );

  included({ reconnect_initial_s: 0.1 }, { enabled: false });
  const dry = await reload(sites, "a", "--dry-run");
  expect([dry.status, dry.stdout]).toEqual([
    0,
    "remove pseudowire lan of tunnel peer\n    enabled: true -> false\nframes are lost of\n" +
      "    pseudowire lan of tunnel peer: for good\nnothing was changed: this was a dry run\n",
  ]);
  const told = JSON.parse((await reload(sites, "a", "--dry-run", "--json")).stdout) as ReloadReport;
  expect(told).toMatchObject({ dryRun: true, changed: false, frameLoss: [{ pseudowires: ["lan"] }] });
  expect(ids(await sites.status("a"))).toEqual(ids(established));

  expect((await reload(sites, "a", "--confirm", "60")).status).toBe(0);
  expect((await reload(sites, "a", "--confirmed")).stdout).toBe("confirmed: the configuration stays\n");
  const off = await sites.status("a");
  expect(off.configuration).not.toHaveProperty("revertsInMs");
  expect(off.pseudowires).toMatchObject([{ state: "disabled", whyNot: "disabled in the file" }]);
  expect(off.controlConnections[0]?.localControlConnectionId).toBe(ids(established)[0]);
  // Nothing is down that should be up.
  expect((await wirespan("status", "-q", "--socket", sites.socket("a"))).status).toBe(0);
  const down = await sites.told("b got a CDN", "b", ({ pseudowires: [lan] }) => lan?.downs === 1);
  expect(down.pseudowires[0]?.lastChange?.text).toContain("closed by its operator (result 3)");

  included({ reconnect_initial_s: 0.1, enabled: false });
  expect((await reload(sites, "a")).stdout).toBe("remove tunnel peer\n    enabled: true -> false\n");
  expect((await sites.status("a")).controlConnections).toMatchObject([{ state: "disabled" }]);
  await sites.told("b got a StopCCN", "b", ({ controlConnections: [one] }) => one?.state !== "established");

  included({ reconnect_initial_s: 0.1 });
  const again = await reload(sites, "a", "--dry-run");
  expect(again.stdout).toMatch(/^create tunnel peer\n {4}enabled: false -> true\nno frame is lost\n/);
  expect((await reload(sites, "a", "--confirm", "60")).status).toBe(0);
  await sites.reached();
  expect((await reload(sites, "a", "--revert")).stdout).toBe(
    "remove tunnel peer\n    enabled: true -> false\n",
  );
  const twice = await reload(sites, "a", "--revert");
  expect([twice.status, twice.stderr]).toEqual([
    1,
    expect.stringContaining("there is no reload to go back from"),
  ]);

  // A directory of files of which one has a mistake changes nothing.
  writeFileSync(`${folder}/z.yaml`, "tunnels:\n  peer: { remote: 192.0.2.9 }\n");
  const refused = await reload(sites, "a", "--dry-run");
  expect([refused.status, refused.stderr]).toEqual([
    3,
    `${folder}/z.yaml:2:3  tunnels.peer: there is a tunnel of this name already, in ${folder}/peer.yaml:2\n`,
  ]);
});
