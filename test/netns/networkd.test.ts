import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { peerConfig } from "../../src/other-ends/peer-config.ts";
import { configOf } from "../support/configuration.ts";

/** systemd-networkd itself reads what `wirespan peer-config --for networkd` prints. */

const NETWORKD = "/usr/lib/systemd/systemd-networkd";
const LIMIT_MS = 20_000;
const PATH = "# /etc/systemd/network/";

const text = `tunnels:
  hq:
    peer: networkd
    local: 2001:db8::1
    remote: 2001:db8::2
    udp_checksum: zero
    pseudowires:
      lan:
        circuit: { interface: eth1 }
        mtu: 1400
        static: { local_session_id: 1001, remote_session_id: 2002 }
      voice:
        circuit: { interface: eth2, vlan: 10, vlan_protocol: 802.1ad }
        static: { local_session_id: 1003, remote_session_id: 4294967295 }
  depot:
    peer: networkd
    local: 192.0.2.1
    remote: 192.0.2.2
    udp_checksum: full
    pseudowires:
      depot:
        circuit: { interface: eth3 }
        sublayer: default
        static: { local_session_id: 4, remote_session_id: 5 }
  ip:
    peer: networkd
    encapsulation: ip
    local: 192.0.2.1
    remote: 192.0.2.3
    pseudowires:
      ip: { circuit: { interface: eth4 }, static: { local_session_id: 6, remote_session_id: 7 } }
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-networkd-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The files of a text, by their names. */
function filesIn(printed: string): readonly (readonly [string, string])[] {
  return printed
    .split(PATH)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]);
}

/**
 * What networkd says of the files of a folder, in namespaces of its own, until it has read them and ended.
 */
function networkd(files: readonly (readonly [string, string])[]): Promise<string> {
  const own = mkdtempSync(join(folder, "files-"));
  // It reads as a user of its own.
  chmodSync(own, 0o755);
  for (const [name, content] of files) writeFileSync(join(own, name), content);
  const script = [
    "mount -t tmpfs run /run && mkdir -p /run/systemd/netif /etc/systemd/network",
    `mount --bind ${own} /etc/systemd/network`,
    `exec ${NETWORKD}`,
  ].join(" && ");
  const environment = {
    SYSTEMD_LOG_LEVEL: "debug",
    SYSTEMD_LOG_TARGET: "console",
    PATH: process.env["PATH"],
  };
  const child = spawn("unshare", ["-n", "-m", "sh", "-c", script], { env: environment });
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    const take = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Enumeration completed")) child.kill("SIGTERM");
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}

const complaint = /^.*(?:Unknown|Failed to parse|[Ii]nvalid|without|ignoring\.$|Ignoring).*$/gm;

/** Its complaints about our files. */
function complaintsIn(said: string): readonly string[] {
  return (said.match(complaint) ?? []).filter((line) => line.includes("/etc/systemd/network/"));
}

test("networkd takes every file of three tunnels, and complains of nothing", async () => {
  const config = configOf(text);
  const files = config.tunnels.flatMap((tunnel) => {
    const { text: printed, obstacles } = peerConfig(config, tunnel, "networkd");
    expect(obstacles).toEqual([]);
    return filesIn(printed ?? "");
  });
  const said = await networkd(files);
  expect(complaintsIn(said), said).toEqual([]);
  for (const name of ["l2tun2002", "l2tun5", "l2tun7"]) expect(said).toContain(`${name}: loaded "l2tp"`);
  expect(said).toContain('vlan4294967295: loaded "vlan"');
  expect(said).toContain("Enumeration completed");
});

test("a key that it does not know would be told", async () => {
  const said = await networkd([["50-bad.netdev", "[NetDev]\nName=bad\nKind=l2tp\n\n[L2TP]\nSport=1\n"]]);
  expect(complaintsIn(said).join("\n")).toContain("Unknown key 'Sport'");
});
