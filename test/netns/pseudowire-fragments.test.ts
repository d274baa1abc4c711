import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PseudowireStatus } from "../../src/daemon/status.ts";
import { eventually } from "../support/lab.ts";
import { type Node, RoutedSites, type Row } from "../support/routed-sites.ts";

/**
 * RFC 4623: frames longer than the path cross it in pseudowire fragments, octet for octet and without a
 * fragment of IP. Beside them a peer that takes none.
 */

const MTU = 9000;
const rows: readonly Row[] = [
  ...(["udp", "ip"] as const).flatMap((encapsulation) =>
    ([4, 6] as const).flatMap((family) =>
      [true, false].map((isNegotiated) => ({
        encapsulation,
        family,
        isNegotiated,
        fragmentation: "pseudowire" as const,
        mtu: MTU,
      })),
    ),
  ),
  ...([4, 6] as const).map(
    (family) =>
      ({
        encapsulation: "udp",
        family,
        isNegotiated: true,
        fragmentation: "pseudowire",
        fragmentationOfB: "outer",
      }) as const,
  ),
];
const named = rows.map((row, index) => ({
  ...row,
  index,
  name:
    `${row.encapsulation} over IPv${row.family}, ${row.isNegotiated ? "negotiated" : "static"}` +
    (row.fragmentationOfB === undefined ? "" : ", at one end"),
}));
const both = named.filter(({ fragmentationOfB }) => fragmentationOfB === undefined);
const alone = named.filter(({ fragmentationOfB }) => fragmentationOfB !== undefined);

let sites: RoutedSites;
beforeAll(async () => {
  sites = await RoutedSites.up(rows, { plane: "auto" });
  for (const { index } of named)
    await eventually(`hosts of pseudowire ${index} reach each other`, async () => {
      return (await sites.pings(index, 56, 1)) === 1;
    });
});
afterAll(() => sites?.[Symbol.asyncDispose]());

/** Pings whose packets the host may not fragment; ping compares the octets that come back. */
async function whole(index: number, octets: number): Promise<string> {
  const { stdout } = await sites.exec(
    "hosts-a",
    `ping -M do -q -c3 -i0.02 -W1 -s${octets} 10.${index}.0.2; true`,
  );
  return stdout.includes("wrong data") ? "wrong data" : (/\d+ received/.exec(stdout)?.[0] ?? stdout);
}

/** Fragments of IP that were made by these nodes, of IPv4 and IPv6, and those that were put together. */
async function ipFragments(): Promise<number> {
  let sum = 0;
  for (const node of ["a", "b", "router"] as const satisfies readonly Node[]) {
    const { stdout } = await sites.exec(node, "nstat -asz; true");
    for (const [, count] of stdout.matchAll(/^Ip6?(?:FragCreates|ReasmReqds)\s+(\d+)/gm))
      sum += Number(count);
  }
  return sum;
}

async function ends(index: number): Promise<readonly PseudowireStatus[]> {
  return [await sites.pseudowire("a", index), await sites.pseudowire("b", index)];
}

const reassemblyOf = ({ discards }: PseudowireStatus) =>
  Object.entries(discards).filter(([reason]) => reason.startsWith("reassembly") || reason === "path-mtu");

/** One UDP datagram from host to host, with DF, as the kernel has it by default; its octets as a digest. */
async function datagram(index: number, octets: number): Promise<string> {
  const receiver =
    `const s = require("dgram").createSocket("udp4"); s.bind(9, "10.${index}.0.2"); ` +
    `s.on("message", (m) => { console.log(require("crypto").createHash("sha256").update(m).digest("hex")); ` +
    "process.exit(0); }); setTimeout(() => process.exit(0), 4000);";
  const sender =
    `const s = require("dgram").createSocket("udp4"); const m = Buffer.alloc(${octets}, "0123456789abc"); ` +
    `let n = 0; setInterval(() => n++ < 30 ? s.send(m, 9, "10.${index}.0.2") : process.exit(0), 100);`;
  const [{ stdout }] = await Promise.all([
    sites.exec("hosts-b", `${process.execPath} -e '${receiver}'`),
    sites.exec("hosts-a", `${process.execPath} -e '${sender}'`),
  ]);
  return stdout.trim();
}

/** Frames of 1514 and 9014 octets cross, and no packet was fragmented by IP. */
async function expectWhole(index: number): Promise<void> {
  const before = await ipFragments();
  const [aBefore] = await ends(index);
  expect(await whole(index, 1472)).toBe("3 received");
  expect(await whole(index, MTU - 28)).toBe("3 received");
  expect(await ipFragments()).toBe(before);
  for (const end of await ends(index)) {
    expect(end.transmittedFragmented).toBeGreaterThanOrEqual(6);
    expect(end.receivedReassembled).toBeGreaterThanOrEqual(6);
    expect(end.receivedFragments).toBeGreaterThan(2 * 3 + 6 * 3);
  }
  const [a] = await ends(index);
  expect(a && aBefore && a.transmittedFrames - aBefore.transmittedFrames).toBeGreaterThanOrEqual(6);
}

describe.each(both)("$name", ({ index }) => {
  test("over a path of 1500, frames of 1514 and 9014 octets cross octet for octet", async () => {
    await expectWhole(index);
    for (const end of await ends(index)) {
      expect(reassemblyOf(end)).toEqual([]);
      expect(end).toMatchObject({
        plane: "userspace",
        frameSize: { fragmentation: "pseudowire", sublayer: "default" },
        fragments: { receiveMrru: MTU + 22, peerMrru: MTU + 22 },
        notes: [],
      });
    }
    const { plane } = await sites.status("a");
    const [a] = await ends(index);
    if (plane.name === "ebpf") expect(a?.planeReason).toContain("fragmentation: pseudowire");
  });
});

test("a UDP datagram of 1472 octets arrives with DF", async () => {
  const digest = createHash("sha256").update(Buffer.alloc(1472, "0123456789abc")).digest("hex");
  expect(await datagram(0, 1472)).toBe(digest);
});

test.each(alone)("$name: what is too long is fragmented by IP, as the status says", async ({ index }) => {
  const before = await ipFragments();
  expect(await whole(index, 1472)).toBe("3 received");
  expect(await ipFragments()).toBeGreaterThan(before);
  const [a, b] = await ends(index);
  expect(a).toMatchObject({ transmittedFragmented: 0, frameSize: { fragmentation: "outer" } });
  const note = expect.stringContaining("the peer takes no pseudowire fragments");
  expect(a?.notes).toContainEqual(note);
  expect(b?.notes).toContainEqual(expect.stringContaining("the peer puts pseudowire fragments together"));
  await eventually("the log says it", async () => {
    const isToldByB = sites.log("b").includes("the peer puts pseudowire fragments together");
    return isToldByB && sites.log("a").includes("the peer takes no pseudowire fragments");
  });
});

describe("over a path that became shorter", () => {
  beforeAll(() => sites.setWanMtu(1400));

  test.each(both)("$name: fragments become shorter too", async ({ index }) => {
    await eventually("long frames cross", async () => (await whole(index, 1472)) === "3 received");
    await expectWhole(index);
  });
});
