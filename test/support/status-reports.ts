import type { BridgeStatus } from "../../src/daemon/bridge-status.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../src/daemon/status.ts";
import { countersBy, zeroCounters } from "../../src/forwarding/counters-table.ts";

/** Status reports of many kinds, for what shows them. */

/** A negotiated tunnel that is up, but for what differs. */
export function tunnelStatus(
  tunnel: string,
  differing: Partial<ControlConnectionStatus> = {},
): ControlConnectionStatus {
  return {
    tunnel,
    ...{ state: "established", encapsulation: "udp", local: "192.0.2.1:1701", remote: "192.0.2.2:1701" },
    ...{ localControlConnectionId: 0x11223344, remoteControlConnectionId: 0x55667788 },
    ...{ peerHostName: "lyon", peerRouterId: "192.0.2.2", peerVendorName: "Wirespan 0.1.0" },
    ...{ authentication: "hmac-sha1", establishedForMs: 184_000, notes: [] },
    ...{ pathMtu: { octets: 1500, source: "measured", by: "HELLO", measuredAgoMs: 12_000 } },
    ...{ sent: 14, received: 12, retransmitted: 1 },
    ...differing,
  };
}

/** A pseudowire that is up, but for what differs. */
export function pseudowireStatus(name: string, differing: Partial<PseudowireStatus> = {}): PseudowireStatus {
  return {
    name,
    ...{ tunnel: "branch", state: "established", type: "ethernet", circuit: "eth1" },
    ...{ localCircuit: "up", remoteCircuit: "up", plane: "ebpf", establishedForMs: 183_000, notes: [] },
    ...{ localSessionId: 0x03c843fe, remoteSessionId: 0x06a1f755 },
    ...{ receiveCookieOctets: 8, transmitCookieOctets: 8, receiveSublayer: "none", transmitSublayer: "none" },
    ...{ receiveSequencing: "none", transmitSequencing: "none", discards: {} },
    ...zeroCounters,
    ...differing,
  };
}

/** Counters of which each direction has so many frames of 100 octets. */
export function passed(received: number, transmitted: number): Partial<PseudowireStatus> {
  return countersBy((name) => {
    if (name === "receivedFrames") return received;
    if (name === "receivedOctets") return 100 * received;
    if (name === "transmittedFrames") return transmitted;
    return name === "transmittedOctets" ? 100 * transmitted : 0;
  });
}

/** A report of a daemon, but for what differs. */
export function reportOf(differing: Partial<StatusReport> = {}): StatusReport {
  return {
    ...{ apiVersion: 1, version: "0.1.0", pid: 4242, uptimeMs: 192_000 },
    ...{ hostName: "paris", routerId: "192.0.2.1" },
    plane: { name: "ebpf", reason: "eBPF programs, which outlive the daemon" },
    ...{ controlConnections: [], pseudowires: [], discards: {}, control: {} },
    log: { lostLines: 0, leftOutLines: 0 },
    ...differing,
  };
}

const down = { establishedForMs: undefined, downForMs: 42_000, notes: [] };
const noSession = { localSessionId: undefined, remoteSessionId: undefined, plane: undefined };

/** TABLE: tunnels of each kind in each state. */
const tunnels: readonly ControlConnectionStatus[] = [
  tunnelStatus("branch", {
    ...{ ups: 6, downs: 5, flapping: true },
    lastChange: { agoMs: 184_000, text: "up" },
    notes: ["it is flapping: down 5 times within 9 min 3 s; the last time: the peer does not answer"],
  }),
  tunnelStatus("v6", {
    ...{ encapsulation: "ip", local: "2001:db8:1234:5678::1", remote: "2001:db8:1234:5678:9abc:def0:1234:2" },
    ...{ peerHostName: "a-peer-with-a-long-host-name.example.net" },
  }),
  tunnelStatus("hq", {
    ...{ ...down, state: "wait-ctl-reply", peerHostName: undefined, remote: "203.0.113.7:1701" },
    remoteName: {
      ...{ name: "hq.example.net", addresses: ["203.0.113.7"], answeredForMs: 3000, nextQueryInMs: 57_000 },
    },
    whyNot: "no answer: nothing came from 203.0.113.7:1701, where SCCRQ was sent 4 times",
    nextAttemptInMs: 8000,
  }),
  tunnelStatus("roadwarrior", {
    ...{ ...down, state: "idle", remote: "any", peerHostName: undefined, downForMs: 86_400_000 },
    ...{ whyNot: "waiting for the peer to connect", pathMtu: undefined },
    pathMtuUnknown: "nothing is known until a peer comes",
  }),
  tunnelStatus("new", {
    ...{ ...down, state: "waiting", peerHostName: undefined, nextAttemptInMs: 5000 },
    whyNot: "bind 192.0.2.77: EADDRNOTAVAIL (no interface has this address)",
  }),
  tunnelStatus("kernel", {
    ...{ state: "static", authentication: "none", peerHostName: undefined, establishedForMs: undefined },
    ...{ notes: ["cannot send messages to 192.0.2.2: ENETUNREACH (no route)"] },
  }),
  tunnelStatus("a-name-of-a-tunnel-that-is-as-long-as-names-are-allowed-to-be-63", {
    notes: ["it is taken over in turn from 198.51.100.1 and 198.51.100.2"],
  }),
  tunnelStatus("closed", {
    ...{ ...down, state: "admin-down", peerHostName: undefined },
    whyNot: "administratively down; open it by: wirespan tunnel up closed",
  }),
];

