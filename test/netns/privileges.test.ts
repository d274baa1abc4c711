import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

const UNITS = fileURLToPath(new URL("../../packaging/", import.meta.url));
/** Numbers of capabilities (linux/capability.h). */
const CAP = {
  DAC_OVERRIDE: 1,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_ADMIN: 21,
  PERFMON: 38,
  BPF: 39,
} as const;
const NEEDED = [CAP.NET_BIND_SERVICE, CAP.NET_ADMIN, CAP.NET_RAW, CAP.PERFMON, CAP.BPF];

function tunnelOf(secret: object, pseudowires: object) {
  return { tunnels: { hq: { local: "192.0.2.1", remote: "192.0.2.2", secret, pseudowires } } };
}

/** The capabilities of all threads of a process, each thread's as their numbers. */
function capabilitiesOf(pid: number): readonly (readonly number[])[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const permitted = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)/m.exec(status)?.[1]}`);
    return Array.from({ length: 64 }, (_, number) => number).filter(
      (number) => (permitted >> BigInt(number)) & 1n,
    );
  });
}

test("root keeps in all threads only the capabilities for forwarding, and reloads work", async () => {
  await using namespace = await TestNamespace.make("ws-privileges");
  const folder = mkdtempSync(join(tmpdir(), "wirespan-secret-"));
  const file = join(folder, "secret");
  writeFileSync(file, "one\n", { mode: 0o600 });
  const lan = { lan: { circuit: { interface: "right" } } };
  await using daemon = await DaemonInNamespace.start(namespace.name, tunnelOf({ file }, lan));
  const threads = capabilitiesOf(daemon.pid);
  expect(threads.length).toBeGreaterThan(5);
  for (const capabilities of threads) expect(capabilities).toEqual(NEEDED);
  expect(readFileSync(`/proc/${daemon.pid}/limits`, "utf8")).toMatch(/^Max core file size\s+0\s+0\s/m);
  expect(daemon.log).toContain(
    "running with CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON, CAP_BPF",
  );
  expect((await daemon.status()).plane.name).toBe("ebpf");
  const isUp = async (name: string) => (await daemon.pseudowire(name)).localCircuit === "up";
  await eventually("the circuit is up", () => isUp("lan"));

  const more = { ...lan, own: { circuit: { tap: "pw0" } } };
  const report = await daemon.reload(tunnelOf({ file }, more));
  expect(report.problems).toEqual([]);
  await eventually("the new circuit is up", () => isUp("own"));
  rmSync(folder, { recursive: true });
});

test("root reads a file of another user, with one capability more", async () => {
  await using namespace = await TestNamespace.make("ws-privileges");
  const theirs = (daemonFolder: string) => {
    for (const path of [join(daemonFolder, "wirespan.yaml"), daemonFolder]) chownSync(path, 65_534, 65_534);
    chmodSync(daemonFolder, 0o700);
    chmodSync(join(daemonFolder, "wirespan.yaml"), 0o600);
  };
  const config = { tunnels: { hq: { local: "192.0.2.1", remote: "192.0.2.2" } } };
  await using daemon = await DaemonInNamespace.start(namespace.name, config, { before: theirs });
  for (const capabilities of capabilitiesOf(daemon.pid))
    expect(capabilities).toEqual([CAP.DAC_OVERRIDE, ...NEEDED]);
  expect((await daemon.reload(tunnelOf({ env: "PATH" }, {}))).problems).toEqual([]);
});

test.each(["wirespan.service", "wirespan@.service"])(
  "%s is right for systemd, and leaves little exposed",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "wirespan-unit-"));
    const unit = join(folder, name.replace("@", "@blue"));
    // Neither the command nor its manual are installed where the tests run.
    const text = readFileSync(join(UNITS, name), "utf8").replace(/=wirespan (?=run|reload)/g, "=/bin/true ");
    writeFileSync(unit, text.replace(/^Documentation=.*/m, ""));
    const verified = await run(["systemd-analyze", "verify", unit]);
    expect(`${verified.stdout}${verified.stderr}`).toBe("");
    // The threshold is in tenths; above it the command fails.
    await run(["systemd-analyze", "security", "--offline=true", "--threshold=32", "--no-pager", unit]);
    rmSync(folder, { recursive: true });
  },
);

test("the unit for instances differs from the other in what tells them apart", () => {
  const linesOf = (name: string) =>
    readFileSync(join(UNITS, name), "utf8")
      .split("\n")
      .filter((line) => /^\w+=|^\[/.test(line));
  const [own, instances] = [linesOf("wirespan.service"), linesOf("wirespan@.service")];
  expect(instances.filter((line) => !own.includes(line))).toEqual([
    "Description=Wirespan L2TPv3 pseudowires of %i",
    "NetworkNamespacePath=/run/netns/%i",
    "ExecStart=wirespan run -c /etc/wirespan/%i.yaml",
    "ExecReload=wirespan reload --socket /run/wirespan/%i/wirespan.sock",
    "RuntimeDirectory=wirespan/%i",
  ]);
  expect(own.filter((line) => !instances.includes(line)).length).toBe(4);
});

test("under the systemd unit it reads a secret of root, and forwarding continues after a crash", async () => {
  const unit = readFileSync(join(UNITS, "wirespan.service"), "utf8");
  expect(unit).toMatch(/^User=root$/m);
  // Else systemd removes what the daemon wrote for the next one, as it crashes.
  expect(unit).toMatch(/^RuntimeDirectoryPreserve=yes$/m);
  const names = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
  expect(names).toContain("CAP_BPF");
  const set = `-all,${names.map((name) => `+${name.toLowerCase().replace("cap_", "")}`).join(",")}`;
  await using namespace = await TestNamespace.make("ws-privileges");
  const folder = mkdtempSync(join(tmpdir(), "wirespan-secret-"));
  writeFileSync(join(folder, "branch"), "s3cret\n", { mode: 0o400 });
  const lan = { lan: { circuit: { interface: "right" } } };
  const prefix = ["setpriv", "--no-new-privs", "--bounding-set", set];
  for (const secret of [{ file: join(folder, "branch") }, { credential: "branch" }]) {
    const environment = { CREDENTIALS_DIRECTORY: folder };
    await using daemon = await DaemonInNamespace.start(namespace.name, tunnelOf(secret, lan), {
      prefix,
      environment,
    });
    for (const capabilities of capabilitiesOf(daemon.pid)) expect(capabilities.length).toBe(names.length);
    const begins = async () => (await daemon.status()).controlConnections[0]?.state === "wait-ctl-reply";
    await eventually("the secret was read, and the tunnel begins", begins);
    const { plane } = await daemon.status();
    expect(plane).toEqual({
      name: "ebpf",
      reason: expect.stringContaining("forwarding continues if the daemon crashes"),
    });
  }
  rmSync(folder, { recursive: true });
});
