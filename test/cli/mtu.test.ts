import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { mtuText } from "../../src/cli/mtu-text.ts";
import { openApiServer } from "../../src/daemon/api-server.ts";
import { EventFeed } from "../../src/daemon/events.ts";
import { type MtuReport, mtuReport } from "../../src/daemon/mtu-report.ts";
import type { FrameSizeStatus, StatusReport } from "../../src/daemon/status.ts";
import { type CommandOutcome, runCommand } from "../support/run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-mtu-"));
afterAll(() => rmSync(folder, { recursive: true }));
const socket = join(folder, "control.sock");

/** Runs `wirespan mtu`. */
async function mtu(...words: readonly string[]): Promise<CommandOutcome> {
  const outcome = await runCommand("mtu", ...words);
  return { ...outcome, out: stripVTControlCharacters(outcome.out) };
}

const jsonOf = async (...words: string[]): Promise<readonly MtuReport[]> =>
  JSON.parse((await mtu(...words, "--json")).out).pseudowires;

function file(text: string): string {
  const path = join(folder, "wirespan.yaml");
  writeFileSync(path, text);
  return path;
}

const usual: FrameSizeStatus = {
  ...{ mtu: 1500, deviceMtu: 1500, tags: 0, ipVersion: 4, encapsulation: "udp", cookieOctets: 8 },
  ...{ sublayer: "none", agreed: true, fragmentation: "outer", mssClamp: "auto" },
  packetTooBig: "off",
};

