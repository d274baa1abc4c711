import { expect, test } from "vitest";
import { stringify } from "yaml";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { machineNotes } from "../../src/daemon/machine-notes.ts";
import type { HostInterface } from "../../src/os/host-network.ts";

/**
 * One mistake is told as one: a key with a wrong value, or a misspelt key, makes no other key wrong, neither
 * in the file nor on the machine.
 */

type Mapping = Readonly<Record<string, unknown>>;

const secret = { file: "/etc/wirespan/secret" };

/** TABLE: files in order, which together have all rules between keys that a missing key could break. */
const files: Readonly<Record<string, Mapping>> = {
  "bridges and a negotiated tunnel": {
    lcce: { host_name: "here", router_id: "192.0.2.1" },
    bridges: {
      lan: {
        vlan_filtering: true,
        mtu: 1400,
        loops: "block",
        stp: false,
        interfaces: { eth5: { pvid: 3, vlans: [4, "6-7"], storm_limits: { broadcast: 5 } } },
      },
      b2: { create: false, stp: true, loops: "report", interfaces: { eth6: { pvid: 3, vlans: [1] } } },
      b3: {},
    },
    tunnels: {
      hq: {
        local: "192.0.2.1",
        remote: "192.0.2.2",
        encapsulation: "udp",
        local_port: 1702,
        remote_port: 1703,
        authentication: "digest",
        secret,
        next_secret: { env: "NEXT" },
        hide_avps: true,
        roaming: "control",
        retransmit_initial_ms: 9000,
        retransmit_cap_ms: 10_000,
        reconnect_initial_s: 100,
        reconnect_cap_s: 200,
        pseudowires: {
          a: {
            circuit: {
              tap: "t1",
              bridge: "lan",
              follow_peer: "carrier",
              vlan: 7,
              vlan_on_pseudowire: 8,
              port: { pvid: 3, vlans: [4], storm_limits: { broadcast: 4 } },
            },
            type: "ethernet-vlan",
            mtu: 1400,
            sublayer: "default",
            sequencing: "all",
            vccv: "echo",
          },
          b: {
            circuit: {
              tap: "t1",
              bridge: "lan",
              vlan: 9,
              port: { pvid: 3, vlans: [4], storm_limits: { broadcast: 4 } },
            },
            mtu: 1400,
          },
          c: { circuit: { interface: "eth1", vlan: 5, follow_peer: "link-down" }, remote_end_id: "d" },
          d: { circuit: { interface: "eth1", vlan: 6, follow_peer: "link-down" }, remote_end_id: "c" },
          e: { circuit: { tap: "t2", bridge: "b2", port: { pvid: 0, vlans: [4] } } },
          f: { circuit: { tap: "t3", bridge: "b3" } },
          g: { circuit: { tap: "t4", bridge: "b3" } },
        },
      },
    },
  },
  "static tunnels": {
    tunnels: {
      a: {
        local: "192.0.2.1",
        remote: "192.0.2.2",
        control: "static",
        follow: "cookie",
        pseudowires: {
          p: {
            circuit: { interface: "eth1", allow_host_use: true },
            vccv: "echo",
            sublayer: "default",
            sequencing: "all",
            static: {
              local_session_id: 1,
              remote_session_id: 2,
              receive_cookie: "0011223344556677",
              transmit_cookie: "0011223344556677",
              transmit_sublayer: "default",
              transmit_sequencing: "all",
            },
          },
          q: {
            circuit: { tap: "t1" },
            static: {
              local_session_id: 2,
              remote_session_id: 2,
              receive_cookie: "0011223344556677",
              transmit_sublayer: "default",
              transmit_sequencing: "non-ip",
            },
          },
        },
      },
      b: {
        local: "192.0.2.1",
        remote: "192.0.2.3",
        control: "static",
        encapsulation: "ip",
        path_mtu: "none",
        pseudowires: {
          r: { circuit: { tap: "t2" }, static: { local_session_id: 3, remote_session_id: 2 } },
        },
      },
    },
  },
  "pseudowire fragments": {
    tunnels: {
      a: {
        local: "2001:db8::1",
        remote: "2001:db8::2",
        fragmentation: "pseudowire",
        authentication: "integrity",
        pseudowires: {
          p: { circuit: { tap: "t1" }, sublayer: "default", sequencing: "all", vccv: "echo" },
          q: { circuit: { tap: "t2" }, vccv: "echo" },
        },
      },
    },
  },
  "tunnels on one socket, told apart by what peers say": {
    tunnels: Object.fromEntries(
      ["a", "b", "c"].map((name, index) => [
        name,
        {
          local: "192.0.2.1",
          local_port: 0,
          remote: index === 2 ? { any: ["192.0.2.0/24"] } : "any",
          secret,
          role: "responder",
          roaming: "off",
          fragmentation: "none",
          udp_checksum: "zero",
          gso: "segment",
          control_dscp: "cs6",
          ...(index === 0 ? { peer_host_name: name } : { peer_router_id: `192.0.2.${index}` }),
          pseudowires: { [`p${index}`]: { circuit: { tap: `t${index}` }, remote_end_id: "same" } },
        },
      ]),
    ),
  },
  "tunnels to one address, told apart by ports": {
    tunnels: {
      a: { local: "eth0", remote: "hub.example.org", remote_port: 1702 },
      b: { local: "eth0", remote: "hub.example.org", remote_port: 1703 },
      c: { local: "lo", remote: "127.0.0.1", local_port: 1702 },
      d: { local: "127.0.0.1", remote: "127.0.0.1", local_port: 1703, remote_port: 1704 },
      e: { local: "127.0.0.1", remote: "127.0.0.1", local_port: 1705 },
    },
  },
  "what all take from defaults": {
    bridges: { lan: { vlan_filtering: true, mtu: 1400 } },
    defaults: {
      tunnel: { remote: "any", secret, authentication: "digest", hide_avps: true, roaming: "control" },
      pseudowire: {
        mtu: 1400,
        sublayer: "default",
        sequencing: "all",
        vccv: "echo",
        circuit: { bridge: "lan", follow_peer: "carrier", port: { pvid: 3, vlans: [4] } },
      },
    },
    tunnels: {
      a: { peer_host_name: "a", pseudowires: { p: { circuit: { tap: "t1" } } } },
      b: { peer_host_name: "b", pseudowires: { q: { circuit: { tap: "t2" } } } },
    },
  },
};

