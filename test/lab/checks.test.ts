import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { CheckResult } from "../../src/lab/checks/result.ts";
import type { TestDocument } from "../../src/lab/report/test-document.ts";
import { wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-checks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The configuration of one of two LCCEs; `own` replaces keys of its tunnel. */
function lcce(number: 1 | 2, own: object = {}): object {
  const tunnel = {
    local: `192.0.2.${number}`,
    remote: `192.0.2.${3 - number}`,
    pseudowires: { lan: { circuit: { interface: "trunk" } } },
    ...own,
  };
  const lan = number === 1 ? "left" : "right";
  return { lan, wan: { internet: `192.0.2.${number}/24` }, wirespan: { tunnels: { peer: tunnel } } };
}

const hosts = {
  a10: { lan: "left", vlan: 10 },
  a20: { lan: "left", vlan: 20 },
  b10: { lan: "right", vlan: 10 },
  b20: { lan: "right", vlan: 20 },
};

/** Two LANs with an LCCE each, hosts in VLANs 10 and 20, and one pseudowire; `own` replaces keys. */
function topology(checks: readonly object[], own: object = {}): object {
  return {
    title: "checks",
    networks: { internet: { mtu: 1600 } },
    lans: { left: {}, right: {} },
    hosts,
    lcces: { hq: lcce(1), branch: lcce(2) },
    checks,
    ...own,
  };
}

/** The results of a topology's checks, without that of the sessions. */
async function resultsOf(name: string, document: object): Promise<readonly CheckResult[]> {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, stringify(document));
  const { stdout, stderr, status } = await wirespan("lab", "test", file, "--json");
  // Ends that do not fit each other are warned of, and built all the same.
  expect(stderr.split("\n").filter((line) => line !== "" && !line.includes(": warning: "))).toEqual([]);
  const { results, passed } = JSON.parse(stdout) as TestDocument;
  expect(status).toBe(passed ? 0 : 1);
  expect(passed).toBe(results.every((result) => result.passed));
  expect(results[0]).toMatchObject({ number: 0, kind: "sessions", passed: true });
  return results.slice(1);
}

/** A check, and the difference that it must tell; undefined where it must pass. */
type Case = readonly [check: object, difference: RegExp | undefined];

/** Makes the checks, of which each must fail with the difference beside it; `undefined`: pass. */
async function expectDifferences(name: string, cases: readonly Case[], own: object = {}): Promise<void> {
  const results = await resultsOf(
    name,
    topology(
      cases.map(([check]) => check),
      own,
    ),
  );
  const wanted = cases.map(([, difference]) =>
    difference === undefined
      ? { passed: true, difference: undefined }
      : { passed: false, difference: expect.stringMatching(difference) },
  );
  expect(results.map(({ passed, difference }) => ({ passed, difference }))).toEqual(wanted);
}

