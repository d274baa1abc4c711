import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { eventually, Lab, output, planes, wirespan } from "../support/lab.ts";

/** Attackers on the network between a hub that serves peers of any address, and its branches behind NAT. */

const ATTACKER = fileURLToPath(new URL("../support/attacker.cjs", import.meta.url));
const HUB = "203.0.113.1";
/** Seconds of pings, 100 a second, that each attack must leave alone. */
const PING_S = 8;
/** What the hub's memory may grow by, in KiB: that of the process itself, garbage of a flood included. */
const MOST_GROWTH_KIB = 48 * 1024;

/** The payloads of UDP datagrams in a capture of Ethernet and IPv4 without options, as tcpdump writes it. */
function udpPayloads(file: string): readonly Uint8Array[] {
  const octets = readFileSync(file);
  const found: Uint8Array[] = [];
  for (let at = 24; at + 16 <= octets.length; ) {
    const length = octets.readUInt32LE(at + 8);
    const frame = octets.subarray(at + 16, at + 16 + length);
    if (frame.readUInt16BE(12) === 0x0800 && frame[23] === 17 && (frame.readUInt16BE(20) & 0x3fff) === 0)
      found.push(frame.subarray(42, 14 + frame.readUInt16BE(16)));
    at += 16 + length;
  }
  return found;
}

const isControl = (message: Uint8Array): boolean => ((message[0] ?? 0) & 0x80) !== 0;
/** An SCCRQ names no connection of the hub yet, and has the message type 1 in its first AVP. */
const isSccrq = (message: Uint8Array): boolean =>
  isControl(message) && message.subarray(4, 8).every((octet) => octet === 0) && message.length > 20;

/** The same message with other octets from somewhere in it on. */
function altered(message: Uint8Array, seed: number): Uint8Array {
  const copy = Uint8Array.from(message);
  const at = 12 + ((seed * 7919) % (copy.length - 12));
  copy[at] = (copy[at] ?? 0) ^ (1 + (seed % 255));
  return copy;
}

interface Attack {
  readonly sent: number;
  readonly sentOctets: number;
  readonly answers: number;
  readonly answerOctets: number;
}

describe.each(planes)("attackers, plane %s", (plane) => {
  let folder: string;
  let lab: Lab;
  let recorded: readonly Uint8Array[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "wirespan-any-branch-"));
    lab = await Lab.up("any-branch", plane);
    // Set-up, data and HELLOs of branches, as somebody between them and the hub hears them.
    const file = lab.path("/run/heard.pcap");
    const words = ["-i", "internet", "-n", "-U", "-s0", "-w", "/run/heard.pcap", "udp", "port", "1701"];
    const tcpdump = lab.spawn("hub", "tcpdump", ...words);
    let said = "";
    tcpdump.stderr?.on("data", (text) => {
      said += text;
    });
    await eventually("tcpdump listens", () => said.includes("listening on"));
    await lab.exec("pc1", "ping", "-c", "20", "-i", "0.05", "10.0.1.1");
    await restart(lab, "branch2");
    await lab.exec("pc1", "ping", "-c", "20", "-i", "0.05", "10.0.1.1");
    await eventually("a HELLO has passed", () => udpPayloads(file).filter(isControl).length > 12);
    recorded = udpPayloads(file);
    tcpdump.kill("SIGKILL");
  });
  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** TABLE: what is sent to the hub from an address of the attacker's own, and how often. */
  const attacks: readonly (readonly [string, () => readonly Uint8Array[], number])[] = [
    ["recorded control messages", () => recorded.filter(isControl), 100],
    ["recorded data with the right cookies", () => recorded.filter((message) => !isControl(message)), 20],
    ["a recorded SCCRQ", () => recorded.filter(isSccrq).slice(0, 1), 10_000],
    [
      "altered SCCRQs",
      () => {
        const [sccrq] = recorded.filter(isSccrq);
        return sccrq === undefined ? [] : Array.from({ length: 500 }, (_, seed) => altered(sccrq, seed));
      },
      20,
    ],
  ];

  test.each(attacks)("%s lead nowhere, and cost nothing", async (name, made, times) => {
    const messages = made();
    expect(messages.length).toBeGreaterThan(0);
    const [paths, memory] = [await pathsOf(lab), await memoryOf(lab)];
    const pings = lab.spawn("pc1", "ping", "-q", "-i", "0.01", "-c", `${PING_S * 100}`, "10.0.1.1");
    const answered = output(pings);
    const input = JSON.stringify(messages.map(toHex));
    const { stdout } = await lab.shell("ns", `${process.execPath} ${ATTACKER} ${HUB} ${times}`, input);
    const attack = JSON.parse(stdout) as Attack;
    expect(attack.sent).toBe(messages.length * times);
    // Nobody gets more than came from there.
    expect(attack.answerOctets).toBeLessThanOrEqual(attack.sentOctets);
    expect(await answered).toMatch(new RegExp(`${PING_S * 100} received, 0% packet loss`));
    const after = await pathsOf(lab);
    expect(after.map(({ state }) => state)).toEqual(["established", "established", "established"]);
    expect(after).toEqual(paths);
    const grownKib = (await memoryOf(lab)) - memory;
    expect(grownKib).toBeLessThan(MOST_GROWTH_KIB);
    process.stdout.write(`${plane}: ${name}: ${JSON.stringify({ ...attack, grownKib })}\n`);
  });
});

async function restart(lab: Lab, node: string): Promise<void> {
  expect(await wirespan("lab", "restart", "any-branch", node)).toMatchObject({ status: 0 });
  await eventually(`${node} has its session again`, async () =>
    (await lab.status("hub")).pseudowires.every(({ state }) => state === "established"),
  );
}

/** Where the hub's control connections lead to, with their ids: those of the same connection. */
async function pathsOf(lab: Lab) {
  const { controlConnections } = await lab.status("hub");
  return controlConnections.map(({ tunnel, state, remote, localControlConnectionId: id }) => ({
    tunnel,
    state,
    remote,
    id,
  }));
}

/** Resident memory of the hub's daemon, in KiB. */
async function memoryOf(lab: Lab): Promise<number> {
  const { pid } = await lab.status("hub");
  const { stdout } = await lab.exec("hub", "cat", `/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(stdout)?.[1]);
}
