import { describe, expect, test } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import { configFields } from "../../src/config/fields.ts";
import { abilitiesOf, type PeerKind, peerKinds } from "../../src/config/peer-kinds.ts";
import { configOf, linesOf } from "../support/configuration.ts";

const tunnelText = (keys: string, pseudowire = "", top = "") => `${top}tunnels:
  t:
    local: 192.0.2.1
    remote: 192.0.2.2
    ${keys}
    pseudowires: { p: { circuit: { interface: eth1 }${pseudowire === "" ? "" : `, ${pseudowire}`} } }
`;

/** The problems of a text as "line: path: message". */
const shortLinesOf = (text: string) => linesOf(text).map((line) => line.replace(/^(\d+):\d+/, "$1:"));

const ids = "static: { local_session_id: 1, remote_session_id: 2 }";
/** What a tunnel to an implementation needs beside `peer`. */
const needs = (peer: PeerKind): string => {
  const { control, hasNumbersAsEndIds } = abilitiesOf(peer);
  if (!(control as readonly string[]).includes("negotiated")) return ids;
  return hasNumbersAsEndIds ? 'remote_end_id: "7"' : "";
};

describe("the key `peer` sets what the other end needs", () => {
  test.each(peerKinds)("%s: the same as with these keys written out, and nothing to report", (peer) => {
    const { tunnel, pseudowire } = abilitiesOf(peer).sets;
    const text = (keys: object) => Object.entries(keys).map(([key, value]) => `${key}: ${value}`);
    const long = tunnelText(
      text(tunnel).join("\n    "),
      [...text(pseudowire), needs(peer)].filter((one) => one !== "").join(", "),
    );
    expect(configOf(tunnelText(`peer: ${peer}`, needs(peer)))).toEqual(configOf(long));
  });

  test("own keys win; `defaults` count after a `peer` of the tunnel, and before one of theirs", () => {
    const cookies = (text: string) => configOf(text).tunnels[0]?.pseudowires[0]?.cookieOctets;
    const defaults = "defaults: { pseudowire: { cookie: 4 } }\n";
    expect(cookies(tunnelText("peer: mikrotik"))).toBe(0);
    expect(cookies(tunnelText("peer: mikrotik", "cookie: 8", defaults))).toBe(8);
    expect(cookies(tunnelText("peer: mikrotik", "", defaults))).toBe(0);
    const both = "defaults: { tunnel: { peer: mikrotik }, pseudowire: { cookie: 4 } }\n";
    expect(cookies(tunnelText("role: either", "", both))).toBe(4);
    expect(cookies(tunnelText("peer: wirespan", "", both))).toBe(4);
    expect(cookies(tunnelText("role: either", "", "defaults: { tunnel: { peer: seil } }\n"))).toBe(0);
  });

  test("a value that does not exist is one problem, and sets nothing", () => {
    expect(shortLinesOf(tunnelText("peer: freertrs"))).toEqual([
      `5: tunnels.t.peer: wanted one of ${peerKinds.join(", ")}; did you mean freertr?`,
    ]);
  });
});

