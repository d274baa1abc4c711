import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { stringify } from "yaml";
import { toHex } from "../../src/bytes/hex.ts";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { askStatus } from "../../src/daemon/api-client.ts";
import type { PseudowireStatus } from "../../src/daemon/status.ts";
import { CommandError, run } from "../../src/lab/command.ts";
import { importConfig } from "../../src/other-ends/import/import-config.ts";
import { peerConfig } from "../../src/other-ends/peer-config.ts";
import { builtProgram, MAIN } from "../paths.ts";
import { exchange, isWhole } from "../traffic/exchange.ts";
import {
  bulkName,
  bulkSessions,
  checkNames,
  generalNames,
  hostAddress,
  hostVlan,
  kernelSession,
  kernelSessionEnd,
  namesAtPeer,
  nodes,
  PEER_VLAN,
  type PeerCheckResult,
  type PeerSession,
  pseudowireName,
  recreatedSessions,
  recreationName,
  restartedSessions,
  restartName,
  sessions,
  transports,
  wirespanConfig,
} from "./kernel-peer-plan.ts";

/**
 * Program for the guest of lab/guest: Wirespan against the kernel's own l2tp over a WAN of 1500 octets, in
 * network namespaces. Prints one line of JSON for each check of kernel-peer-plan.ts.
 */

const FOLDER = "/run/wirespan";
const CONFIG = `${FOLDER}/wirespan.yaml`;
const LOG = `${FOLDER}/wirespan.log`;
const SOCKET = `${FOLDER}/wirespan.sock`;
const BULK = builtProgram("traffic/bulk");
/** Generous: the guest's processor is emulated. */
const START_MS = 60_000;
const LIMIT_MS = 10_000;
/**
 * After so long nothing is waited for any more, so that a broken build is reported before the guest is ended.
 */
const TOTAL_MS = 220_000;
const PINGS = 3;
/** Sizes of pings with their IP headers. */
const SHORT_OCTETS = 84;
const FULL_OCTETS = 1500;
const BULK_OCTETS = 400_000;

let failures = 0;

function report(check: string, ok: boolean, detail: string): void {
  if (!ok) failures += 1;
  const line: PeerCheckResult = { check, ok, detail };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Runs a check whose commands may fail: a failure is the check's result, and the other checks follow. */
async function reportFailure(check: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    report(check, false, error.message);
  }
}

/** Polls until a condition holds or the time is over. */
async function until(limitMs: number, condition: () => Promise<boolean>): Promise<boolean> {
  const endMs = Math.min(performance.now() + limitMs, TOTAL_MS);
  while (!(await condition())) {
    if (performance.now() > endMs) return false;
    await pause(100);
  }
  return true;
}