test("every kind of check passes where it holds, and tells the difference where it does not", async () => {
  const captured = { captured: "hq.internet", while: ["a10", "ping -c3 -i0.1 10.0.0.13"] };
  const failover = { between: ["a10", "b10"], under: "500ms" };
  const cases: readonly Case[] = [
    [{ ping: ["a10", "b10"] }, undefined],
    [{ apart: ["a10", "b20"] }, undefined],
    [{ multicast: ["a10", "b10"] }, undefined],
    [{ tagged: ["a10", "b10"] }, undefined],
    [{ frames: ["hq", "branch"] }, undefined],
    [{ bulk: ["a10", "b10"], octets: "2MB" }, undefined],
    [
      { run: ["b10", "ip -o link show eth0.10"], expect: { contains: "eth0.10", matches: "mtu \\d+" } },
      undefined,
    ],
    [{ run: ["b10", "false"], expect: { status: 1 } }, undefined],
    [{ run: ["hq", "wirespan status >&2 && echo $NODE"], expect: "hq" }, undefined],
    [{ run: ["b10", "test -e $RUN/once && exit 0; touch $RUN/once; false"] }, /^exit status 1, not 0$/],
    [{ run: ["b10", "ping -c1 b10"], within: "0s" }, undefined],
    [{ run: ["b10", "echo oh >&2; false"], within: "500ms" }, /^exit status 1, not 0; it said: oh$/],
    [{ run: ["b10", "sleep", "60"], within: "500ms" }, /within.*gives it more time/],
    [{ run: ["b10", "echo 12"], expect: { at_most: 11 }, within: "100ms" }, /^12 is more than 11$/],
    [{ status: ["hq", "pseudowires[lan].state"], expect: "established" }, undefined],
    [
      { status: ["hq", "pseudowires[lan].state"], expect: "idle", within: "100ms" },
      /^"established" is not "idle"$/,
    ],
    [{ counter: ["hq", "receivedFrames"], expect: { at_least: 10 } }, undefined],
    [{ counter: ["branch", "wrong-cookie"], expect: 0 }, undefined],
    [{ counter: ["hq", "receivedFrames"], expect: 0 }, /^"\d+" is not "0"$/],
    [{ throughput: ["a10", "b10"], at_least: "1mbit", seconds: 1 }, undefined],
    [{ throughput: ["a10", "b10"], at_most: "10kbit", seconds: 1 }, /bit\/s is more than 10kbit$/],
    [{ ...captured, filter: "udp port 1701", at_least: 6 }, undefined],
    [{ ...captured, filter: "udp port 1701", at_most: 0, within: "500ms" }, /packets, more than 0$/],
    [{ ...captured, while: ["a10", "false"], at_least: 0 }, /^the command: exit status 1, not 0$/],
    [{ ...captured, while: ["hq", "wirespan status; false"], expect: { status: 1 }, at_least: 0 }, undefined],
    [{ failover: { down: "a20.eth0" }, ...failover }, undefined],
    [
      { failover: { down: "hq.internet" }, ...failover },
      /^no answer came back: the longest gap was .*not less than 500ms$/,
    ],
    [
      { failover: { stop: "hq" }, ...failover },
      /^no answer came back: the longest gap was .*not less than 500ms$/,
    ],
    // What failed was set right again.
    [{ ping: ["a10", "b10"] }, undefined],
  ];
  await expectDifferences("all", cases);
});

/** A static session between the two LCCEs. */
function staticSession(number: 1 | 2, transmitCookie: string): object {
  const session = {
    local_session_id: number,
    remote_session_id: 3 - number,
    receive_cookie: "0011223344556677",
    transmit_cookie: transmitCookie,
  };
  return { control: "static", pseudowires: { lan: { circuit: { interface: "trunk" }, static: session } } };
}

test("hosts with IPv6, two tags, access ports and a longer MTU are checked as others", async () => {
  const tags = [{ id: 700, protocol: "802.1ad" }, { id: 10 }];
  const lan = { circuit: { interface: "trunk" }, mtu: 1608 };
  const own = {
    lans: { left: { mtu: 1600 }, right: { mtu: 1600 } },
    networks: { internet: { mtu: 1800 } },
    lcces: { hq: lcce(1, { pseudowires: { lan } }), branch: lcce(2, { pseudowires: { lan } }) },
    hosts: {
      aq: { lan: "left", tags, address: "fd00::1/64" },
      bq: { lan: "right", tags, address: "fd00::2/64" },
      a30: { lan: "left", access: 30, address: "10.3.0.1/24" },
      b30: { lan: "right", vlan: 30, address: "10.3.0.2/24" },
    },
  };
  const pairs = [
    ["aq", "bq"],
    ["a30", "b30"],
  ];
  const cases: readonly Case[] = pairs.flatMap((pair) => [
    [{ ping: pair }, undefined],
    [{ multicast: pair }, undefined],
    [{ tagged: pair }, undefined],
    [{ bulk: pair, octets: "1MB" }, undefined],
  ]);
  await expectDifferences("tags", cases, own);
});