/** TABLE: keys beside `peer`, those of the pseudowire, and the line that reports them. */
const contradictions: readonly (readonly [PeerKind, string, string, string])[] = [
  [
    "freertr",
    "encapsulation: udp",
    "",
    "6: tunnels.t.encapsulation: freeRtr has no L2TPv3 in UDP, only in IP",
  ],
  ["freertr", "role: either", "cookie: 8", "7: tunnels.t.pseudowires.p.cookie: freeRtr sends no cookie"],
  ["freertr", "secret: { file: s }", "", "6: tunnels.t.secret: freeRtr is not known to have digests"],
  ["yamaha", "encapsulation: ip", "", "6: tunnels.t.encapsulation: Yamaha RTX has L2TPv3 only in UDP"],
  ["softether", "role: responder", "", "6: tunnels.t.role: SoftEther only answers: write role: initiator"],
  ["xcesp-l2tpv3d", "role: either", "", "6: tunnels.t.role: xcesp-l2tpv3d always calls and never answers"],
  ["softether", "remote_port: 5000", "", "6: tunnels.t.remote_port: SoftEther has UDP port 1701 alone"],
  ["xcesp-l2tpv3d", "local_port: 5000", "", "6: tunnels.t.local_port: xcesp-l2tpv3d sends to UDP port 1701"],
  ["linux", "control: negotiated", "", "6: tunnels.t.control: the Linux kernel has no control connection"],
  ["seil", "control: static", ids, "6: tunnels.t.control: SEIL is not known to take static sessions"],
  [
    "cisco-ios",
    "role: either",
    "",
    "7: tunnels.t.pseudowires.p.remote_end_id: Cisco IOS calls its pseudowires by numbers",
  ],
  [
    "cisco-ios",
    "role: either",
    'remote_end_id: "7", sublayer: default',
    "7: tunnels.t.pseudowires.p.sublayer: Cisco IOS has a sublayer where it numbers frames",
  ],
  [
    "vyos",
    "follow: none",
    `sublayer: none, ${ids}`,
    "7: tunnels.t.pseudowires.p.sublayer: VyOS always has the",
  ],
  [
    "vyos",
    "follow: none",
    "static: { local_session_id: 1, remote_session_id: 429496730 }",
    "7: tunnels.t.pseudowires.p.static.remote_session_id: VyOS takes session ids up to 429496729",
  ],
  [
    "networkd",
    "follow: none",
    'static: { local_session_id: 1, remote_session_id: 2, receive_cookie: "00112233" }',
    "7: tunnels.t.pseudowires.p.static.receive_cookie: systemd-networkd has no cookies",
  ],
  [
    "linux",
    "follow: none",
    "sublayer: default, static: { local_session_id: 1, remote_session_id: 2, transmit_sublayer: none }",
    "7: tunnels.t.pseudowires.p.static.transmit_sublayer: the Linux kernel has one sublayer for both",
  ],
  [
    "linux",
    "follow: none",
    "sublayer: default, static: { local_session_id: 1, remote_session_id: 2, transmit_sequencing: non-ip }",
    "7: tunnels.t.pseudowires.p.static.transmit_sequencing: the Linux kernel does not know numbers of some",
  ],
  ["freertr", "fragmentation: pseudowire", "", "6: tunnels.t.fragmentation: freeRtr has no sublayer, which"],
];

describe("`wirespan check` reports what the other end cannot do, and what to write", () => {
  test.each(contradictions)("%s: %s %s", (peer, keys, pseudowire, line) => {
    const lines = shortLinesOf(tunnelText(`peer: ${peer}\n    ${keys}`, pseudowire));
    expect(
      lines.some((one) => one.startsWith(line)),
      lines.join("\n"),
    ).toBe(true);
  });

  test("over IPv6, and for a second pseudowire, where it is not known to take them", () => {
    const file = {
      tunnels: {
        t: {
          local: "2001:db8::1",
          remote: "2001:db8::2",
          peer: "yamaha",
          cookie: 0,
          pseudowires: { a: { circuit: { tap: "a" }, cookie: 0 }, b: { circuit: { tap: "b" }, cookie: 0 } },
        },
      },
    };
    const { cookie: _cookie, ...tunnel } = file.tunnels.t;
    const messages = checkConfig(configFields.parse({ tunnels: { t: tunnel } })).map(
      ({ message }) => message,
    );
    expect(messages).toEqual([
      "Yamaha RTX is not known to have L2TPv3 over IPv6: give addresses of IPv4",
      "Yamaha RTX has one pseudowire in each tunnel: give this one a tunnel of its own",
    ]);
  });

  test("a clash with a key that `peer` sets is reported at `peer`", () => {
    const text = tunnelText("peer: softether").replace("remote: 192.0.2.2", "remote: any");
    expect(shortLinesOf(text)).toContain(
      "5: tunnels.t.peer: role, which it sets: with remote: any there is nobody to call; " +
        "the peer opens the connection",
    );
  });
});
