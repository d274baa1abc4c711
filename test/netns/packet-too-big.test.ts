import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JsonLinesProcess, run } from "../../src/lab/command.ts";
import type { VlanRelayInterface } from "../../src/lab/network/vlan-relay-messages.ts";
import { expectExchange } from "../support/bulk.ts";
import { eventually, planes } from "../support/lab.ts";
import { RoutedSites, type Row } from "../support/routed-sites.ts";

/**
 * `packet_too_big: answer`: hosts of Linux with an MTU of 1500 learn what a pseudowire over a path of 1500
 * takes, over IPv4 and IPv6, without tags and behind one and two.
 */

/** TABLE: encapsulations, families and what becomes of packets without an answer. */
const rows: readonly Row[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((family) =>
    (["outer", "none"] as const).map((fragmentation) => ({ encapsulation, family, fragmentation })),
  ),
);
const keys = { packet_too_big: "answer", mss_clamp: "off" } as const;
const sides = ["hosts-a", "hosts-b"] as const;
const RELAY = fileURLToPath(new URL("../../dist/lab/network/vlan-relay.js", import.meta.url));
const ANSWER_MS = 30_000;

const customer = { id: 5, protocol: "802.1q" } as const;
const service = { id: 200, protocol: "802.1ad" } as const;
/** TABLE: interfaces of hosts by their suffix, and their tags. */
const interfaces = { "": [], ".5": [customer], ".q": [service, customer] } as const;
const suffixes = Object.keys(interfaces) as readonly (keyof typeof interfaces)[];

/** The address of a host on the interface of a row. */
function hostAddress(version: 4 | 6, row: number, tags: number, side: number): string {
  return version === 4 ? `10.${row}.${tags}.${side + 1}` : `fd00:${row}:${tags}::${side + 1}`;
}

/** The largest packet of a host that crosses a path: less IP, UDP, session id, cookie, Ethernet and tags. */
function hostMtu({ encapsulation, family }: Row, tags: number, pathMtu: number): number {
  const udp = encapsulation === "udp" ? 8 + 4 : 0;
  return pathMtu - (family === 4 ? 20 : 40) - udp - 4 - 8 - 14 - 4 * tags;
}

/** Every host at b, by address, and the MTU that its peer at a is to learn. */
function targets(pathMtu: number): readonly (readonly [string, number])[] {
  return rows.flatMap((row, index) =>
    ([4, 6] as const).flatMap((version) =>
      [0, 1, 2].map((tags) => [hostAddress(version, index, tags, 1), hostMtu(row, tags, pathMtu)] as const),
    ),
  );
}

/** Sends packets of 1500 octets with DF to each address until the kernel knows better; prints what MTU. */
const LEARN = `
import socket, sys, time
socks = {}
for address in sys.argv[1:]:
    v6 = ":" in address
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    level, discover = (41, 23) if v6 else (0, 10)
    s.setsockopt(level, discover, 2)
    s.connect((address, 9))
    socks[address] = (s, 1452 if v6 else 1472, level, 24 if v6 else 14)
end = time.time() + 20
while socks and time.time() < end:
    for address, (s, octets, level, mtu) in list(socks.items()):
        try:
            s.send(bytes(octets))
        except ConnectionRefusedError:
            pass
        except OSError as error:
            if error.errno != 90: raise
            print(address, s.getsockopt(level, mtu), flush=True)
            del socks[address]
    time.sleep(0.05)
`;

