import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { configOf, configText, staticText } from "../support/configuration.ts";

const minimal = readFileSync(new URL("../../examples/minimal.yaml", import.meta.url), "utf8");
const utf8 = new TextEncoder();

test("a working tunnel needs about eight lines: all else has a default", () => {
  const lines = minimal.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines.length).toBeLessThanOrEqual(8);
  expect(configOf(minimal)).toEqual({
    lcce: { hostName: "here.example", routerId: 0xc0000201, controlSocket: "/run/wirespan/wirespan.sock" },
    log: { level: "info", format: "auto" },
    http: { listen: [], hosts: [] },
    metrics: { sessions: true },
    plane: "auto",
    tunnels: [
      {
        name: "branch",
        local: { kind: "address", address: "192.0.2.1" },
        remote: { kind: "address", address: "192.0.2.2" },
        encapsulation: "udp",
        localPort: 1701,
        remotePort: 1701,
        follow: "none",
        pathMtu: "probe",
        fragmentation: "outer",
        checksum: "auto",
        gso: "auto",
        controlDscp: 0,
        control: {
          role: "either",
          authentication: { mode: "none", secrets: [], digestType: "hmac-md5", hideAvps: false },
          helloIntervalMs: 5000,
          roaming: "off",
          delivery: { initialMs: 1000, capMs: 8000, limit: 10, silenceMs: 24_000, receiveWindowSize: 8 },
          reconnectInitialMs: 1000,
          reconnectCapMs: 60_000,
        },
        pseudowires: [
          {
            name: "lan",
            type: "ethernet",
            circuit: {
              kind: "interface",
              device: "eth1",
              linkLocal: "forward",
              followPeer: "none",
              allowHostUse: false,
            },
            mtu: 1500,
            cookieOctets: 8,
            sublayer: "none",
            sequencing: "none",
            vccv: "off",
            sequenceRule: { window: 0x80_0000, resetAfter: 3 },
            dscp: 0,
            mssClamp: "auto",
            packetTooBig: "off",
            remoteEndId: utf8.encode("lan"),
          },
        ],
      },
    ],
    bridges: [],
    forwarders: [
      {
        circuit: {
          kind: "interface",
          device: "eth1",
          linkLocal: "forward",
          followPeer: "none",
          allowHostUse: false,
        },
        mode: "single",
        members: [{ pseudowire: "lan", priority: 0 }],
      },
    ],
    disabled: { tunnels: [], pseudowires: [] },
  } satisfies Config);
});

test("every key of a tunnel finds its place", () => {
  const text = configText({
    top:
      "lcce: { host_name: node, router_id: 10.0.0.1, control_socket: /tmp/s }\nlog: { level: debug, " +
      "format: json }\nplane: ebpf\n",
    tunnel: `role: responder
    local_port: 0
    remote_port: 1702
    fragmentation: none
    udp_checksum: full
    gso: segment
    control_dscp: cs6
    secret: { file: a }
    next_secret: { env: B }
    digest: sha1
    hide_avps: true
    hello_interval_s: 5
    retransmit_initial_ms: 500
    retransmit_cap_ms: 9000
    retransmit_limit: 3
    receive_window: 4
    reconnect_initial_s: 0.25
    reconnect_cap_s: 10.5
    peer_host_name: other
    peer_router_id: 10.0.0.2`,
    pseudowire: (
      "{ mtu: 9000, cookie: 4, sublayer: default, sequencing: non-ip, sequencing_window: 1024, " +
      "sequencing_reset: 20, dscp: copy, mss_clamp: 1300, remote_end_id: 100 }"
    )
      .replace(/^\{ | \}$/g, "")
      .replaceAll(", ", "\n        "),
    circuit:
      "tap: tap0, bridge: br0, vlan: 111, vlan_on_pseudowire: 7, vlan_protocol: 802.1ad, link_local: " +
      "no-pause",
  });
  const { lcce, log, plane, tunnels } = configOf(text);
  expect(plane).toBe("ebpf");
  expect([lcce, log]).toEqual([
    { hostName: "node", routerId: 0x0a000001, controlSocket: "/tmp/s" },
    { level: "debug", format: "json" },
  ]);
  expect(tunnels[0]).toMatchObject({
    localPort: 0,
    remotePort: 1702,
    fragmentation: "none",
    checksum: "full",
    gso: "segment",
    controlDscp: 48,
    control: {
      role: "responder",
      authentication: {
        mode: "digest",
        secrets: [
          { kind: "file", path: "a" },
          { kind: "environment", variable: "B" },
        ],
        digestType: "hmac-sha1",
        hideAvps: true,
      },
      helloIntervalMs: 5000,
      roaming: "control",
      delivery: { initialMs: 500, capMs: 9000, limit: 3, silenceMs: 24_000, receiveWindowSize: 4 },
      reconnectInitialMs: 250,
      reconnectCapMs: 10_500,
      peerHostName: "other",
      peerRouterId: 0x0a000002,
    },
  });
  expect(tunnels[0]!.pseudowires).toEqual([
    {
      name: "lan",
      type: "ethernet-vlan",
      circuit: {
        kind: "tap",
        device: "tap0",
        bridge: "br0",
        port: {},
        vlan: { id: 111, idOnPseudowire: 7, protocol: 0x88a8 },
        linkLocal: "no-pause",
        followPeer: "carrier",
        allowHostUse: false,
      },
      mtu: 9000,
      cookieOctets: 4,
      sublayer: "default",
      sequencing: "non-ip",
      vccv: "echo",
      sequenceRule: { window: 1024, resetAfter: 20 },
      dscp: "copy",
      mssClamp: 1300,
      packetTooBig: "off",
      remoteEndId: Uint8Array.of(0, 0, 0, 100),
    },
  ]);
});