/** TABLE: pseudowires of each kind in each state. */
const pseudowires: readonly PseudowireStatus[] = [
  pseudowireStatus("lan", passed(123_456_789, 99_999)),
  pseudowireStatus("voice", {
    ...{ circuit: "eth1 vlan 10 (as 20)", ...passed(17, 0), discards: { "wrong-cookie": 12, "path-mtu": 3 } },
    ...{ plane: "userspace", planeReason: "sequencing over a path on which IP fragments" },
    notes: ["full-size frames with 1 tag need a path MTU of 1562, but the path takes 1500"],
  }),
  pseudowireStatus("backup", {
    ...{ circuit: "eth2", whyNot: "standby: pseudowire primary has the frames of the circuit" },
    forwarder: { members: ["primary", "backup"], active: "primary", standby: true },
  }),
  pseudowireStatus("cut", {
    ...{ tunnel: "v6", circuit: "eth3", remoteCircuit: "down (receive fault)", establishedForMs: undefined },
    ...{ whyNot: "the attachment circuit at the other end is down", downForMs: 5_400_000 },
  }),
  pseudowireStatus("to-hq", {
    ...{ tunnel: "hq", state: "wait-control-conn", circuit: "tap0", ...down, ...noSession },
    whyNot: "its control connection is not established",
  }),
  pseudowireStatus("a-pseudowire-whose-name-is-quite-as-long-as-a-name-may-become-63", {
    tunnel: "a-name-of-a-tunnel-that-is-as-long-as-names-are-allowed-to-be-63",
    circuit: "enp129s0f0np0 vlan 4094 (as 4093)",
  }),
  pseudowireStatus("static", { tunnel: "kernel", ...passed(5, 7), establishedForMs: undefined }),
];

const bridges: readonly BridgeStatus[] = [
  {
    ...{
      name: "br0",
      made: true,
      learnt: 3,
      limit: 100,
      notes: ["a storm at port tap0: 900 frames beyond 500"],
    },
    ports: [
      { device: "eth1", pseudowires: ["lan"], state: "forwarding", isolated: true },
      { device: "tap0", pseudowires: ["to-hq"], state: "listening", isolated: true },
    ],
  },
];

const many = (count: number, isDown: (index: number) => boolean) =>
  Array.from({ length: count }, (_, index) =>
    pseudowireStatus(`pw${index}`, {
      circuit: `eth1 vlan ${index + 1}`,
      ...(isDown(index) ? { ...down, ...noSession, state: "idle", whyNot: "no answer to the call" } : {}),
    }),
  );

const times = { firstAgoMs: 90_000, lastAgoMs: 61_000 };

/** TABLE: reports of daemons, by what is special about them. */
export const statusReports: Readonly<Record<string, StatusReport>> = {
  empty: reportOf(),
  "all kinds": reportOf({ controlConnections: tunnels, pseudowires, bridges }),
  "600 pseudowires": reportOf({
    controlConnections: [tunnelStatus("branch")],
    pseudowires: many(600, (index) => index % 100 === 99),
  }),
  "all down": reportOf({
    controlConnections: [tunnelStatus("branch", { ...down, state: "idle", whyNot: "the peer stopped it" })],
    pseudowires: many(20, () => true),
  }),
  "unknown peers": reportOf({
    controlConnections: [tunnels[3]!],
    unknownPeers: [
      { hostName: "branch-7", address: "198.51.100.9", sccrqs: 1, ...times, reason: "unknown-peer" },
      {
        hostName: "支店",
        address: "2001:db8::8",
        sccrqs: 12,
        ...times,
        reason: "missing-digest",
        tunnel: "hq",
      },
    ],
    otherUnknownPeers: 300,
    discards: { "unknown-session": 5, "bad-version": 1 },
    control: { "unknown-peer": 13 },
    log: { lostLines: 3, reason: "ENOSPC", leftOutLines: 400 },
  }),
};
