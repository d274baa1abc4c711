import { describe, expect, test } from "vitest";
import type { ControlConnectionStatus } from "../../src/daemon/status.ts";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, planes } from "../support/lab.ts";

/**
 * A hub whose tunnels are of any address, and two branches behind one NAT, which gives their messages one
 * address and random ports:
 *
 *     left  192.168.1.2 --+
 *                        [nat] 203.0.113.7 ------ 203.0.113.1 hub
 *     right 192.168.2.2 --+
 */
const names = ["hub", "nat", "left", "right"] as const;
type Name = (typeof names)[number];
const branches = ["left", "right"] as const;
const namespaceOf = (name: Name) => `wst-any-${name}`;
const secrets = { SECRET_LEFT: "secret of left", SECRET_RIGHT: "secret of right" };

const NAT_RULES = `table ip nat {
  chain outward {
    type nat hook postrouting priority srcnat
    oifname "wan" masquerade random,fully-random
  }
}`;

const BLOCK_RIGHT = `table ip block {
  chain through {
    type filter hook forward priority filter
    iifname "right" drop
  }
}`;

async function inNamespace(name: Name, ...command: readonly string[]): Promise<string> {
  return (await run(["ip", "netns", "exec", namespaceOf(name), ...command])).stdout;
}

/** Adds tables to the firewall of the NAT. */
async function addRules(input: string): Promise<void> {
  await run(["ip", "netns", "exec", namespaceOf("nat"), "nft", "-f", "-"], { input });
}

async function link(
  one: Name,
  device: string,
  address: string,
  other: Name,
  far: string,
  farAddress: string,
) {
  const ends = ["type", "veth", "peer", "name", far, "netns", namespaceOf(other)];
  await run(["ip", "-n", namespaceOf(one), "link", "add", device, ...ends]);
  for (const [name, end, own] of [
    [one, device, address],
    [other, far, farAddress],
  ] as const) {
    await inNamespace(name, "ip", "addr", "add", own, "dev", end);
    await inNamespace(name, "ip", "link", "set", end, "up");
  }
}

/** The namespaces and what is between them; they go when it is disposed of. */
async function natted(): Promise<AsyncDisposable> {
  const gone = async () => {
    for (const name of names) await run(["ip", "netns", "del", namespaceOf(name)], { accept: [0, 1] });
  };
  await gone();
  for (const name of names) {
    await run(["ip", "netns", "add", namespaceOf(name)]);
    await inNamespace(name, "ip", "link", "set", "lo", "up");
  }
  await link("hub", "wan", "203.0.113.1/24", "nat", "wan", "203.0.113.7/24");
  for (const [index, name] of branches.entries()) {
    await link(name, "wan", `192.168.${index + 1}.2/24`, "nat", name, `192.168.${index + 1}.1/24`);
    await inNamespace(name, "ip", "route", "add", "default", "via", `192.168.${index + 1}.1`);
  }
  await inNamespace("nat", "sysctl", "-qw", "net.ipv4.ip_forward=1");
  await addRules(NAT_RULES);
  return { [Symbol.asyncDispose]: gone };
}

function hubConfig(plane: string) {
  const tunnel = (name: string) => ({
    local: "203.0.113.1",
    remote: "any",
    peer_host_name: name,
    secret: { env: `SECRET_${name.toUpperCase()}` },
    pseudowires: { [`lan-${name}`]: { circuit: { tap: `tap-${name}` } } },
  });
  return { plane, lcce: { host_name: "hub" }, tunnels: { left: tunnel("left"), right: tunnel("right") } };
}

function branchConfig(plane: string, name: (typeof branches)[number]) {
  const hub = {
    local: `192.168.${branches.indexOf(name) + 1}.2`,
    remote: "203.0.113.1",
    secret: { env: `SECRET_${name.toUpperCase()}` },
    pseudowires: { [`lan-${name}`]: { circuit: { tap: "tap-hub" } } },
  };
  return { plane, lcce: { host_name: name }, tunnels: { hub } };
}