function secondsSince(beganMs: number): string {
  return `${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
}

function inNode(node: string): readonly string[] {
  return ["ip", "netns", "exec", node];
}

/** Commands of `ip`, one a line, all in one namespace. */
async function ip(node: string | undefined, lines: readonly string[]): Promise<void> {
  const inside = node === undefined ? [] : ["-n", node];
  await run(["ip", ...inside, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

async function buildNetwork(): Promise<void> {
  const interfaces = sessions.filter(({ attachment }) => attachment === "interface");
  const { kernel, wirespan, site } = nodes;
  await ip(undefined, [
    ...[kernel, wirespan, site].map((node) => `netns add ${node}`),
    `link add wan netns ${kernel} mtu 1500 type veth peer name wan netns ${wirespan} mtu 1500`,
    ...interfaces.map(
      ({ circuit, hostInterface }) =>
        `link add ${circuit} netns ${wirespan} type veth peer name ${hostInterface} netns ${site}`,
    ),
  ]);
  const wan = ["link set lo up", "link set wan up"];
  const [v4, v6] = ["udp4", "udp6"].map((name) => transports.find((transport) => transport.name === name));
  await ip(kernel, [
    ...wan,
    `addr add ${v4?.kernelAddress}/24 dev wan`,
    `addr add ${v6?.kernelAddress}/64 dev wan nodad`,
  ]);
  await buildKernelEnd();
  await ip(wirespan, [
    ...wan,
    `addr add ${v4?.wirespanAddress}/24 dev wan`,
    `addr add ${v6?.wirespanAddress}/64 dev wan nodad`,
    ...interfaces.map(({ circuit }) => `link set ${circuit} up`),
  ]);
  await ip(
    site,
    interfaces.map(({ hostInterface }) => `link set ${hostInterface} up`),
  );
}

/**
 * The kernel's end of all sessions, by the scripts that `wirespan peer-config` writes of our configuration.
 */
async function buildKernelEnd(): Promise<void> {
  const text = stringify(wirespanConfig(SOCKET, false));
  const { config, problems } = parseConfig(text, CONFIG, { hostName: nodes.wirespan });
  if (config === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  for (const tunnel of config.tunnels) {
    const { text: script, obstacles } = peerConfig(config, tunnel, "linux");
    if (script === undefined) throw new Error(obstacles.map(({ message }) => message).join("\n"));
    await run([...inNode(nodes.kernel), "sh"], { input: script });
  }
  const names = sessions.map((session) => ({ session, ...namesAtPeer(session) }));
  await ip(nodes.kernel, [
    // The hosts of these checks have VLAN devices of their own.
    ...names.flatMap(({ vlan }) => (vlan === undefined ? [] : [`link del ${vlan}`])),
    ...names.flatMap(({ device, session }) => [
      `link set ${device} down`,
      `link set ${device} name ${session.kernelInterface}`,
    ]),
  ]);
}

/**
 * What the kernel has, as `wirespan import` reads it, is ours, exchanged. For a session without cookies
 * `ip l2tp show` prints those of the one before: these are doubtful, and no others.
 */
async function checkImport(): Promise<void> {
  const shown = await Promise.all(
    ["tunnel", "session"].map((kind) => run(["ip", "-n", nodes.kernel, "-j", "l2tp", "show", kind])),
  );
  const text = shown.map(({ stdout }) => stdout).join("\n");
  const { text: file = "", lines } = importConfig(text, "ip l2tp", "ip-json");
  const ours = sessionsIn(stringify(wirespanConfig(SOCKET, false)), true);
  const unlike = sessionsIn(file, false).filter(
    ({ ends, cookies }) => !ours.some((one) => one.ends === ends && ["", cookies].includes(one.cookies)),
  );
  const without = ours.filter(({ cookies }) => cookies === "");
  const isDoubted = without.every(({ kernelId }) =>
    lines.some((line) => line.includes(`session ${kernelId}:`)),
  );
  report(
    generalNames.imported,
    unlike.length === 0 && isDoubted && lines.length === without.length,
    [`${ours.length} sessions, ${without.length} without cookies`, JSON.stringify(unlike), ...lines].join(
      "; ",
    ),
  );
}

/** The sessions of a file, or of its other end: ends with their ids, and the cookies in both directions. */
function sessionsIn(
  file: string,
  isExchanged: boolean,
): readonly { readonly ends: string; readonly cookies: string; readonly kernelId: number | undefined }[] {
  const { config, problems } = parseConfig(file, "file", { hostName: nodes.wirespan });
  if (config === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return config.tunnels.flatMap(({ local, remote, encapsulation, localPort, remotePort, pseudowires }) =>
    pseudowires.map(({ staticSession: one }) => {
      const own = [local, localPort, one?.localSessionId];
      const other = [remote, remotePort, one?.remoteSessionId];
      const cookies = [one?.receiveCookie, one?.transmitCookie].map((each) =>
        toHex(each ?? new Uint8Array()),
      );
      return {
        ends: JSON.stringify([encapsulation, ...(isExchanged ? [other, own] : [own, other])]),
        cookies: (isExchanged ? cookies.toReversed() : cookies).join(" ").trim(),
        kernelId: isExchanged ? one?.remoteSessionId : one?.localSessionId,
      };
    }),
  );
}

/** Gives an interface its addresses, with and without a VLAN device of the kernel on it. */
function hostLines(device: string, vlan: number, session: PeerSession, end: "kernel" | "site"): string[] {
  const tagged = `${device}.${vlan}`;
  return [
    `link set ${device} mtu 1500 up`,
    `addr add ${hostAddress(session, end, "untagged")}/24 dev ${device}`,
    `link add link ${device} name ${tagged} type vlan id ${vlan}`,
    `link set ${tagged} up`,
    `addr add ${hostAddress(session, end, "tagged")}/24 dev ${tagged}`,
  ];
}

async function raiseHosts(): Promise<void> {
  const { kernel, wirespan, site } = nodes;
  const kernelLines = sessions.flatMap((session) =>
    hostLines(session.kernelInterface, PEER_VLAN, session, "kernel"),
  );
  await ip(kernel, kernelLines);
  for (const node of [wirespan, site]) {
    const own = sessions.filter(({ hostNode }) => hostNode === node);
    const lines = own.flatMap((session) =>
      hostLines(session.hostInterface, hostVlan(session), session, "site"),
    );
    await ip(node, lines);
  }
}

function startDaemon(): ChildProcess {
  const log = openSync(LOG, "a");
  const [file = "", ...args] = [...inNode(nodes.wirespan), process.execPath, MAIN, "run", "-c", CONFIG];
  return spawn(file, args, { stdio: ["ignore", log, log] });
}

/** Resolves to the exit code, or to what happened instead. */
function stopDaemon(daemon: ChildProcess): Promise<number | string> {
  if (daemon.exitCode !== null) return Promise.resolve(`ended early with ${daemon.exitCode}`);
  return new Promise((resolve) => {
    const timer = setTimeout(() => daemon.kill("SIGKILL"), LIMIT_MS);
    daemon.on("exit", (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? `ended by ${signal}`);
    });
    daemon.kill("SIGTERM");
  });
}

async function pseudowires(): Promise<ReadonlyMap<string, PseudowireStatus>> {
  try {
    const report = await askStatus(SOCKET);
    return new Map(report.pseudowires.map((pseudowire) => [pseudowire.name, pseudowire]));
  } catch {
    return new Map();
  }
}

async function isEverySessionUp(): Promise<boolean> {
  const found = [...(await pseudowires()).values()];
  return (
    found.length === sessions.length &&
    found.every(({ state, localCircuit }) => state === "established" && localCircuit === "up")
  );
}

/** Pings of `octets` octets of IP, with DF; resolves to the number of replies. */
async function ping(node: string, target: string, octets = SHORT_OCTETS): Promise<number> {
  const size = `${octets - 28}`;
  const args = [
    "ping",
    "-q",
    "-n",
    "-c",
    `${PINGS}`,
    "-i",
    "0.05",
    "-W",
    "1",
    "-M",
    "do",
    "-s",
    size,
    target,
  ];
  const { stdout } = await run([...inNode(node), ...args], { accept: [0, 1, 2] });
  return Number(/ (\d+) received/.exec(stdout)?.[1] ?? 0);
}

/**
 * Pings until a first one passes (neighbours resolved, sequence numbers in step), then requires that all do;
 * whether they did.
 */
async function pingAll(check: string, target: string, octets: number, limitMs: number): Promise<boolean> {
  await until(limitMs, async () => (await ping(nodes.kernel, target, octets)) > 0);
  const answers = await ping(nodes.kernel, target, octets);
  report(check, answers === PINGS, `${answers}/${PINGS}`);
  return answers === PINGS;
}

/** After a first failure the other checks of a session do not wait. */
async function checkSession(session: PeerSession): Promise<void> {
  const names = checkNames(session);
  const taggings = session.translated ? (["tagged"] as const) : (["untagged", "tagged"] as const);
  const pings = taggings.flatMap((tagging) =>
    [SHORT_OCTETS, FULL_OCTETS].map((octets) => ({ target: hostAddress(session, "site", tagging), octets })),
  );
  let limitMs = LIMIT_MS;
  for (const [index, { target, octets }] of pings.entries()) {
    const passed = await pingAll(names[index] ?? "", target, octets, limitMs);
    if (!passed) limitMs = 0;
  }
}

/** Packets that an interface has received and transmitted; a GSO packet counts as one. */
async function packetsOf(node: string, device: string): Promise<{ received: number; transmitted: number }> {
  const { stdout } = await run(["ip", "-n", node, "-j", "-s", "link", "show", "dev", device]);
  const [link] = JSON.parse(stdout) as { stats64?: Record<"rx" | "tx", { packets: number }> }[];
  return { received: link?.stats64?.rx.packets ?? -1, transmitted: link?.stats64?.tx.packets ?? -1 };
}

/** Hosts at both ends send; both ends must drop what arrives, and ours must count it. */
async function checkWrongCookie(session: PeerSession): Promise<void> {
  const [ours = "", theirs = ""] = checkNames(session);
  const name = pseudowireName(session);
  const dropped = (status?: PseudowireStatus): number => status?.discards["wrong-cookie"] ?? 0;
  const before = (await pseudowires()).get(name);
  const answers = await ping(nodes.kernel, hostAddress(session, "site", "untagged"));
  const sent = await ping(session.hostNode, hostAddress(session, "kernel", "untagged"));
  const after = (await pseudowires()).get(name);
  const rise = dropped(after) - dropped(before);
  report(
    ours,
    answers === 0 && rise > 0 && after?.receivedFrames === 0,
    `${answers}/${PINGS} answers, wrong-cookie +${rise}, ${after?.receivedFrames} frames received`,
  );
  const { received: arrived } = await packetsOf(nodes.kernel, session.kernelInterface);
  const transmitted = after?.transmittedFrames ?? 0;
  report(
    theirs,
    sent === 0 && arrived === 0 && transmitted > 0,
    `${sent}/${PINGS} answers, ${transmitted} frames sent, ${arrived} taken`,
  );
}

/**
 * TCP in both directions between the hosts; our host's kernel sends GSO packets with unfinished checksums,
 * which Wirespan must segment.
 */
async function checkBulk(session: PeerSession): Promise<void> {
  const { hostNode, hostInterface } = session;
  const beganMs = performance.now();
  const address = hostAddress(session, "kernel", "untagged");
  const framesBefore = (await pseudowires()).get(pseudowireName(session))?.transmittedFrames ?? 0;
  const { transmitted: packetsBefore } = await packetsOf(hostNode, hostInterface);
  const load = { address, there: BULK_OCTETS, back: BULK_OCTETS };
  const bulkIn = (node: string) => [...inNode(node), process.execPath, BULK];
  const ends = await exchange(bulkIn(hostNode), bulkIn(nodes.kernel), load, 2 * LIMIT_MS);
  const frames = ((await pseudowires()).get(pseudowireName(session))?.transmittedFrames ?? 0) - framesBefore;
  const packets = (await packetsOf(hostNode, hostInterface)).transmitted - packetsBefore;
  report(
    bulkName(session),
    isWhole(ends) && packets < frames,
    [
      `${ends.map(({ received }) => received.octets).join(" and ")} of ${BULK_OCTETS} octets`,
      `${packets} packets of the host made ${frames} frames`,
      secondsSince(beganMs),
    ].join("; "),
  );
}

/** The kernel's hosts also send untagged frames, which a session of one VLAN rightly drops. */
async function checkClean(): Promise<void> {
  const found = await pseudowires();
  const unclean = sessions.flatMap((session) => {
    const expected = session.wrongCookie ? "wrong-cookie" : session.translated ? "untagged" : undefined;
    const discards = found.get(pseudowireName(session))?.discards ?? { "no status": 1 };
    const reasons = Object.keys(discards).filter((reason) => reason !== expected);
    return reasons.length === 0 ? [] : [`${session.name} ${JSON.stringify(discards)}`];
  });
  report(generalNames.clean, unclean.length === 0, unclean.join("; ") || `${found.size} sessions`);
}

/** Whether pings pass again, and after which time. */
async function checkRecovery(check: string, session: PeerSession): Promise<void> {
  const beganMs = performance.now();
  const target = hostAddress(session, "site", "untagged");
  const recovered = await until(LIMIT_MS, async () => (await ping(nodes.kernel, target)) === PINGS);
  report(check, recovered, `${recovered ? "after" : "not within"} ${secondsSince(beganMs)}`);
}

/**
 * Recreates the kernel's session: it sends numbers from 0 again, and expects 0, while Wirespan's continue.
 * The kernel forgets the old session some time after its deletion.
 */
async function recreateKernelSession(session: PeerSession): Promise<void> {
  await ip(nodes.kernel, [kernelSessionEnd(session)]);
  await until(LIMIT_MS, async () => {
    try {
      await ip(nodes.kernel, [kernelSession(session)]);
      return true;
    } catch (error) {
      if (error instanceof CommandError && error.stderr.includes("File exists")) return false;
      throw error;
    }
  });
  await ip(nodes.kernel, hostLines(session.kernelInterface, PEER_VLAN, session, "kernel"));
}

async function start(check: string): Promise<ChildProcess> {
  const daemon = startDaemon();
  const beganMs = performance.now();
  const up = await until(START_MS, async () => daemon.exitCode !== null || (await isEverySessionUp()));
  report(check, up && daemon.exitCode === null, `${sessions.length} sessions, ${secondsSince(beganMs)}`);
  return daemon;
}

async function stop(daemon: ChildProcess): Promise<void> {
  const beganMs = performance.now();
  const code = await stopDaemon(daemon);
  report(generalNames.stop, code === 0, `exit code ${code}, ${secondsSince(beganMs)}`);
}

async function checkAll(): Promise<void> {
  await raiseHosts();
  for (const session of sessions) if (!session.wrongCookie) await checkSession(session);
  await Promise.all(sessions.filter(({ wrongCookie }) => wrongCookie).map(checkWrongCookie));
  for (const session of bulkSessions) await reportFailure(bulkName(session), () => checkBulk(session));
  await checkClean();
  for (const session of recreatedSessions) {
    await reportFailure(recreationName(session), async () => {
      await recreateKernelSession(session);
      await checkRecovery(recreationName(session), session);
    });
  }
}

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(CONFIG, stringify(wirespanConfig(SOCKET, true)));
  await buildNetwork();
  await checkImport();
  let daemon = await start(generalNames.start);
  try {
    await checkAll();
    await stop(daemon);
    daemon = await start(generalNames.restart);
    for (const session of restartedSessions) await checkRecovery(restartName(session), session);
  } finally {
    await stopDaemon(daemon);
    if (failures > 0) process.stdout.write(readFileSync(LOG, "utf8"));
  }
}

await main();
process.exitCode = failures === 0 ? 0 : 1;
