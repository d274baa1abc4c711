import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type ImportFormat, importFormats } from "../../src/other-ends/import/formats.ts";
import { importConfig } from "../../src/other-ends/import/import-config.ts";
import { assertProperty } from "../support/seeds.ts";

/** What a text becomes, and the lines about what is not taken over without the name of the file. */
function imported(text: string, format?: ImportFormat) {
  const { text: made, lines, isComplete } = importConfig(text, "in", format);
  return { file: made === undefined ? undefined : parse(made), made, lines, isComplete };
}

describe("ip -j l2tp show", () => {
  const tunnels = JSON.stringify([
    {
      ...{ tunnel_id: 1, encap: "UDP", local: "192.0.2.2", peer: "192.0.2.1", peer_tunnel: 1 },
      ...{ local_port: 1701, peer_port: 5001, checksum: "disabled" },
    },
    { tunnel_id: 7, encap: "IP", local: "2001:db8::2", peer: "2001:db8::1", peer_tunnel: 9 },
  ]);
  const sessions = JSON.stringify([
    {
      ...{ session_id: 2002, tunnel_id: 1, peer_session_id: 1001, peer_tunnel_id: 1, interface: "l2tpeth0" },
      ...{ cookie: "0011223344556677", peer_cookie: "8899aabbccddeeff" },
    },
    { session_id: 4_294_967_295, tunnel_id: 7, peer_session_id: 8, peer_tunnel_id: 9, reorder_timeout: 5 },
  ]);

  test("both outputs in one: what the kernel sends is transmit_cookie; the sublayer is a choice", () => {
    const { file, made, lines, isComplete } = imported(`${tunnels}\n${sessions}\n`);
    expect(file.tunnels["tunnel-1"]).toEqual({
      local: "192.0.2.2",
      remote: "192.0.2.1",
      remote_port: 5001,
      control: "static",
      pseudowires: {
        l2tpeth0: {
          circuit: { tap: "l2tpeth0" },
          sublayer: "default",
          static: {
            local_session_id: 2002,
            remote_session_id: 1001,
            receive_cookie: "8899aabbccddeeff",
            transmit_cookie: "0011223344556677",
          },
        },
      },
    });
    expect(file.tunnels["tunnel-7"].encapsulation).toBe("ip");
    expect(made).toContain("# - sublayer: `ip l2tp show` does not say it");
    expect(lines).toEqual([
      "in:1  not taken over: session 4294967295: reorder_timeout: reorder_timeout has nothing like it here",
    ]);
    expect(isComplete).toBe(true);
  });

  test("cookies of the session before are doubtful: ip l2tp show prints them where there are none", () => {
    const one = { tunnel_id: 1, peer_tunnel_id: 1, cookie: "00112233", peer_cookie: "44556677" };
    const ids = [1, 2].map((id) => ({ session_id: id, peer_session_id: id, ...one }));
    const { lines, isComplete } = imported(`${tunnels}${JSON.stringify(ids)}`);
    expect(isComplete).toBe(false);
    expect(lines).toEqual([
      expect.stringMatching(
        /^in:1 {2}not taken over: session 2: has the cookies of the session before it, .*needed/,
      ),
    ]);
  });

  test("a session without its tunnel, and no JSON, are told", () => {
    expect(imported(sessions).lines.join("\n")).toMatch(
      /session 2002 in tunnel 1: its tunnel is not in this text/,
    );
    const { lines, isComplete, made } = imported("[{", "ip-json");
    expect([isComplete, made]).toEqual([false, undefined]);
    expect(lines).toEqual([
      "in  not taken over: the whole text: is no JSON such as ip -j l2tp show tunnel prints (needed)",
    ]);
  });
});