test("RFC 4719 §2.1: a VLAN may cross in a pseudowire for whole ports, if one says so", () => {
  const of = (pseudowire: string, circuit: string) =>
    configOf(configText({ pseudowire, circuit })).tunnels[0]!.pseudowires[0]!;
  expect(of("", "interface: e, vlan: 0").circuit.vlan).toEqual({
    id: 0,
    idOnPseudowire: 0,
    protocol: 0x8100,
  });
  expect(of("", "interface: e, vlan: 0").type).toBe("ethernet-vlan");
  expect(of("type: ethernet", "interface: e, vlan: 5").type).toBe("ethernet");
});

test("a remote end id in quotes is text, and a name in digits is text too", () => {
  const idOf = (text: string) => configOf(text).tunnels[0]!.pseudowires[0]!.remoteEndId;
  expect(idOf(configText({ pseudowire: 'remote_end_id: "100"' }))).toEqual(utf8.encode("100"));
  expect(idOf(configText().replace("lan:", "100:"))).toEqual(utf8.encode("100"));
});

test("over IP there are no ports, and integrity needs no secret", () => {
  const [tunnel] = configOf(
    configText({ tunnel: "encapsulation: ip\n    authentication: integrity" }),
  ).tunnels;
  expect([tunnel?.localPort, tunnel?.remotePort]).toEqual([0, 0]);
  expect(tunnel?.control).toMatchObject({ authentication: { mode: "integrity", secrets: [] } });
});

test("a secret means digests, and where it is is all that the configuration holds", () => {
  const [tunnel] = configOf(configText({ tunnel: "secret: { env: SECRET }" })).tunnels;
  const secrets = [{ kind: "environment", variable: "SECRET" }];
  expect(tunnel?.control).toMatchObject({ authentication: { mode: "digest", secrets } });
});

test("RFC 3931 §3: a static tunnel has ids and cookies, and no control", () => {
  const [tunnel] = configOf(
    staticText("receive_cookie: 01020304, transmit_cookie: 0102030405060708", "cookie: 0"),
  ).tunnels;
  expect(tunnel).not.toHaveProperty("control");
  expect(tunnel?.pseudowires[0]).toMatchObject({
    cookieOctets: 4,
    staticSession: {
      localSessionId: 1,
      remoteSessionId: 2,
      receiveCookie: Uint8Array.of(1, 2, 3, 4),
      transmitCookie: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      transmitSublayer: "none",
      transmitSequencing: "none",
    },
  });
});

test("addresses are in canonical form, and a node without IPv4 has a router id from its name", () => {
  const text = configText().replace("192.0.2.1", "2001:DB8:0:0::1").replace("192.0.2.2", '"2001:db8::0002"');
  const { lcce, tunnels } = configOf(text);
  expect([tunnels[0]?.local, tunnels[0]?.remote]).toEqual([
    { kind: "address", address: "2001:db8::1" },
    { kind: "address", address: "2001:db8::2" },
  ]);
  expect(lcce.routerId).toBe(configOf(text).lcce.routerId);
  expect(lcce.routerId).toBeGreaterThan(0);
  const numbered = configOf(`${text}lcce: { router_id: 7, host_name: other }\n`);
  expect(numbered.lcce).toMatchObject({ routerId: 7, hostName: "other" });
});

test("a configuration is frozen to its leaves", () => {
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
    expect(Object.isFrozen(value)).toBe(true);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(configOf(staticText("receive_cookie: 01020304")));
  visit(configOf(minimal));
});