/** Sends so many packets of 1500 octets with DF at once, whatever the kernel knows (IP_PMTUDISC_PROBE). */
const FLOOD = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(0, 10, 3)
s.bind((sys.argv[3], 0))
for _ in range(int(sys.argv[2])): s.sendto(bytes(1472), (sys.argv[1], 9))
`;

describe.each(planes)("plane %s", (plane) => {
  let sites: RoutedSites;
  let relay: JsonLinesProcess;

  beforeAll(async () => {
    sites = await RoutedSites.up(rows, { plane }, undefined, keys);
    relay = new JsonLinesProcess([process.execPath, RELAY]);
    for (const site of ["a", "b"] as const) {
      // Room for two tags, and for their service tag, which no MTU counts.
      const circuits = rows.map((_, index) => `link set c${index} mtu 1508`);
      await run(["ip", "-n", sites.namespace(site), "-batch", "-"], { input: circuits.join("\n") });
    }
    for (const node of sides) await addInterfaces(node);
    await eventually(`the plane ${plane} carries all`, async () =>
      (await sites.status("a")).pseudowires.every((pseudowire) => pseudowire.plane === plane),
    );
  });
  afterAll(async () => {
    await relay?.[Symbol.asyncDispose]();
    await sites?.[Symbol.asyncDispose]();
  });

  /** Interfaces behind tags, and addresses, of the hosts of one side. */
  async function addInterfaces(node: (typeof sides)[number]): Promise<void> {
    const namespace = sites.namespace(node);
    const batch = (lines: readonly string[]) =>
      run(["ip", "-n", namespace, "-batch", "-"], { input: lines.join("\n") });
    await batch(rows.map((_, index) => `link set h${index} mtu 1508`));
    const tagged = rows.flatMap((_, index) =>
      suffixes
        .filter((suffix) => suffix !== "")
        .map((suffix): VlanRelayInterface => {
          const ends = { node: namespace, lower: `h${index}`, name: `h${index}${suffix}` };
          return { ...ends, mtu: 1500, tags: interfaces[suffix], taggedSide: "lower" };
        }),
    );
    for (const one of tagged) relay.send(one);
    for (const { name } of tagged) expect(await relay.next(ANSWER_MS), name).toEqual({});
    await batch(
      rows.flatMap((_, index) =>
        suffixes.flatMap((suffix, tags) => {
          const [v4, v6] = ([4, 6] as const).map((ip) => hostAddress(ip, index, tags, sides.indexOf(node)));
          const device = `dev h${index}${suffix}`;
          return [
            ...(tags === 0 ? [] : [`addr add ${v4}/24 ${device}`]),
            `addr add ${v6}/64 ${device} nodad`,
            `link set ${device} up`,
          ];
        }),
      ),
    );
  }

  /** What hosts at a learned, each line an address and an MTU. */
  async function learned(pathMtu: number): Promise<readonly string[]> {
    const addresses = targets(pathMtu).map(([address]) => address);
    const at = ["nsenter", `--net=/run/netns/${sites.namespace("hosts-a")}`];
    const { stdout } = await run([...at, "python3", "-c", LEARN, ...addresses], { timeoutMs: 60_000 });
    return stdout.trim().split("\n").sort();
  }

  const expected = (pathMtu: number) =>
    targets(pathMtu)
      .map(([address, mtu]) => `${address} ${mtu}`)
      .sort();

  async function forget(): Promise<void> {
    for (const node of sides) await sites.exec(node, "ip route flush cache; ip -6 route flush cache");
  }

  test("TCP works without the MSS clamp, also where nothing is fragmented", async () => {
    const at = (node: (typeof sides)[number]) => ["nsenter", `--net=/run/netns/${sites.namespace(node)}`];
    const each = rows.flatMap((_, index) => [
      hostAddress(4, index, index % 3, 1),
      hostAddress(6, index, 0, 1),
    ]);
    await Promise.all(
      each.map((address) =>
        expectExchange(at("hosts-a"), at("hosts-b"), { address, there: 300_000, back: 300_000 }),
      ),
    );
  });

  test("RFC 1191, RFC 8201: hosts learn the MTU, and their next long packet is refused at once", async () => {
    await forget();
    expect(await learned(1500)).toEqual(expected(1500));
    const { stdout: v4 } = await sites.exec("hosts-a", "ip route get 10.0.0.2");
    const { stdout: v6 } = await sites.exec("hosts-a", "ip -6 route get fd00:0:1::2");
    const [first] = rows as readonly [Row];
    expect(v4).toContain(`mtu ${hostMtu(first, 0, 1500)}`);
    expect(v6).toContain(`mtu ${hostMtu(first, 1, 1500)}`);
  });

  test("packets over the rate are counted, and treated as by the setting of fragmentation", async () => {
    const COUNT = 20;
    for (const [index, { fragmentation }] of rows.entries()) {
      const before = await sites.pseudowire("a", index);
      // Of an address that nobody has told anything in the second before.
      const own = `10.${index}.0.9`;
      const flood = `python3 -c '${FLOOD}' 10.${index}.0.2 ${COUNT} ${own}`;
      await sites.exec("hosts-a", `ip addr add ${own}/24 dev h${index}; ${flood}`);
      const since = async (name: string) => {
        const now = await sites.pseudowire("a", index);
        return (now.discards[name] ?? 0) - (before.discards[name] ?? 0);
      };
      const unanswered = async () =>
        (await sites.pseudowire("a", index)).transmittedUnanswered - before.transmittedUnanswered;
      await eventually("all packets are counted", async () => {
        return (await since("too-big-answered")) + (await unanswered()) === COUNT;
      });
      expect(await since("too-big-answered")).toBeGreaterThanOrEqual(1);
      expect(await since("too-big-answered")).toBeLessThan(COUNT / 2);
      expect(await since("path-mtu")).toBe(fragmentation === "none" ? await unanswered() : 0);
    }
  });

  test("a path that becomes shorter is told to hosts", async () => {
    await sites.setAllMtus(1400);
    await eventually("the daemon knows it", async () => {
      await forget();
      const index = rows.findIndex(({ family }) => family === 6);
      const { stdout } = await sites.exec(
        "hosts-a",
        `ping -c1 -W1 -M do -s 1400 10.${index}.0.2; ip route get 10.${index}.0.2`,
      );
      return stdout.includes(`mtu ${hostMtu(rows[index] as Row, 0, 1400)}`);
    });
    await forget();
    expect(await learned(1400)).toEqual(expected(1400));
  });
});