describe("scripts of ip l2tp add", () => {
  test("continued lines, other spellings, MTU and bridge; all else is named with its line", () => {
    const { file, lines, isComplete } = imported(`#!/bin/sh
set -e
modprobe l2tp_eth
sudo ip -n blue l2tp add tunnel tid 0x10 ptid 2 encap ip \\
    local 192.0.2.2 remote 192.0.2.1   # the WAN
ip l2tp add session name 'wire0' tunnel_id 16 sid 5 psid 6 l2spec_type none offset 4
ip link set wire0 up mtu 1400 && ip link set dev wire0 master br0
ip addr add 10.0.0.1/24 dev wire0
iptables -A INPUT -j ACCEPT
`);
    expect(file.tunnels["tunnel-16"]).toEqual({
      local: "192.0.2.2",
      remote: "192.0.2.1",
      encapsulation: "ip",
      control: "static",
      pseudowires: {
        wire0: {
          circuit: { tap: "wire0", bridge: "br0" },
          mtu: 1400,
          static: { local_session_id: 5, remote_session_id: 6 },
        },
      },
    });
    expect(lines).toEqual([
      "in:4  not taken over: -n blue: start the daemon in that network namespace",
      "in:6  not taken over: offset 4: offset has nothing like it here",
      expect.stringContaining(
        "in:8  not taken over: ip addr add 10.0.0.1/24 dev wire0: addresses and routes",
      ),
      "in:9  not taken over: iptables -A INPUT -j ACCEPT: no command of ip l2tp",
    ]);
    expect(isComplete).toBe(true);
  });

  test("variables and missing ids are needed: exit code 1", () => {
    const { lines, isComplete } = imported("ip l2tp add tunnel tunnel_id $ID remote 192.0.2.1\n");
    expect(isComplete).toBe(false);
    expect(lines[0]).toBe(
      "in:1  not taken over: ip l2tp add tunnel tunnel_id $ID remote 192.0.2.1: " +
        "variables are not expanded: write the values (needed)",
    );
  });

  test("what our own file would refuse is told too", () => {
    const { lines, isComplete } = imported(
      "ip l2tp add tunnel tunnel_id 1 local 192.0.2.1 remote 192.0.2.300\n" +
        "ip l2tp add session tunnel_id 1 session_id 1 peer_session_id 2 cookie 0011\n",
    );
    expect(isComplete).toBe(false);
    expect(lines.join("\n")).toMatch(/in what was made: imported:\d+:\d+ {2}tunnels\.tunnel-1\.remote: /);
  });
});

describe("Cisco IOS", () => {
  const text = `hostname edge
l2tp-class hq
 authentication
 digest secret 7 0822455D0A16 hash SHA
 hello 30
 cookie size 4
!
pseudowire-class dynamic
 encapsulation l2tpv3
 protocol l2tpv3ietf hq
 sequencing both
 ip local interface Loopback0
 ip pmtu
!
pseudowire-class fixed
 encapsulation l2tpv3
 protocol none
 ip local interface Loopback0
!
interface Loopback0
 ip address 192.0.2.2 255.255.255.255
!
interface GigabitEthernet0/1.100
 encapsulation dot1Q 100
 xconnect 192.0.2.1 1234 pw-class dynamic
!
interface GigabitEthernet0/2
 no ip address
 xconnect 192.0.2.3 5 encapsulation l2tpv3 manual pw-class fixed
  l2tp id 2002 1001
  l2tp cookie local 8 0xccddeeff 0x8899aabb
  l2tp cookie remote 4 0x00112233
  l2tp hello hq
!
interface GigabitEthernet0/3
 ip address 10.0.0.1 255.255.255.0
`;

  test("negotiated and manual pseudowires, VLANs and classes", () => {
    const { file } = imported(text);
    expect(file.tunnels).toEqual({
      "hq-192.0.2.1": {
        local: "192.0.2.2",
        remote: "192.0.2.1",
        encapsulation: "ip",
        secret: { file: "/etc/wirespan/hq.secret" },
        digest: "sha1",
        hello_interval_s: 30,
        pseudowires: {
          vc1234: {
            circuit: { interface: "eth1", vlan: 100 },
            remote_end_id: "1234",
            cookie: 4,
            sublayer: "default",
            sequencing: "all",
          },
        },
      },
      "static-192.0.2.3": {
        local: "192.0.2.2",
        remote: "192.0.2.3",
        encapsulation: "ip",
        control: "static",
        pseudowires: {
          vc5: {
            circuit: { interface: "eth2" },
            static: {
              local_session_id: 2002,
              remote_session_id: 1001,
              receive_cookie: "8899aabbccddeeff",
              transmit_cookie: "00112233",
            },
          },
        },
      },
    });
  });

  test("no secret is printed; each line that is left out has its number", () => {
    const { made, lines, isComplete } = imported(text);
    expect(`${made}${lines.join("\n")}`).not.toContain("0822455D0A16");
    expect(lines).toEqual([
      "in:1  not taken over: hostname edge: is not about L2TPv3",
      expect.stringMatching(
        /^in:3 {2}not taken over: authentication \.\.\.: is a challenge of RFC 2661.*\(needed\)$/,
      ),
      "in:13  not taken over: ip pmtu: has nothing like it here",
      "in:33  not taken over: l2tp hello hq: has nothing like it here",
      "in:36  not taken over: ip address 10.0.0.1 255.255.255.0: is of an interface without xconnect",
    ]);
    expect(isComplete).toBe(false);
    expect(made).toContain("# - circuit: eth1 stands for GigabitEthernet0/1.100");
  });
});

