import { shellWord } from "../bytes/shell-words.ts";
import type { CircuitConfig } from "../config/config.ts";
import type { MachineNoteKind } from "../daemon/machine-notes.ts";
import type { CircuitFacts, Facts, InterfaceFacts, TunnelFacts } from "./facts.ts";
import { type CheckRow, type Found, judge } from "./outcome.ts";

/** Attachment circuits: their interfaces, bridges and what else uses them. */

interface OneCircuit extends CircuitFacts {
  readonly tunnel: TunnelFacts;
  readonly path: readonly string[];
}

function circuitsOf({ tunnels }: Facts): readonly OneCircuit[] {
  return tunnels.flatMap((tunnel) =>
    tunnel.circuits.map((each) => ({
      ...each,
      tunnel,
      path: ["tunnels", tunnel.config.name, "pseudowires", each.pseudowire, "circuit", each.circuit.kind],
    })),
  );
}

/** Judges each circuit whose interface is there, every interface once. */
function judgeInterfaces(
  facts: Facts,
  act: (circuit: OneCircuit, own: InterfaceFacts, all: readonly InterfaceFacts[]) => readonly Found[],
) {
  const circuits = circuitsOf(facts).filter(({ circuit }) => circuit.kind === "interface");
  if (circuits.length === 0) return undefined;
  return judge(facts.interfaces, (all) => {
    const byName = new Map(all.map((each) => [each.name, each]));
    const told = new Set<string>();
    return circuits.flatMap((one) => {
      const own = byName.get(one.circuit.device);
      const found = own === undefined ? [] : act(one, own, all);
      return found.filter(({ what }) => !told.has(what) && told.add(what));
    });
  });
}

/** Notes of a kind, as findings. */
function judgeNotes(
  { config, notes, interfaces }: Facts,
  kinds: readonly MachineNoteKind[],
  commandsFor: (path: readonly PropertyKey[], all: readonly InterfaceFacts[]) => readonly string[] = () => [],
) {
  if (config === undefined || (config.tunnels.length === 0 && config.bridges.length === 0)) return undefined;
  return judge(notes, (all) =>
    all
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ message: what, path }): Found => {
        const commands = commandsFor(path, interfaces.value ?? []);
        return { severity: "error", what, path, commands };
      }),
  );
}

/** The circuit or the bridge that the path of a key is about. */
function circuitAt(
  { config }: Facts,
  [top, name, , pseudowire]: readonly PropertyKey[],
): CircuitConfig | undefined {
  if (top !== "tunnels") return undefined;
  const tunnel = config?.tunnels.find((each) => each.name === name);
  return tunnel?.pseudowires.find((each) => each.name === pseudowire)?.circuit;
}

/** The interface, and what stands on it, such as VLANs. */
function stackOn(own: InterfaceFacts, all: readonly InterfaceFacts[]): readonly InterfaceFacts[] {
  const found = [own];
  for (const one of found)
    found.push(
      ...all.filter(
        ({ lower, index }) =>
          !found.some((each) => each.index === index) && (lower === one.index || index === one.master),
      ),
    );
  return found;
}

