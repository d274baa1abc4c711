import { isIPv6 } from "node:net";
import { shellWord } from "../bytes/shell-words.ts";
import { isWithin } from "../bytes/subnets.ts";
import { familiesOf } from "../config/ends.ts";
import { mtuReport } from "../daemon/mtu-report.ts";
import { sendProblem } from "../daemon/send-problems.ts";
import { sizeNote } from "../daemon/size-note.ts";
import type { Facts, InterfaceFacts, PathFacts, TunnelFacts } from "./facts.ts";
import { wantsEbpf } from "./machine-check-table.ts";
import { type CheckRow, type Found, judge, judgeEach } from "./outcome.ts";

/** Addresses, routes and path MTUs of tunnels. */

interface Ends {
  readonly local: string;
  readonly remote: string;
}

/** Interfaces whose addresses belong to the machine as a whole. */
const ofMachine = ["dummy", "vrf"];

/** The interface that has an address; undefined for none. */
export function interfaceWith(
  address: string,
  interfaces: readonly InterfaceFacts[],
): InterfaceFacts | undefined {
  return interfaces.find(({ addresses }) => addresses.includes(address));
}

/** Judges each tunnel that has both ends, with the route between them. */
function judgePaths(
  { tunnels, interfaces }: Facts,
  act: (tunnel: TunnelFacts, ends: Ends, path: PathFacts, all: readonly InterfaceFacts[]) => readonly Found[],
) {
  if (tunnels.length === 0) return undefined;
  return judge(interfaces, (all) => {
    const judged = judgeEach(tunnels, (tunnel) => {
      const { ends, path } = tunnel;
      if (ends?.value === undefined || path?.value === undefined) return undefined;
      return act(tunnel, ends.value, path.value, all);
    });
    return judged === undefined || "unseen" in judged ? [] : judged;
  });
}

const pathOf = ({ config: { name } }: TunnelFacts, key: string) => ["tunnels", name, key];