/** TABLE: labs in which something is wrong, and what checks say of it. */
const faults: readonly (readonly [name: string, own: object, cases: readonly Case[]])[] = [
  [
    "no frame crosses, for the cookies differ",
    {
      lcces: {
        hq: lcce(1, staticSession(1, "8899aabbccddeeff")),
        branch: lcce(2, staticSession(2, "8899aabbccddeeff")),
      },
    },
    [
      [{ ping: ["a10", "b10"], within: "1s" }, /^0 of \d small pings are answered/],
      [
        { apart: ["a10", "b20"], within: "1s" },
        /^a10 reaches nobody: not b10, not a20; so that nothing crosses/,
      ],
      [{ multicast: ["a10", "b10"], within: "1s" }, /^0 of 100 datagrams arrived intact; number 0 did not$/],
      [{ tagged: ["a10", "b10"], within: "1s" }, /^frame to b10: nothing arrived$/],
      [{ frames: ["hq", "branch"], within: "1s" }, /^hq to branch: 60 octets: nothing arrived$/],
      [{ bulk: ["a10", "b10"], within: "1s" }, /^b10 answers no ping within/],
      [{ throughput: ["a10", "b10"], at_least: "1mbit", within: "1s" }, /^b10 answers no ping within/],
      [
        { failover: { stop: "hq" }, between: ["a10", "b10"], under: "1s", within: "1s" },
        /^before anything failed/,
      ],
      [{ counter: ["branch", "wrong-cookie"], expect: 0 }, /^"\d+" is not "0"$/],
      [{ counter: ["branch", "wrong-cookie"], expect: { at_least: 1 } }, undefined],
    ],
  ],
  [
    "VLANs are joined",
    {
      hosts: { ...hosts, b21: { lan: "right", vlan: 20 }, a11: { lan: "left", vlan: 10 } },
      lcces: {
        hq: lcce(1, { pseudowires: { vlan: { circuit: { interface: "trunk", vlan: 10 } } } }),
        branch: lcce(2, { pseudowires: { vlan: { circuit: { interface: "trunk", vlan: 20 } } } }),
      },
    },
    [
      [{ apart: ["a10", "b20"] }, /^a ping from a10 to 10\.0\.0\.14 was answered$/],
      [{ tagged: ["a10", "b10"], within: "1s" }, /^frame to b10: instead, octet 15 is 0x14, not 0x0a$/],
      [{ tagged: ["a10", "b20"] }, undefined],
      [{ frames: ["hq", "branch"], within: "1s" }, /^hq to branch: 60 octets: nothing arrived$/],
    ],
  ],
  [
    "the network is too narrow for full-size frames",
    {
      networks: { internet: { mtu: 1500 } },
      lcces: { hq: lcce(1, { fragmentation: "none" }), branch: lcce(2, { fragmentation: "none" }) },
    },
    [
      [
        { ping: ["a10", "b10"], within: "1s" },
        /^0 of \d pings with packets of 1500 octets, unfragmented, are answered/,
      ],
      [{ frames: ["hq", "branch"], within: "1s" }, /^hq to branch: 1514 octets: nothing arrived$/],
      [{ multicast: ["a10", "b10"] }, undefined],
      [{ counter: ["hq", "path-mtu"], expect: { at_least: 1 } }, undefined],
    ],
  ],
];

test.each(faults)("where %s, checks say so", async (name, own, cases) => {
  await expectDifferences(name.replaceAll(/\W+/g, "-"), cases, own);
});