/** TABLE: checks of circuits. */
export const circuitChecks = {
  "circuit-interface": {
    group: "circuits",
    looksAt: "whether the interfaces of circuits and bridges are there",
    why: "a pseudowire whose interface is not there is down",
    remedy: "correct the name, or make the interface",
    find: (facts) => judgeNotes(facts, ["interface"]),
  },
  "circuit-on": {
    group: "circuits",
    looksAt: "whether the interfaces of circuits are switched on, and have a carrier",
    why: "the peer is told that the circuit is down, and no frame passes",
    remedy: "ip link set up; look at the link and the switch",
    find: (facts) => {
      const held = new Set(
        (facts.daemon.status?.value?.pseudowires ?? [])
          .filter(({ heldDown }) => heldDown !== undefined)
          .map(({ name }) => name),
      );
      return judgeInterfaces(facts, ({ path, pseudowire }, { name, isOn, isUp }) => {
        // Switched off by the daemon, as the other end is down.
        if (isUp || held.has(pseudowire)) return [];
        const commands = isOn ? [] : [`ip link set dev ${shellWord(name)} up`];
        const advice = isOn
          ? "look at the link and the switch, or at the other end of a veth pair"
          : undefined;
        const what = isOn ? `${name} has no carrier: its link is down` : `${name} is switched off`;
        return [{ severity: isOn ? "warning" : "error", what, path, commands, advice }];
      });
    },
  },
  "circuit-host-use": {
    group: "circuits",
    looksAt: "whether this machine itself uses an interface: addresses, routes, the tunnel, a bridge, a bond",
    why: "its frames go into the pseudowire, and the machine would be cut off; so it is not attached",
    remedy: "another interface; ip link set nomaster; or allow_host_use: true",
    find: (facts) =>
      judgeNotes(facts, ["host-use"], (path, all) => {
        const device = circuitAt(facts, path)?.device ?? String(path.at(-1));
        const own = all.find(({ name }) => name === device);
        const isPortAlone = own?.master !== undefined && own.addresses.length === 0;
        return isPortAlone ? [`ip link set dev ${shellWord(device)} nomaster`] : [];
      }),
  },
  "circuit-loop": {
    group: "circuits",
    looksAt: "whether packets to a peer leave by the interface of a circuit, or by one on top of it",
    why: "data messages would be frames of the circuit, and go into the tunnel again",
    remedy: "another interface for the circuit, or another route to the peer",
    find: (facts) =>
      judgeInterfaces(facts, ({ path, circuit, tunnel }, own, all) => {
        const route = tunnel.path?.value?.interfaceName;
        if (circuit.vlan !== undefined || route === undefined) return [];
        if (!stackOn(own, all).some(({ name }) => name === route)) return [];
        const by = route === own.name ? "it" : `${route}, which ${own.name} carries`;
        return [
          {
            severity: "error",
            what:
              `${own.name} carries the tunnel itself: ` +
              `packets to the peer of ${tunnel.config.name} leave by ${by}`,
            advice: "use another interface for the circuit, or give the peer another route",
            path,
          },
        ];
      }),
  },
  "circuit-vlans": {
    group: "circuits",
    looksAt: "VLAN interfaces on top of a circuit that is a whole port",
    why: "frames of their VLANs go into the pseudowire, and no more to them",
    remedy: "remove them, or let the pseudowire carry one VLAN",
    find: (facts) =>
      judgeInterfaces(facts, ({ path, circuit }, own, all) => {
        if (circuit.vlan !== undefined) return [];
        const on = all.filter(
          ({ lower, kind, addresses }) => lower === own.index && kind === "vlan" && addresses.length === 0,
        );
        return on.map(({ name }) => ({
          severity: "warning",
          what: `${name} stands on ${own.name}, and gets none of its frames while the pseudowire is up`,
          advice: `remove it (ip link delete dev ${shellWord(name)}), or give the circuit a vlan`,
          path,
        }));
      }),
  },
  "circuit-mtu": {
    group: "circuits",
    looksAt: "the MTU of each circuit's interface against the `mtu` of its pseudowire",
    why: "frames that are longer than the interface takes are discarded (circuit-error)",
    remedy: "ip link set mtu, or another `mtu` at both ends",
    find: (facts) =>
      judgeInterfaces(facts, ({ path, frameSize: { mtu } }, own) => {
        if (own.mtu === mtu) return [];
        const isShort = own.mtu < mtu;
        const fate = isShort
          ? "full-size frames of the peer are discarded (circuit-error)"
          : "longer frames of hosts are discarded (oversize)";
        return [
          {
            severity: isShort ? "warning" : "note",
            what: `${own.name} has an MTU of ${own.mtu} and its pseudowire of ${mtu}: ${fate}`,
            commands: [`ip link set dev ${shellWord(own.name)} mtu ${mtu}`],
            advice: `or set mtu: ${own.mtu} of the pseudowire at both ends`,
            path,
          },
        ];
      }),
  },
  "circuit-lro": {
    group: "circuits",
    looksAt: "large receive offload (LRO) of each circuit's interface",
    why: "it merges frames so that they cannot be sent on as they came",
    remedy: "ethtool -K INTERFACE lro off",
    find: (facts) =>
      judgeInterfaces(facts, ({ path }, own) =>
        own.features.includes("rx-lro")
          ? [
              {
                severity: "warning",
                what: `${own.name} merges what it receives (large receive offload)`,
                commands: [`ethtool -K ${shellWord(own.name)} lro off`],
                path,
              },
            ]
          : [],
      ),
  },
  "circuit-vlan-filter": {
    group: "circuits",
    looksAt: "hardware filters of VLANs of each circuit's interface",
    why: "some drivers drop frames with tags that this machine does not use itself, even when promiscuous",
    remedy: "ethtool -K INTERFACE rx-vlan-filter off",
    find: (facts) =>
      judgeInterfaces(facts, ({ path }, own) =>
        own.features.includes("rx-vlan-filter")
          ? [
              {
                severity: "note",
                what: `${own.name} filters VLANs in hardware; if tagged frames are missing, that is why`,
                commands: [`ethtool -K ${shellWord(own.name)} rx-vlan-filter off`],
                path,
              },
            ]
          : [],
      ),
  },
  "circuit-promiscuous": {
    group: "circuits",
    looksAt: "whether interfaces that a running daemon has attached take frames to every MAC address",
    why: "frames to hosts behind the other end are dropped by the network card otherwise",
    remedy: "ip link set promisc on; a virtual switch must allow it too",
    find: (facts) => {
      const attached = new Set(
        (facts.daemon.status?.value?.pseudowires ?? [])
          .filter(({ localCircuit }) => localCircuit.startsWith("up"))
          .map(({ name }) => name),
      );
      if (attached.size === 0) return undefined;
      return judgeInterfaces(facts, ({ path, pseudowire }, own) =>
        own.promiscuity > 0 || !attached.has(pseudowire)
          ? []
          : [
              {
                severity: "warning",
                what: `${own.name} is not promiscuous, although it is attached`,
                commands: [`ip link set dev ${shellWord(own.name)} promisc on`],
                path,
              },
            ],
      );
    },
  },
  "circuit-taken": {
    group: "circuits",
    looksAt: "whether another Wirespan carries the frames of a circuit",
    why: "one daemon alone can have them; the pseudowire waits",
    remedy: "stop the other one, or take the circuit out of one of the two files",
    find: (facts) => {
      const circuits = circuitsOf(facts);
      if (circuits.length === 0) return undefined;
      return judge(facts.circuitOwners, (owners) =>
        circuits.flatMap(({ pseudowire, circuit, path }): readonly Found[] => {
          if (!owners.has(pseudowire)) return [];
          const owner = owners.get(pseudowire);
          const who = owner === undefined ? "another wirespan" : `another wirespan (pid ${owner.pid})`;
          const advice = "stop it, or take the circuit out of one of the two files";
          return [{ severity: "error", what: `${who} carries frames of ${circuit.device}`, advice, path }];
        }),
      );
    },
  },
  tap: {
    group: "circuits",
    looksAt: "whether the name of each TAP device is free, or the device ours",
    why: "a TAP device cannot have the name of another interface",
    remedy: "another name in the file, or ip link delete",
    find: (facts) => judgeNotes(facts, ["tap"]),
  },
  bridge: {
    group: "circuits",
    looksAt: "whether the bridges that the file names are there, and are bridges that are switched on",
    why: "a TAP device without its bridge is down; in one that is off no frame passes",
    remedy: "ip link add type bridge; ip link set up; or `create: true` in bridges:",
    find: (facts) => {
      const noted = judgeNotes(facts, ["bridge"], (path, all) => {
        const name = circuitAt(facts, path)?.bridge ?? String(path[1]);
        const isThere = all.some((each) => each.name === name);
        return isThere
          ? []
          : [`ip link add ${shellWord(name)} type bridge`, `ip link set dev ${shellWord(name)} up`];
      });
      if (noted === undefined || "unseen" in noted) return noted;
      return [...noted, ...bridgesOff(facts)];
    },
  },
  "bridge-stp": {
    group: "circuits",
    looksAt: "the spanning tree protocol of bridges that TAP devices are put into",
    why: "a port that comes up then passes frames only after twice the forward delay, 30 s by default",
    remedy: "nothing, or follow_peer: none, so that a lost session does not take the carrier away",
    find: (facts) => {
      const named = circuitsOf(facts).filter(({ circuit }) => circuit.bridge !== undefined);
      if (named.length === 0) return undefined;
      return judge(facts.interfaces, (all) =>
        named.flatMap(({ circuit, path }): readonly Found[] => {
          const bridge = all.find(({ name }) => name === circuit.bridge);
          if (bridge?.hasStp !== true || circuit.followPeer === "none") return [];
          return [
            {
              severity: "note",
              what: `${bridge.name} has STP: ${circuit.device} passes frames some 30 s after it comes up`,
              advice: "with follow_peer: none it keeps its carrier when the other end goes down",
              path: [...path.slice(0, -1), "bridge"],
            },
          ];
        }),
      );
    },
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

function bridgesOff(facts: Facts): readonly Found[] {
  const named = new Map(
    circuitsOf(facts).flatMap(({ circuit: { bridge }, path }) =>
      bridge === undefined ? [] : [[bridge, [...path.slice(0, -1), "bridge"]] as const],
    ),
  );
  return [...named].flatMap(([name, path]): readonly Found[] => {
    const own = facts.interfaces.value?.find((each) => each.name === name);
    if (own === undefined || own.isOn || own.kind !== "bridge") return [];
    const commands = [`ip link set dev ${shellWord(name)} up`];
    return [{ severity: "error", what: `bridge ${name} is switched off`, commands, path }];
  });
}