/** TABLE: checks of the network. */
export const networkChecks = {
  "local-address": {
    group: "network",
    looksAt: "whether `local` of each tunnel is on an interface of this machine that is up",
    why: "a tunnel waits for its address",
    remedy: "ip address add, ip link set up, or another `local`",
    find: ({ config, notes, interfaces, tunnels }) => {
      if (config === undefined || tunnels.length === 0) return undefined;
      return judge(notes, (all) => [
        ...all
          .filter(({ kind }) => kind === "local")
          .map(({ message: what, path }): Found => {
            const tunnel = tunnels.find(({ config: { name } }) => name === path[1]);
            const commands = tunnel === undefined ? [] : addressCommands(tunnel, interfaces.value ?? []);
            return { severity: "error", what, path, commands };
          }),
        ...tunnels.flatMap((tunnel) => withoutEnds(tunnel)),
      ]);
    },
  },
  "local-interface": {
    group: "network",
    looksAt: "whether the interface of each `local` has a carrier",
    why: "nothing leaves or arrives by an interface whose link is down",
    remedy: "mend the link, or switch the port of the switch on",
    find: (facts) =>
      judgePaths(facts, (tunnel, { local }, _path, all) => {
        const own = interfaceWith(local, all);
        if (own === undefined || !own.isOn || own.isUp) return [];
        const what = `${own.name}, which has the address ${local}, has no carrier: its link is down`;
        return [
          {
            severity: "warning",
            what,
            path: pathOf(tunnel, "local"),
            advice: "look at the link and the switch",
          },
        ];
      }),
  },
  route: {
    group: "network",
    looksAt: "whether the kernel has a route from `local` to `remote`, and to another machine",
    why: "without one nothing is sent, and the tunnel stays down",
    remedy: "ip route add",
    find: ({ config, tunnels, interfaces }) => {
      if (config === undefined || tunnels.length === 0) return undefined;
      return tunnels.flatMap((tunnel): readonly Found[] => {
        const { ends, sendError } = tunnel;
        if (ends?.value === undefined || sendError === undefined) return [];
        const { local, remote } = ends.value;
        const near = interfaceWith(local, interfaces.value ?? []);
        const isNear =
          near !== undefined && sendError === "ENETUNREACH" && isWithin(remote, nearPrefix(local));
        return [
          {
            severity: "error",
            what: sendProblem({ local, remote }, sendError),
            path: pathOf(tunnel, "remote"),
            commands: isNear ? [`ip route add ${remote} dev ${shellWord(near.name)}`] : [],
            advice:
              sendError === "ENETUNREACH" && !isNear
                ? `add a route by the gateway of your network: ip route add ${remote} via GATEWAY`
                : undefined,
          },
        ];
      });
    },
  },
  "route-interface": {
    group: "network",
    looksAt: "whether packets to `remote` leave by the interface that has `local`",
    why: "a provider may drop packets from an address that is not of its network; answers take another way",
    remedy: "another `local`, or none, which takes the address of the route",
    find: (facts) =>
      judgePaths(facts, (tunnel, { local, remote }, { interfaceName }, all) => {
        const own = interfaceWith(local, all);
        if (own === undefined || !isAsymmetric(own, interfaceName)) return [];
        return [
          {
            severity: "warning",
            what: `packets to ${remote} leave by ${interfaceName}, but ${local} is an address of ${own.name}`,
            path: pathOf(tunnel, "local"),
            advice:
              `leave local out, or set local: ${interfaceName}; ` +
              `see: ip route get ${remote} from ${local}`,
          },
        ];
      }),
  },
  "reverse-path": {
    group: "network",
    looksAt: "net.ipv4.conf.*.rp_filter where packets to a peer leave by another interface",
    why: "in strict mode the kernel drops what comes from the peer by the interface of `local`, silently",
    remedy: "sysctl -w net.ipv4.conf.INTERFACE.rp_filter=2",
    find: (facts) =>
      judgePaths(facts, (tunnel, { local, remote }, { interfaceName }, all) => {
        const own = interfaceWith(local, all);
        if (own === undefined || isIPv6(local) || !isAsymmetric(own, interfaceName)) return [];
        if (own.reversePathFilter !== 1) return [];
        return [
          {
            severity: "warning",
            what:
              `${own.name} drops packets from ${remote}, since the route back is by ${interfaceName} ` +
              `(rp_filter is 1, strict)`,
            commands: [setCommand(`net.ipv4.conf.${parameterName(own.name)}.rp_filter=2`)],
            path: pathOf(tunnel, "remote"),
          },
        ];
      }),
  },
  "path-mtu": {
    group: "network",
    looksAt:
      "whether full-size frames of each circuit fit the MTU of the path, as `wirespan mtu` computes it",
    why: "longer packets are fragmented, or lost",
    remedy: "raise the MTU of the path, or let mss_clamp, packet_too_big and fragmentation deal with it",
    find: (facts) => {
      const { daemon, tunnels } = facts;
      if (tunnels.every(({ circuits }) => circuits.length === 0)) return undefined;
      return judgePaths(facts, (tunnel, { remote }, path) => {
        const status = daemon.status?.value?.controlConnections.find(
          (each) => each.tunnel === tunnel.config.name,
        );
        const measured = status?.pathMtu?.source === "measured" ? status.pathMtu.octets : undefined;
        return sizeFindings(tunnel, remote, path, measured);
      });
    },
  },
  "gso-offload": {
    group: "network",
    looksAt: "`gso: offload` where the way to the peer is a virtual interface",
    why: "veth, macvlan and the like pass unfinished checksums and GSO packets on, and the peer drops them",
    remedy: "gso: auto",
    find: (facts) => {
      if (!wantsEbpf(facts)) return undefined;
      return judgePaths(facts, (tunnel, _ends, { completesOffloads, interfaceName }) =>
        tunnel.config.gso !== "offload" || completesOffloads
          ? []
          : [
              {
                severity: "warning",
                what:
                  `gso: offload sends packets with unfinished checksums by ${interfaceName}, ` +
                  "which finishes none",
                advice: "set gso: auto, unless the peer forwards by eBPF at the other end of a veth pair",
                path: pathOf(tunnel, "gso"),
              },
            ],
      );
    },
  },
  "plane-of-tunnel": {
    group: "network",
    looksAt: "what keeps frames of a tunnel from the eBPF plane, by its keys and its route",
    why: "such frames cross user space, which is slower",
    remedy: "udp_checksum: zero at both ends, another route, fragmentation: outer",
    find: (facts) => {
      if (!wantsEbpf(facts)) return undefined;
      return judgePaths(facts, (tunnel, { remote }, { hardware, interfaceName }) => {
        const { encapsulation, checksum } = tunnel.config;
        const hasChecksum = checksum === "full" || (checksum === "auto" && isIPv6(remote));
        const found: Found[] = [];
        const note = (what: string, advice: string, key: string) =>
          found.push({ severity: "note", what, advice, path: pathOf(tunnel, key) });
        if (encapsulation === "udp" && hasChecksum)
          note(
            "data messages have UDP checksums, which eBPF programs cannot compute: user space forwards",
            "set udp_checksum: zero at both ends",
            "udp_checksum",
          );
        if (hardware !== "ETHER")
          note(
            `the route to ${remote} is by ${interfaceName}, which is no Ethernet interface: ` +
              "user space forwards",
            "nothing has to be done, it is slower only",
            "remote",
          );
        return found;
      });
    },
  },
  ipsec: {
    group: "network",
    looksAt: "IPsec policies for the packets of each tunnel",
    why: "eBPF programs would pass them by, so user space forwards such a tunnel",
    remedy: "nothing, if IPsec is wanted",
    find: ({ tunnels }) =>
      judgeEach(tunnels, (tunnel) =>
        judge(tunnel.hasIpsec, (hasIpsec) =>
          hasIpsec
            ? [
                {
                  severity: "note",
                  what:
                    `IPsec policies are for packets of tunnel ${tunnel.config.name}: ` +
                    "user space forwards it",
                  advice: "see: ip xfrm policy",
                  path: pathOf(tunnel, "remote"),
                },
              ]
            : [],
        ),
      ),
  },
  "ipv6-off": {
    group: "network",
    looksAt: "whether IPv6 is switched off where a tunnel needs it",
    why: "an interface then has no IPv6 address, and no IPv6 packet leaves",
    remedy: "sysctl -w net.ipv6.conf.INTERFACE.disable_ipv6=0",
    find: ({ tunnels, interfaces }) => {
      const needing = tunnels.filter(({ config: { local, remote } }) =>
        [local, remote].some((end) => familiesOf(end).join() === "6"),
      );
      if (needing.length === 0) return undefined;
      return judge(interfaces, (all) => needing.flatMap((tunnel) => ipv6Findings(tunnel, all)));
    },
  },
  "ipv6-mtu": {
    group: "network",
    looksAt: "whether a router advertises a smaller MTU than the interface to the peer has",
    why: "it counts for IPv6 alone, so `ip link` does not show it",
    remedy: "advertise the right MTU, or let the interface ignore it",
    find: (facts) =>
      judgePaths(facts, (tunnel, { remote }, { interfaceName }, all) => {
        const own = all.find(({ name }) => name === interfaceName);
        if (!isIPv6(remote) || own?.ipv6Mtu === undefined || own.ipv6Mtu >= own.mtu) return [];
        const parameter = `net.ipv6.conf.${parameterName(own.name)}`;
        return [
          {
            severity: "note",
            what:
              `${own.name} has an MTU of ${own.mtu}, but of ${own.ipv6Mtu} for IPv6 ` +
              "(router advertisement)",
            commands: [setCommand(`${parameter}.accept_ra_mtu=0`), setCommand(`${parameter}.mtu=${own.mtu}`)],
            advice: "only where the network takes it",
            path: pathOf(tunnel, "remote"),
          },
        ];
      }),
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

/** An interface in the name of a parameter of the kernel, where a dot would part it. */
function parameterName(interfaceName: string): string {
  return interfaceName.replaceAll(".", "/");
}

function setCommand(setting: string): string {
  return `sysctl -w ${shellWord(setting)}`;
}

function isAsymmetric(own: InterfaceFacts, interfaceName: string): boolean {
  return own.name !== interfaceName && own.name !== "lo" && !ofMachine.includes(own.kind ?? "");
}

/** As if each network had so many addresses: the kernel's prefix is not that of a route that is missing. */
function nearPrefix(address: string): string {
  return `${address}/${isIPv6(address) ? 64 : 24}`;
}

/** What gives the machine the address, or switches its interface on. */
function addressCommands({ config }: TunnelFacts, interfaces: readonly InterfaceFacts[]): readonly string[] {
  const { local, remote } = config;
  const named = local.kind === "interface" ? interfaces.find(({ name }) => name === local.name) : undefined;
  if (named !== undefined) return named.isOn ? [] : [`ip link set dev ${shellWord(named.name)} up`];
  if (local.kind !== "address") return [];
  const off = interfaceWith(local.address, interfaces);
  if (off !== undefined) return off.isOn ? [] : [`ip link set dev ${shellWord(off.name)} up`];
  const others = [local.address, ...(remote.kind === "address" ? [remote.address] : [])];
  const near = interfaces.find(({ addresses }) =>
    addresses.some((address) => others.some((other) => isWithin(address, nearPrefix(other)))),
  );
  const bits = isIPv6(local.address) ? 128 : 32;
  return near === undefined ? [] : [`ip address add ${local.address}/${bits} dev ${shellWord(near.name)}`];
}

/** Ends that are found at run time, and are not there now. */
function withoutEnds(tunnel: TunnelFacts): readonly Found[] {
  const { ends, name, config } = tunnel;
  const isNameUnknown = name !== undefined && name.addresses.length === 0;
  if (ends?.unseen === undefined || isNameUnknown || config.local.kind !== "route") return [];
  return [{ severity: "error", what: ends.unseen, path: pathOf(tunnel, "remote") }];
}

function sizeFindings(
  tunnel: TunnelFacts,
  remote: string,
  path: PathFacts,
  measured: number | undefined,
): readonly Found[] {
  const pathMtu = Math.min(measured ?? path.mtu, path.interfaceMtu);
  // One for each tunnel: circuits of a tunnel mostly differ in nothing that counts.
  const short = tunnel.circuits.flatMap(({ circuit: { device }, pseudowire, frameSize }) => {
    const { needed, lanMtu } = mtuReport({
      ...{ tunnel: tunnel.config.name, pseudowire, circuit: device, frameSize },
      pathMtu: { octets: pathMtu, source: "given" },
    });
    const octets = needed[0]?.octets ?? 0;
    if (octets <= pathMtu) return [];
    const problem = sizeNote({ device, frameSize, remoteAddress: remote, pathMtu });
    return { octets, problem, pseudowire, lanMtu, device };
  });
  const [worst] = short.toSorted(
    (one, other) =>
      Number(other.problem !== undefined) - Number(one.problem !== undefined) || other.octets - one.octets,
  );
  if (worst === undefined) return [];
  const isOfInterface = pathMtu === path.interfaceMtu;
  const { octets, problem, pseudowire, lanMtu, device } = worst;
  const condition = isOfInterface ? "only where the network behind it takes that; " : "";
  const what =
    problem ??
    `full-size frames of ${device} (MTU ${lanMtu}) need a path MTU of ${octets}, and the path to ${remote} ` +
      `has ${pathMtu}: TCP is kept shorter (mss_clamp), other long packets are fragmented or answered`;
  return [
    {
      severity: problem === undefined ? "note" : "warning",
      what,
      commands: isOfInterface ? [`ip link set dev ${shellWord(path.interfaceName)} mtu ${octets}`] : [],
      advice: `${condition}see: wirespan mtu ${pseudowire}`,
      path: ["tunnels", tunnel.config.name, "pseudowires", pseudowire],
    },
  ];
}

function ipv6Findings(tunnel: TunnelFacts, all: readonly InterfaceFacts[]): readonly Found[] {
  const { local } = tunnel.config;
  const others = all.filter(({ name }) => name !== "lo");
  const named = local.kind === "interface" ? others.filter(({ name }) => name === local.name) : others;
  if (named.length === 0 || !named.every(({ isIpv6Off }) => isIpv6Off)) return [];
  const which = local.kind === "interface" ? [parameterName(local.name)] : ["all", "default"];
  return [
    {
      severity: "error",
      what: `IPv6 is switched off ${local.kind === "interface" ? `on ${local.name}` : "on this machine"}`,
      commands: which.map((name) => setCommand(`net.ipv6.conf.${name}.disable_ipv6=0`)),
      path: pathOf(tunnel, local.kind === "route" ? "remote" : "local"),
    },
  ];
}