describe("with a daemon", () => {
  const measured = { octets: 1500, source: "measured", by: "HELLO", measuredAgoMs: 12_400 } as const;
  const status = {
    apiVersion: 1,
    version: "9.9.9",
    controlConnections: [{ tunnel: "hq", pathMtu: measured }, { tunnel: "dark" }],
    pseudowires: [
      { name: "lan", tunnel: "hq", circuit: "eth1", frameSize: usual },
      { name: "voice", tunnel: "hq", circuit: "eth2 vlan 7", frameSize: { ...usual, tags: 1 } },
      { name: "attic", tunnel: "dark", circuit: "tap0", frameSize: { ...usual, agreed: false } },
    ],
  } as unknown as StatusReport;
  let answer: StatusReport;
  let server: { close(): Promise<void> };

  beforeEach(async () => {
    answer = status;
    const refuse = async () => Promise.reject(new Error("not asked for here"));
    server = await openApiServer(
      socket,
      {
        status: async () => answer,
        metrics: async () => [],
        live: { listen: () => ({ [Symbol.dispose]: () => undefined }) },
        page: () => ({ links: [], waiting: [] }),
        mtu: async () => [],
        reload: refuse,
        handOver: refuse,
        confirm: refuse,
        revert: refuse,
        captures: async () => Promise.reject(new Error("none")),
        administer: async () => ({ changed: true }),
        clearCounters: async () => undefined,
        leave: refuse,
        feed: new EventFeed(),
      },
      () => undefined,
    );
  });
  afterEach(() => server.close());

  test("a pseudowire by its name: the sum, the path MTU, what hosts see, what to change", async () => {
    expect((await mtu("lan", "--socket", socket)).out).toMatchInlineSnapshot(`
      "pseudowire lan of tunnel hq (eth1)
        what we send for a full-size frame, in octets:
          LAN MTU                    1500   pseudowire 1500, interface 1500
          Ethernet header              14
          VLAN tag                      0
          L2-Specific Sublayer          0
          cookie                        8
          session ID                    4
          UDP flags and version         4
          UDP header                    8
          IPv4 header                  20
          needs a path MTU of        1558   1562 with one tag, 1566 with two tags
        path MTU: 1500, measured by HELLO 12 s ago
        hosts whose frames have no tag: IP packets up to 1442 cross in one piece
          TCP over IPv4             MSS 1402, clamped from 1460: no fragments
          TCP over IPv6             MSS 1382, clamped from 1440: no fragments
          UDP over IPv4 with DF     up to 1414 octets in one piece, up to 1472 as two IP fragments of ours
          UDP over IPv4 without DF  up to 1414 octets in one piece, all longer ones as fragments
          UDP over IPv6             up to 1394 octets in one piece, up to 1452 as two IP fragments of ours
        hosts whose frames have one tag: IP packets up to 1438 cross in one piece
          TCP over IPv4             MSS 1398, clamped from 1460: no fragments
          TCP over IPv6             MSS 1378, clamped from 1440: no fragments
          UDP over IPv4 with DF     up to 1410 octets in one piece, up to 1472 as two IP fragments of ours
          UDP over IPv4 without DF  up to 1410 octets in one piece, all longer ones as fragments
          UDP over IPv6             up to 1390 octets in one piece, up to 1452 as two IP fragments of ours
        hosts whose frames have two tags: IP packets up to 1434 cross in one piece
          TCP over IPv4             MSS 1394, clamped from 1460: no fragments
          TCP over IPv6             MSS 1374, clamped from 1440: no fragments
          UDP over IPv4 with DF     up to 1406 octets in one piece, up to 1472 as two IP fragments of ours
          UDP over IPv4 without DF  up to 1406 octets in one piece, all longer ones as fragments
          UDP over IPv6             up to 1386 octets in one piece, up to 1452 as two IP fragments of ours
        to change, the best first:
          - raise the MTU of the path (WAN) from 1500 to 1558 (1562 with one tag, 1566 with two tags):
            then frames of any kind cross in one piece; TCP needs nothing
          - set the MTU of the hosts on the LAN, at both ends, to 1442 (1438 with one tag, 1434 with two
            tags)
          - set packet_too_big: answer: hosts are told by ICMP what fits, and UDP with DF and over IPv6
            can keep to it
          - where the peer is Wirespan too, set fragmentation: pseudowire at both ends: long packets of
            any kind then arrive, in fragments that NATs and firewalls take for whole messages
      "
    `);
  });

  test("of a tunnel to which no peer came nothing is known, unless a path MTU is given", async () => {
    const pathMtuUnknown = "nothing is known until a peer comes";
    answer = {
      ...status,
      controlConnections: [{ tunnel: "hq", pathMtuUnknown }],
    } as unknown as StatusReport;
    expect((await mtu("lan", "--socket", socket)).out).toContain(`  path MTU: ${pathMtuUnknown}\n`);
    const given = (await mtu("lan", "--path-mtu", "1500", "--socket", socket)).out;
    expect(given).toContain("  path MTU: 1500, given by --path-mtu\n");
  });

  test("a tunnel by its name, all without one, as JSON too", async () => {
    const names = (reports: readonly MtuReport[]) => reports.map(({ pseudowire }) => pseudowire);
    expect(names(await jsonOf("--socket", socket))).toEqual(["lan", "voice", "attic"]);
    expect(names(await jsonOf("hq", "--socket", socket))).toEqual(["lan", "voice"]);
    const [voice] = await jsonOf("voice", "--socket", socket);
    expect(voice).toMatchObject({
      lanMtu: 1500,
      pathMtu: measured,
      needed: [
        { tags: 1, octets: 1562 },
        { tags: 2, octets: 1566 },
      ],
    });
    expect(voice?.changes.map(({ what, to }) => [what, to])).toEqual([
      ["path-mtu", 1562],
      ["host-mtu", 1438],
      ["packet-too-big", undefined],
      ["pseudowire-fragments", undefined],
    ]);
  });

  test("an unknown path MTU is said to be that, and --path-mtu stands for any", async () => {
    expect((await mtu("attic", "--socket", socket)).out).toContain("  path MTU: unknown\n");
    expect((await jsonOf("dark", "--socket", socket))[0]?.hosts).toEqual([]);
    const { out } = await mtu("--path-mtu", "1566", "--socket", socket);
    expect(out.match(/path MTU: 1566, given by --path-mtu/g)?.length).toBe(3);
    expect(out.match(/to change: nothing/g)?.length).toBe(3);
  });

  test("a name that is none's is refused with those that there are", async () => {
    await expect(mtu("lann", "--socket", socket)).rejects.toThrow(
      "find lann: no tunnel or pseudowire has that name; there are hq, lan, voice, dark, attic",
    );
  });

  test("a daemon of an older version is told from one that knows", async () => {
    const old = status.pseudowires.map(({ frameSize: _, ...others }) => others);
    answer = { ...status, pseudowires: old };
    await expect(mtu("--socket", socket)).rejects.toThrow(
      /version 9\.9\.9, does not say what they depend on; restart it/,
    );
    answer = { ...status, pseudowires: [] };
    expect((await mtu("--socket", socket)).out).toBe("no pseudowires\n");
  });
});