const start = (name: Name, config: object) =>
  DaemonInNamespace.start(namespaceOf(name), config, { environment: secrets });

/** Gives the TAP devices of a branch's pseudowire addresses, and waits until pings pass through it. */
async function pings(name: (typeof branches)[number]): Promise<void> {
  const subnet = `10.0.${branches.indexOf(name) + 1}`;
  await inNamespace("hub", "ip", "addr", "replace", `${subnet}.1/24`, "dev", `tap-${name}`);
  await inNamespace(name, "ip", "addr", "replace", `${subnet}.2/24`, "dev", "tap-hub");
  await eventually(`pings to ${name} pass`, async () => {
    // A TAP device that was made anew has another MAC address.
    await inNamespace("hub", "ip", "neigh", "flush", "dev", `tap-${name}`);
    const words = ["ip", "netns", "exec", namespaceOf("hub"), "ping", "-c", "3", "-i", "0.2", "-W", "2"];
    const { stdout } = await run([...words, `${subnet}.2`], { accept: [0, 1, 2] });
    return stdout.includes(" 0% packet loss");
  });
}

describe.each(planes)("tunnels of any address, plane %s", (plane) => {
  const isUp = async (daemon: DaemonInNamespace, name: string) =>
    (await daemon.status()).pseudowires.some((one) => one.name === name && one.state === "established");
  const connection = async (hub: DaemonInNamespace, name: string): Promise<ControlConnectionStatus> => {
    const found = (await hub.status()).controlConnections.find(({ tunnel }) => tunnel === name);
    if (found === undefined) throw new Error(`no tunnel ${name}`);
    return found;
  };

  test("two branches behind one NAT address share a port; one that restarts takes over", async () => {
    await using _network = await natted();
    await using hub = await start("hub", hubConfig(plane));
    await eventually("it waits for the branches", async () => {
      const { state, remote, whyNot } = await connection(hub, "left");
      return state === "idle" && remote === "any" && whyNot === "waiting for the peer to connect";
    });
    const { pathMtu, pathMtuUnknown } = await connection(hub, "left");
    expect([pathMtu, pathMtuUnknown]).toEqual([undefined, "nothing is known until a peer comes"]);
    await using _left = await start("left", branchConfig(plane, "left"));
    const right = await start("right", branchConfig(plane, "right"));
    for (const name of branches) await eventually(`${name} is up`, () => isUp(hub, `lan-${name}`));
    const [one, other] = [await connection(hub, "left"), await connection(hub, "right")];
    for (const { remote } of [one, other]) expect(remote).toMatch(/^203\.0\.113\.7:\d+$/);
    expect(one.remote).not.toBe(other.remote);
    expect([one.peerHostName, other.peerHostName]).toEqual(["left", "right"]);
    for (const name of branches) await pings(name);
    for (const name of branches)
      expect(await connection(hub, name)).toMatchObject({ pathMtu: { octets: 1500 } });

    // It ends without a word, and begins anew from another private address, and so from another port.
    await addRules(BLOCK_RIGHT);
    await right[Symbol.asyncDispose]();
    await inNamespace("nat", "nft", "delete", "table", "ip", "block");
    expect((await connection(hub, "right")).state).toBe("established");
    await inNamespace("right", "ip", "addr", "add", "192.168.2.3/24", "dev", "wan");
    const elsewhere = branchConfig(plane, "right");
    elsewhere.tunnels.hub.local = "192.168.2.3";
    await using _again = await start("right", elsewhere);
    await eventually("right is there again, from another port", async () => {
      const { state, localControlConnectionId: id } = await connection(hub, "right");
      return state === "established" && id !== other.localControlConnectionId;
    });
    expect((await connection(hub, "right")).remote).not.toBe(other.remote);
    await eventually("its pseudowire is up", () => isUp(hub, "lan-right"));
    for (const name of branches) await pings(name);
    expect((await connection(hub, "left")).localControlConnectionId).toBe(one.localControlConnectionId);
  });
});
