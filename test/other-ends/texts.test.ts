import { expect, test } from "vitest";
import { peerConfig } from "../../src/other-ends/peer-config.ts";
import { type WrittenPeer, writtenPeers } from "../../src/other-ends/written-peers.ts";
import { configOf } from "../support/configuration.ts";

/** Golden texts: `vitest -u` writes them anew, to be read before they are committed. */

const ends = {
  4: "local: 192.0.2.1, remote: 192.0.2.2",
  6: "local: 2001:db8::1, remote: 2001:db8::2",
} as const;
const cookies = 'receive_cookie: "0011223344556677", transmit_cookie: "8899aabbccddeeff"';
const ids = "local_session_id: 1001, remote_session_id: 2002";
const lan = "circuit: { interface: eth1 }";
const voice = "circuit: { interface: eth2, vlan: 10, vlan_on_pseudowire: 100 }";

/** TABLE: keys of the tunnel, and of its pseudowires, by what is tried. */
const cases: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  "negotiated, UDP, v4": [`${ends[4]}`, [`lan: { ${lan}, cookie: 0 }`]],
  "negotiated, UDP, v6, VLAN": [
    `${ends[6]}, udp_checksum: zero`,
    [`voice: { ${voice}, cookie: 0, remote_end_id: "1235" }`],
  ],
  "negotiated, IP, v4": [
    `${ends[4]}, encapsulation: ip`,
    [`lan: { ${lan}, cookie: 0, remote_end_id: "1234" }`],
  ],
  "negotiated, IP, v4, two, responder": [
    `${ends[4]}, encapsulation: ip, role: responder, peer_host_name: depot, hello_interval_s: 10`,
    [
      `lan: { ${lan}, cookie: 0, mtu: 1400, remote_end_id: "1234" }`,
      `voice: { ${voice}, cookie: 0, remote_end_id: "1235" }`,
    ],
  ],
  "negotiated, IP, v6": [
    `${ends[6]}, encapsulation: ip`,
    [`lan: { ${lan}, cookie: 0, remote_end_id: "1234" }`],
  ],
  "negotiated with secrets, cookies and numbers": [
    `${ends[4]}, encapsulation: ip, digest: sha1, hide_avps: true, role: initiator, ` +
      "secret: { file: /etc/hq.secret }, next_secret: { env: NEXT }",
    [`lan: { ${lan}, remote_end_id: "1234", sublayer: default, sequencing: all }`],
  ],
  "negotiated, integrity": [`${ends[4]}, authentication: integrity`, [`lan: { ${lan}, cookie: 4 }`]],
  "negotiated, another port, any free one of ours": [
    `${ends[4]}, local_port: 0, remote_port: 5000`,
    [`lan: { ${lan}, cookie: 0 }`],
  ],
  "a peer of any address": [
    "local: 192.0.2.1, remote: any, peer_host_name: lyon, secret: { credential: hq }",
    [`lan: { ${lan}, cookie: 0 }`],
  ],
  "our address by the route": ["remote: 192.0.2.2, secret: { file: /s }", [`lan: { ${lan}, cookie: 0 }`]],
  "static, UDP, v4": [
    `${ends[4]}, control: static, local_port: 5001, remote_port: 5002`,
    [`lan: { ${lan}, sublayer: default, static: { ${ids} } }`],
  ],
  "static, UDP, v4, standard port, cookies": [
    `${ends[4]}, control: static, udp_checksum: full`,
    [`lan: { ${lan}, static: { ${ids}, ${cookies} } }`],
  ],
  "static, UDP, v6, VLAN, cookies": [
    `${ends[6]}, control: static, udp_checksum: zero`,
    [`voice: { ${voice}, mtu: 1400, static: { ${ids}, ${cookies} } }`],
  ],
  "static, IP, v4, numbers": [
    `${ends[4]}, control: static, encapsulation: ip`,
    [`lan: { ${lan}, sublayer: default, sequencing: all, static: { ${ids}, ${cookies} } }`],
  ],
  "static, IP, v4, numbers one way": [
    `${ends[4]}, control: static, encapsulation: ip`,
    [`lan: { ${lan}, sublayer: default, static: { ${ids}, transmit_sequencing: all } }`],
  ],
  "static, IP, v6, two, 802.1ad": [
    `${ends[6]}, control: static, encapsulation: ip`,
    [
      `lan: { ${lan}, sublayer: default, static: { ${ids} } }`,
      "voice: { circuit: { interface: eth2, vlan: 10, vlan_protocol: 802.1ad }, sublayer: default, " +
        "static: { local_session_id: 1002, remote_session_id: 2003 } }",
    ],
  ],
};

function resultOf(kind: WrittenPeer, [keys, pseudowires]: readonly [string, readonly string[]]): string {
  const config = configOf(`tunnels: { hq: { ${keys}, pseudowires: { ${pseudowires.join(", ")} } } }\n`);
  const [tunnel] = config.tunnels;
  if (tunnel === undefined) throw new Error("no tunnel");
  const { text, notes, obstacles } = peerConfig(config, tunnel, kind);
  const lines = (issues: typeof notes, kind: string) =>
    issues.map(({ path, message }) => `${kind} ${path.map(String).join(".")}: ${message}\n`);
  return [...lines(obstacles, "refused:"), ...lines(notes, "note:"), text ?? ""].join("");
}

test.each(writtenPeers)("%s: each kind of tunnel, or why it cannot be", async (kind) => {
  const parts = Object.entries(cases).map(([name, one]) => `=== ${name}\n${resultOf(kind, one)}`);
  await expect(parts.join("\n")).toMatchFileSnapshot(`texts/${kind}.txt`);
});

test("no secret is in any text, and each kind has a tunnel that it can be the other end of", () => {
  for (const kind of writtenPeers) {
    const results = Object.values(cases).map((one) => resultOf(kind, one));
    expect(results.filter((result) => !result.includes("refused:")).length).toBeGreaterThan(0);
    expect(results.join("")).not.toMatch(/undefined|NaN|\[object/);
  }
});