test("without a daemon at the socket it fails as status does", async () => {
  await expect(mtu("--socket", join(folder, "none.sock"))).rejects.toThrow(/ask the daemon at .*ENOENT/);
});

describe("by a file alone", () => {
  const tunnel = (keys: string, pseudowire = "") => `tunnels:
  branch:
    ${keys}
    pseudowires:
      lan: { circuit: { interface: eth1 }${pseudowire} }
`;

  test("the path MTU is unknown, and what is needed is said", async () => {
    const path = file(tunnel("remote: hq.example.net"));
    expect(await mtu("-c", path)).toEqual({
      out: `pseudowire lan of tunnel branch (eth1)
  what we send for a full-size frame, in octets:
    LAN MTU                    1500   pseudowire 1500
    Ethernet header              14
    VLAN tag                      0
    L2-Specific Sublayer          0
    cookie                        8
    session ID                    4
    UDP flags and version         4
    UDP header                    8
    IPv4 header                  20
    needs a path MTU of        1558   1562 with one tag, 1566 with two tags
  path MTU: unknown
  assumed: nothing is negotiated yet: a cookie of 8 octets and sublayer none, as here
  assumed: the peer's address is not known: it is taken to be IPv4; IPv6 needs 20 octets more
  to change, the best first:
    - learn the path MTU: 1558 is enough (1562 with one tag, 1566 with two tags); ask a daemon whose
      tunnel has a route to its peer, or give it by --path-mtu
`,
      error: "",
      code: undefined,
    });
  });

  test("what the file says of the headers counts, also of the peer's in static sessions", async () => {
    const ends = "local: 2001:db8::1\n    remote: 2001:db8::2\n    encapsulation: ip";
    const [negotiated] = await jsonOf(
      ...[
        "-c",
        file(tunnel(`${ends}\n    fragmentation: none`, ", cookie: 4, sublayer: default, mtu: 1400")),
      ],
      ...["--path-mtu", "1450"],
    );
    expect(negotiated).toMatchObject({
      ...{
        lanMtu: 1400,
        needed: [{ octets: 1466 }, { octets: 1470 }, { octets: 1474 }],
        fragmentation: "none",
      },
      pathMtu: { octets: 1450, source: "given" },
    });
    expect(negotiated?.changes.map(({ what }) => what)).toEqual([
      ...["path-mtu", "host-mtu", "packet-too-big", "fragmentation", "pseudowire-fragments"],
    ]);
    const ids = "local_session_id: 1, remote_session_id: 2";
    const cookies = 'receive_cookie: "0011223344556677", transmit_cookie: "00112233"';
    const fixed = `, static: { ${ids}, ${cookies}, transmit_sublayer: default }`;
    for (const remote of ["192.0.2.2", "hq.example.net"]) {
      const text = tunnel(`control: static\n    remote: ${remote}`, fixed);
      const [known] = await jsonOf("-c", file(text));
      expect(known?.needed[0]?.octets).toBe(1500 + 14 + 4 + 4 + 4 + 4 + 8 + 20);
      expect(known?.assumptions.join()).not.toContain("negotiated");
    }
  });

  test("a file with problems is reported as check does, with its exit code", async () => {
    const { out, error, code } = await mtu("-c", file("tunnels: { branch: { remot: x } }\n"));
    expect([out, code]).toEqual(["", 3]);
    expect(error).toMatch(/wirespan\.yaml:1:22 {2}tunnels.branch.remot: unknown key/);
    await expect(mtu("-c", join(folder, "none.yaml"))).rejects.toThrow("read the configuration: ENOENT");
  });

  test.each(["67", "65536", "x", "1e3", "-1", ""])("--path-mtu %j is refused", async (octets) => {
    const path = file(tunnel("remote: 192.0.2.2"));
    await expect(mtu("-c", path, `--path-mtu=${octets}`)).rejects.toThrow(/wanted octets, from 68 to 65535/);
  });
});

test.each([
  ["outer", "IP"],
  ["pseudowire", "pseudowire"],
] as const)("fragmentation: %s makes fragments of %s", (fragmentation, kind) => {
  const frameSize = { ...usual, fragmentation, mssClamp: "off" } as const;
  const pathMtu = { octets: 1500, source: "interface" } as const;
  const made = mtuReport({ tunnel: "hq", pseudowire: "lan", circuit: "eth1", frameSize, pathMtu });
  const text = stripVTControlCharacters(mtuText([made]));
  expect(text).toContain(`mss_clamp: off: full segments are sent as two ${kind} fragments`);
  expect(text).toContain(`up to 1472 as two ${kind} fragments of ours`);
});

