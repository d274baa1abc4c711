import { expect, test } from "vitest";
import { completesOffloads, type SendingLink } from "../../src/os/offload-completion.ts";

interface Interface {
  readonly hardware?: true;
  readonly kind?: string;
  /** What it stands on, by name. */
  readonly on?: string;
  readonly elsewhere?: true;
  /** What it is a port of, by name. */
  readonly portOf?: string;
  readonly finishes: boolean;
}

/** TABLE: interfaces of a namespace, and whether packets leave them finished. */
const interfaces: Readonly<Record<string, Interface>> = {
  eth0: { hardware: true, portOf: "bond0", finishes: true },
  eth1: { hardware: true, portOf: "bond0", finishes: true },
  wlan0: { hardware: true, kind: "wlan", finishes: true },
  veth0: { kind: "veth", on: "eth0", finishes: false },
  tap0: { kind: "tun", finishes: false },
  unnamed: { finishes: false },
  "eth0.7": { kind: "vlan", on: "eth0", finishes: true },
  "eth0.7.8": { kind: "vlan", on: "eth0.7", portOf: "br0", finishes: true },
  "veth0.7": { kind: "vlan", on: "veth0", finishes: false },
  "far.7": { kind: "vlan", on: "eth0", elsewhere: true, finishes: false },
  "gone.7": { kind: "vlan", on: "gone", finishes: false },
  "nowhere.7": { kind: "vlan", finishes: false },
  bond0: { kind: "bond", finishes: true },
  br0: { kind: "bridge", finishes: true },
  br1: { kind: "bridge", finishes: false },
  eth2: { hardware: true, portOf: "br1", finishes: true },
  veth1: { kind: "veth", portOf: "br1", finishes: false },
  br2: { kind: "bridge", finishes: false },
  macvlan0: { kind: "macvlan", on: "eth0", finishes: false },
  team0: { kind: "team", finishes: false },
  eth3: { hardware: true, portOf: "team0", finishes: true },
};

const names = Object.keys(interfaces);
/** Indexes begin at 1; what is not in the table has one that nothing has. */
const indexOf = (name: string) => (names.includes(name) ? names.indexOf(name) : names.length) + 1;

function linkOf(name: string): SendingLink | undefined {
  const found = interfaces[name];
  return (
    found && {
      index: indexOf(name),
      kind: found.kind,
      isHardware: found.hardware ?? false,
      link: found.on === undefined ? undefined : indexOf(found.on),
      isLinkElsewhere: found.elsewhere ?? false,
    }
  );
}

const links = {
  link: (index: number) => linkOf(names[index - 1] ?? ""),
  portsOf: (index: number) =>
    names
      .filter((name) => interfaces[name]?.portOf === names[index - 1])
      .flatMap((name) => linkOf(name) ?? []),
};

test.each(Object.entries(interfaces))("packets leave %s finished only by hardware", (name, { finishes }) => {
  expect(completesOffloads(linkOf(name), links)).toBe(finishes);
});

test("packets leave no interface finished that is gone", () => {
  expect(completesOffloads(undefined, links)).toBe(false);
});