/** The paths of all keys of a value, and of the items of its lists. */
function pathsIn(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [key],
    ...pathsIn(inner).map((path) => [key, ...path]),
  ]);
}

/** A copy of a value in which the entry at a path is changed. */
function changedAt(value: unknown, [key = "", ...path]: readonly string[], change: Change): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Mapping) }) as Record<string, unknown>;
  if (path.length > 0) copy[key] = changedAt(copy[key], path, change);
  else change(copy, key);
  return copy;
}

type Change = (within: Record<string, unknown>, key: string) => void;

const MISSPELT = "a misspelt key";

/** TABLE: mistakes that may be made with a key. */
const mistakes: Readonly<Record<string, Change>> = {
  "a value of no kind that any key takes": (within, key) => {
    within[key] = [null];
  },
  "no value": (within, key) => {
    within[key] = null;
  },
  [MISSPELT]: (within, key) => {
    const value = within[key];
    delete within[key];
    within[`${key}_x`] = value;
  },
};

/** Machines on which there is nothing of what the files name, and all. */
const machines: readonly (readonly HostInterface[])[] = [
  [],
  ["lan", "b2", "b3", "eth0", "eth1", "eth5", "eth6", "t1", "t2", "t3", "t4"].map((name, index) => ({
    index: index + 1,
    name,
    kind: /^(lan|b)/.test(name) ? "bridge" : name.startsWith("t") ? "tun" : undefined,
    isUp: true,
    master: undefined,
    link: undefined,
    addresses: name === "eth0" ? ["192.0.2.1", "2001:db8::1"] : [],
  })) as unknown as readonly HostInterface[],
];

/** What is said of a file, and what a machine would make of what is in order: "path: message". */
function saidOf(file: unknown): { readonly problems: readonly string[]; readonly notes: readonly string[] } {
  const parsed = parseConfig(stringify(file), "f", { hostName: "h" });
  const parts = parsed.config === undefined ? parsed.validParts : { ...parsed, config: () => parsed.config };
  const text = (line: string) => line.replace(/^\S+ +/, "").replace(/ \((tunnel|pseudowire) [^)]*\)$/, "");
  const notes = machines.flatMap((machine) =>
    (parts?.located(machineNotes(parts.config(), machine, () => undefined)) ?? []).map(formatProblem),
  );
  return { problems: parsed.problems.map((one) => text(formatProblem(one))), notes: notes.map(text) };
}

/** Keys whose mappings have names that are free to choose. */
const namedMappings: ReadonlySet<string> = new Set(["bridges", "interfaces", "tunnels", "pseudowires"]);

function isName(path: readonly string[]): boolean {
  return namedMappings.has(path.at(-2) ?? "") || /^\d+$/.test(path.at(-1) ?? "");
}

test.each(Object.entries(files))("%s: a mistake in any key is told of no other", (_name, file) => {
  const whole = saidOf(file);
  expect(whole.problems).toEqual([]);
  for (const [mistake, change] of Object.entries(mistakes)) {
    const consequences = pathsIn(file).flatMap((path) => {
      if (mistake === MISSPELT && isName(path)) return [];
      const { problems, notes } = saidOf(changedAt(file, path, change));
      const at = path.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join("");
      const isOfIt = (line: string) => line.startsWith(at.slice(1));
      const others = problems.filter((line) => !isOfIt(line));
      if (others.length === problems.length) others.push("the mistake itself is not told");
      const moreNotes = notes.filter((line) => !whole.notes.includes(line));
      return [...others, ...moreNotes].map((line) => `${at.slice(1)} makes: ${line}`);
    });
    expect.soft(consequences, mistake).toEqual([]);
  }
});
