import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/run-command.ts";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-peer-config-"));
  file = join(folder, "wirespan.yaml");
  writeFileSync(
    file,
    `tunnels:
  depot:
    peer: freertr
    local: 192.0.2.1
    remote: 192.0.2.2
    pseudowires: { lan: { circuit: { interface: eth1, vlan: 5 } } }
  hub:
    local: eth0
    remote: 192.0.2.3
    secret: { file: /never-printed }
    pseudowires: { hub: { circuit: { interface: eth2 } } }
  fixed:
    { control: static, local: 192.0.2.1, remote: 192.0.2.6, pseudowires: { f: { circuit: { tap: f },
      static: { local_session_id: 1, remote_session_id: 2 } } } }
  later: { enabled: false, local: 192.0.2.1, remote: 192.0.2.5, pseudowires: { l: { circuit: { tap: l } } } }
  soft: { peer: softether, local: 192.0.2.1, remote: 192.0.2.4, pseudowires: { s: { circuit: { tap: s } } } }
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const peerConfig = (...words: readonly string[]) => runCommand("peer-config", ...words);

test("without --for it is what `peer` says; what is not taken over is told with its place", async () => {
  const { out, error, code } = await peerConfig("depot", "-c", file);
  expect(code).toBeUndefined();
  expect(out).toContain("server l2tp3 wirespan");
  expect(error).toBe(
    `${file}:6:61  tunnels.depot.pseudowires.lan.circuit.vlan: ` +
      "freeRtr gets all frames with VLAN ID 5, and leaves the tag on\n",
  );
});

test("what cannot be is refused with 1, each reason at its key, and nothing is printed", async () => {
  const { out, error, code } = await peerConfig("hub", "--for", "freertr", "-c", file);
  expect([out, code]).toEqual(["", 1]);
  expect(error.split("\n")).toEqual([
    expect.stringMatching(/:7:3 {2}tunnels\.hub\.encapsulation: .*write encapsulation: ip$/),
    expect.stringMatching(/:8:12 {2}tunnels\.hub\.local: .*give --our-address ADDRESS$/),
    expect.stringMatching(/:10:5 {2}tunnels\.hub\.secret: .*leave secret out$/),
    expect.stringMatching(/:11:20 {2}tunnels\.hub\.pseudowires\.hub\.cookie: .*write cookie: 0$/),
    "",
  ]);
});

test("an address that the file leaves open is given", async () => {
  const { out } = await peerConfig("hub", "-c", file, "--our-address", "vpn.example.net");
  expect(out).toContain("remote: vpn.example.net\n");
  const byRoute = await peerConfig("hub", "-c", file);
  expect(byRoute.out).toContain("remote: any\n");
});

test("an address that is none is refused where the other end needs one, ours and its own", async () => {
  const name = "there; reboot";
  const { out, error, code } = await peerConfig(
    ...["fixed", "-c", file, "--for", "linux", "--our-address", name, "--peer-address", name],
  );
  expect([out, code]).toEqual(["", 1]);
  expect(error.split("\n")).toEqual([
    expect.stringMatching(
      /tunnels\.fixed\.local: .* needs our address, no name: give --our-address ADDRESS$/,
    ),
    expect.stringMatching(
      /tunnels\.fixed\.remote: .* needs its own address, no name: give --peer-address ADDRESS$/,
    ),
    "",
  ]);
});

test("a tunnel that is not enabled yet is prepared", async () => {
  expect((await peerConfig("later", "-c", file)).out).toContain("local: 192.0.2.5\n");
});

test("unknown tunnels and implementations whose files are not known are named", async () => {
  await expect(peerConfig("nobody", "-c", file)).rejects.toThrow(
    /no tunnel nobody: there are depot, hub, fixed, soft, later/,
  );
  await expect(peerConfig("soft", "-c", file)).rejects.toThrow(/how softether is configured is not known/);
  await expect(peerConfig("hub", "--for", "junos", "-c", file)).rejects.toThrow();
});