test("what becomes of long packets without fragments and without a clamp", () => {
  const frameSize = {
    ...usual,
    tags: 1,
    fragmentation: "none",
    mssClamp: "off",
    encapsulation: "ip",
  } as const;
  const pathMtu = { octets: 1500, source: "interface" } as const;
  const made = mtuReport({ tunnel: "hq", pseudowire: "lan", circuit: "eth1 vlan 7", frameSize, pathMtu });
  expect(stripVTControlCharacters(mtuText([made]))).toMatchInlineSnapshot(`
    "pseudowire lan of tunnel hq (eth1 vlan 7)
      what we send for a full-size frame, in octets:
        LAN MTU                    1500   pseudowire 1500, interface 1500
        Ethernet header              14
        VLAN tag                      4
        L2-Specific Sublayer          0
        cookie                        8
        session ID                    4
        IPv4 header                  20
        needs a path MTU of        1550   1554 with two tags
      path MTU: 1500, assumed: the MTU of the interface or the route
      hosts whose frames have one tag: IP packets up to 1450 cross in one piece
        TCP over IPv4             MSS 1460, mss_clamp: off: full segments are discarded, and TCP stalls
        TCP over IPv6             MSS 1440, mss_clamp: off: full segments are discarded, and TCP stalls
        UDP over IPv4 with DF     up to 1422 octets; longer ones discarded, no ICMP tells the host
        UDP over IPv4 without DF  up to 1422 octets; longer ones discarded, also if the host fragments them
        UDP over IPv6             up to 1402 octets; longer ones discarded, no ICMP tells the host
      hosts whose frames have two tags: IP packets up to 1446 cross in one piece
        TCP over IPv4             MSS 1460, mss_clamp: off: full segments are discarded, and TCP stalls
        TCP over IPv6             MSS 1440, mss_clamp: off: full segments are discarded, and TCP stalls
        UDP over IPv4 with DF     up to 1418 octets; longer ones discarded, no ICMP tells the host
        UDP over IPv4 without DF  up to 1418 octets; longer ones discarded, also if the host fragments them
        UDP over IPv6             up to 1398 octets; longer ones discarded, no ICMP tells the host
      to change, the best first:
        - raise the MTU of the path (WAN) from 1500 to 1550 (1554 with two tags): then frames of any
          kind cross in one piece
        - set the MTU of the hosts on the LAN, at both ends, to 1450 (1446 with two tags)
        - set mss_clamp: auto: TCP then needs nothing else
        - set packet_too_big: answer: hosts are told by ICMP what fits, and UDP with DF and over IPv6
          can keep to it
        - set fragmentation: outer: long packets then arrive, as fragments, which costs throughput
        - where the peer is Wirespan too, set fragmentation: pseudowire at both ends: long packets of
          any kind then arrive, in fragments that NATs and firewalls take for whole messages"
  `);
});

test("what hosts see where packets that are too big are answered", () => {
  const frameSize = { ...usual, fragmentation: "none", mssClamp: "off", packetTooBig: "answer" } as const;
  const pathMtu = { octets: 1500, source: "interface" } as const;
  const made = mtuReport({ tunnel: "hq", pseudowire: "lan", circuit: "eth1", frameSize, pathMtu });
  const lines = stripVTControlCharacters(mtuText([made])).split("\n");
  expect(lines.slice(lines.findIndex((line) => line.includes("no tag")) + 1).slice(0, 5)).toEqual([
    "    TCP over IPv4             MSS 1460, mss_clamp: off: ICMP tells hosts, and they keep to 1402",
    "    TCP over IPv6             MSS 1440, mss_clamp: off: ICMP tells hosts, and they keep to 1382",
    "    UDP over IPv4 with DF     up to 1414 octets in one piece; ICMP tells hosts of longer ones",
    "    UDP over IPv4 without DF  up to 1414 octets; longer ones discarded, also if the host fragments them",
    "    UDP over IPv6             up to 1394 octets in one piece; ICMP tells hosts of longer ones",
  ]);
});