describe("VyOS", () => {
  const made = {
    local: "192.0.2.1",
    remote: "203.0.113.24",
    local_port: 9000,
    remote_port: 5000,
    control: "static",
    pseudowires: {
      l2tpeth10: {
        circuit: { tap: "l2tpeth10", bridge: "br0" },
        mtu: 1488,
        sublayer: "default",
        static: { local_session_id: 100, remote_session_id: 200 },
      },
    },
  };

  test("commands", () => {
    const set = (words: string) => `set interfaces l2tpv3 l2tpeth10 ${words}`;
    const { file, lines } = imported(
      [
        "configure",
        set("source-address '192.0.2.1'"),
        set("remote '203.0.113.24'"),
        set("source-port 9000"),
        set("session-id 100"),
        set("peer-session-id '200'"),
        set("address 192.168.37.1/27"),
        "set interfaces bridge br0 member interface l2tpeth10",
        "set interfaces ethernet eth0 description 'a port'",
      ].join("\n"),
    );
    expect(file.tunnels).toEqual({ l2tpeth10: made });
    expect(lines).toEqual([
      expect.stringMatching(
        /^in:7 {2}not taken over: interfaces l2tpv3 l2tpeth10 address 192\.168\.37\.1\/27: /,
      ),
      "in:9  not taken over: interfaces ethernet eth0 description a port: is not about L2TPv3",
    ]);
  });

  test("braces, and the keys of former versions", () => {
    const { file, lines } = imported(`interfaces {
    bridge br0 {
        member {
            interface l2tpeth10 {
            }
        }
    }
    l2tpv3 l2tpeth10 {
        local-ip 192.0.2.1
        remote-ip 203.0.113.24
        /* two lines
           of comment */
        source-port 9000
        session-id 100
        peer-session-id 200
    }
}
`);
    expect(lines).toEqual([]);
    expect(file.tunnels).toEqual({ l2tpeth10: made });
  });
});

describe("hostile texts", () => {
  test("nothing is thrown, and what is printed is one line each without control characters", () => {
    const word = fc.constantFrom(
      ...[
        "ip",
        "l2tp",
        "add",
        "tunnel",
        "session",
        "tunnel_id",
        "1",
        "session_id",
        "remote",
        "192.0.2.1",
        "{",
      ],
      ...[
        "}",
        "[",
        "]",
        "set",
        "interfaces",
        "l2tpv3",
        "l2tp-class",
        "pseudowire-class",
        "interface",
        "xconnect",
      ],
      ...[
        "\n",
        "\n ",
        "\\\n",
        "\u001b[31m",
        "__proto__",
        "constructor",
        "\u202e",
        "'",
        '"',
        ":",
        "name",
        "mtu",
      ],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 60 }).map((words) => words.join(" ")),
    );
    assertProperty(
      fc.property(text, fc.constantFrom(...importFormats), (hostile, format) => {
        const { lines, made } = imported(hostile, format);
        for (const line of lines) expect(line).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
        expect(made ?? "").toMatch(/^[^\p{Cf}]*$/u);
        expect((made ?? "").replaceAll("\n", "")).toMatch(/^\P{Cc}*$/u);
      }),
      { seed: 3, runs: 300 },
    );
  });

  test("size, depth and number are bounded", () => {
    expect(imported("x".repeat(5 * 1024 * 1024)).lines[0]).toContain("is longer than");
    expect(imported("x".repeat(2 * 1024 * 1024)).lines[0]).toContain("has a line of more than");
    const deep = imported(`interfaces {\n${"a {\n".repeat(100)}`, "vyos");
    expect(deep.lines.join("\n")).toContain("is deeper than 32 levels");
    const many = imported("x\n".repeat(10_000), "ip-script");
    expect(many.lines.length).toBeLessThan(2100);
    expect(imported("[".repeat(100_000), "ip-json").isComplete).toBe(false);
  });

  test("names of the text that mean something to YAML or JavaScript become other ones", () => {
    const { made, isComplete } = imported(
      "ip l2tp add tunnel tunnel_id 1 local 192.0.2.1 remote 192.0.2.2\n" +
        "ip l2tp add session name __proto__ tunnel_id 1 session_id 1 peer_session_id 2\n",
    );
    expect(isComplete, made).toBe(true);
  });
});