describe("what is printed and written", () => {
  const file = join(folder, "printed.yaml");
  const cases = [
    { title: "it <works> & is 'fine'", run: ["a10", "true"] },
    { run: ["a10", "echo '<b>' >&2; false"], within: "100ms" },
    { run: ["a10", "true"] },
  ];
  const junit = join(folder, "results.xml");

  test("text says what failed and how to repeat it, JUnit the same; --only leaves others out", async () => {
    writeFileSync(file, stringify(topology(cases)));
    const words = ["lab", "test", file, "--only", "1,2", "--junit", junit];
    const { stdout, status } = await wirespan(...words);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^ {2}ok {5}1 {2}it <works> & is 'fine' \(/m);
    expect(stdout).toMatch(/^ {2}FAIL {3}2 {2}/m);
    expect(stdout).toMatch(/difference: exit status 1, not 0; it said: <b>$/m);
    expect(stdout).toMatch(/repeat: +wirespan lab exec printed a10 sh -c 'echo/m);
    expect(stdout).toMatch(/\n1 of 3 checks FAILED\n$/);
    const xml = readFileSync(junit, "utf8");
    expect(xml).toContain('tests="3" failures="1"');
    expect(xml).toContain('name="1 it &lt;works&gt; &amp; is &#39;fine&#39;"');
    expect(xml).toContain('message="exit status 1, not 0; it said: &lt;b&gt;"');
  });

  test("a report has ladders with digests, discards and configurations; captures lie beside it", async () => {
    const page = join(folder, "reports", "page.html");
    mkdirSync(join(folder, "reports"));
    const secret = "correct horse battery staple";
    const tunnel = { secret: { file: "/run/wirespan.secret" } };
    const own = {
      ...{ secret, captures: ["hq.trunk"], title: "a <report>" },
      lcces: { hq: lcce(1, tunnel), branch: lcce(2, tunnel) },
    };
    writeFileSync(
      file,
      stringify(topology([{ ping: ["a10", "b10"] }, { run: ["a10", "false"], within: "100ms" }], own)),
    );
    await wirespan("lab", "test", file, "--report", page);
    const html = readFileSync(page, "utf8");
    const text = html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
    expect(html).toContain("a &lt;report&gt;");
    expect(html).toContain("<svg ");
    expect(html).not.toMatch(/<report>|battery/);
    expect(text).toMatch(/UDP (hq 192\.0\.2\.1 branch 192\.0\.2\.2|branch 192\.0\.2\.2 hq 192\.0\.2\.1) /);
    for (const message of ["SCCRQ", "SCCRP", "SCCCN", "ICRQ", "ICRP", "ICCN"])
      expect(text).toMatch(new RegExp(` ${message} Ns \\d Nr \\d (again )?digest right `));
    expect(text).not.toContain("digest wrong");
    expect(text).toMatch(/receivedFrames \d+ \d+ \+\d+/);
    expect(text).toContain("file: /run/wirespan.secret");
    const capture = readFileSync(join(folder, "reports", "printed-hq.trunk.pcap"));
    expect(capture.length).toBeGreaterThan(1000);
    expect(text).toContain(join(folder, "reports", "printed-hq.trunk.pcap"));
  });

  test("a slow link is told in the report with what makes it; --keep leaves the lab up", async () => {
    const page = join(folder, "slow.html");
    const checks = [
      { throughput: ["a10", "b10"], at_least: "20mbit", seconds: 2 },
      { failover: { down: "hq.internet" }, between: ["a10", "b10"], under: "500ms" },
      { ping: ["a10", "b10"] },
    ];
    const links = { "hq.internet": { rate: "10mbit", delay: "5ms" } };
    writeFileSync(file, stringify(topology(checks, { links })));
    try {
      const test = await wirespan("lab", "test", file, "--keep", "--json", "--report", page);
      const { results } = JSON.parse(test.stdout) as TestDocument;
      expect(results.map(({ passed }) => passed)).toEqual([true, false, false, true]);
      expect(results[1]?.difference).toMatch(/Mbit\/s is less than 20mbit$/);
      const text = readFileSync(page, "utf8")
        .replaceAll(/<[^>]*>/g, " ")
        .replaceAll(/\s+/g, " ");
      expect(text).toMatch(/hq\.internet .*(delay 5ms|rate 10mbit).* (netem|relay) /);
      // In a lab that is up, another process makes things fail and sets them right.
      const again = await wirespan("lab", "test", file, "--only", "2,3");
      expect(again.stdout).toMatch(/\n1 of 3 checks FAILED\n$/);
    } finally {
      await wirespan("lab", "down", file);
    }
  });

  test("a number of no check is refused", async () => {
    writeFileSync(file, stringify(topology(cases)));
    const { stderr, status } = await wirespan("lab", "test", file, "--only", "4");
    expect(stderr).toContain("choose check 4: the topology has 3, counted from 1");
    expect(status).toBe(1);
  });
});
