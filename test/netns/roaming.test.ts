import { describe, expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, planes } from "../support/lab.ts";

/** Longest time without traffic that a change of the path may cost, in ms. */
const MOST_MS = 2000;

const HUB = "ws-roam-hub";
const ROUTER = "ws-roam-nat";
const BRANCH = "ws-roam-branch";
const environment = { SECRET: "of both ends" };

const ip = (namespace: string, words: string) => run(["ip", "-n", namespace, ...words.split(" ")]);
const inside = (namespace: string, ...words: readonly string[]) =>
  run(["ip", "netns", "exec", namespace, ...words], { accept: [0, 1, 2] });

/** Has the router translate what the branch sends, to a UDP port of its choice. */
async function translateTo(port: number): Promise<void> {
  const rule = `oifname up0 udp sport 1701 masquerade to :${port}`;
  const text =
    "table ip nat\ndelete table ip nat\n" +
    `table ip nat { chain out { type nat hook postrouting priority 100; ${rule}; }; }`;
  await run(["ip", "netns", "exec", ROUTER, "nft", "-f", "-"], { input: text });
}

/** A hub, a branch with a private address, and between them a router that is a NAT. */
class NatBed {
  static async make(): Promise<NatBed> {
    for (const name of [HUB, ROUTER, BRANCH]) await run(["ip", "netns", "add", name]);
    const bed = new NatBed();
    try {
      await run(`ip link add wan0 netns ${HUB} type veth peer name up0 netns ${ROUTER}`.split(" "));
      await run(`ip link add wan0 netns ${BRANCH} type veth peer name down0 netns ${ROUTER}`.split(" "));
      for (const [name, link, address] of [
        [HUB, "wan0", "203.0.113.1/24"],
        [ROUTER, "up0", "203.0.113.2/24"],
        [ROUTER, "down0", "192.168.7.1/24"],
        [BRANCH, "wan0", "192.168.7.2/24"],
      ] as const) {
        await ip(name, `addr add ${address} dev ${link}`);
        await ip(name, `link set ${link} up`);
      }
      await ip(BRANCH, "route add default via 192.168.7.1");
      await inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1");
      await translateTo(40_000);
      return bed;
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [HUB, ROUTER, BRANCH]) await run(["ip", "netns", "delete", name]);
  }
}

function configuration(plane: string, local: string, remote: string, role: string, keys: object): object {
  return {
    plane,
    tunnels: {
      peer: {
        local,
        remote,
        role,
        secret: { env: "SECRET" },
        ...keys,
        pseudowires: { lan: { circuit: { tap: "lan0" }, cookie: 8, mtu: 1400 } },
      },
    },
  };
}

/** Whether an echo request of the branch's LAN is answered by the hub's within 200 ms. */
async function passes(): Promise<boolean> {
  const { status } = await inside(BRANCH, "ping", "-c", "1", "-W", "0.2", "10.9.0.1");
  return status === 0;
}

/** A hub and a branch of the bed whose TAP devices have addresses, and between whom frames pass. */
class Connected {
  readonly hub: DaemonInNamespace;
  readonly branch: DaemonInNamespace;
  readonly #bed: NatBed;

  private constructor(bed: NatBed, hub: DaemonInNamespace, branch: DaemonInNamespace) {
    this.#bed = bed;
    this.hub = hub;
    this.branch = branch;
  }

  static async make(plane: string, keys: object = {}): Promise<Connected> {
    const opened: AsyncDisposable[] = [];
    try {
      const bed = await NatBed.make();
      opened.push(bed);
      // The hub knows the branch by the NAT's first address and any of its ports.
      const hubFile = configuration(plane, "203.0.113.1", "203.0.113.2", "responder", keys);
      const hub = await DaemonInNamespace.start(HUB, hubFile, { environment });
      opened.push(hub);
      const branchFile = configuration(plane, "192.168.7.2", "203.0.113.1", "initiator", keys);
      const branch = await DaemonInNamespace.start(BRANCH, branchFile, { environment });
      opened.push(branch);
      for (const [name, address] of [
        [HUB, "10.9.0.1/24"],
        [BRANCH, "10.9.0.2/24"],
      ] as const) {
        await eventually("the TAP device is there", async () => {
          const { status } = await inside(name, "ip", "link", "show", "lan0");
          return status === 0;
        });
        await ip(name, `addr add ${address} dev lan0`);
      }
      await eventually("frames pass", passes);
      return new Connected(bed, hub, branch);
    } catch (error) {
      for (const one of opened.toReversed()) await one[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [this.branch, this.hub, this.#bed]) await one[Symbol.asyncDispose]();
  }
}

/** Seconds of traffic, of which the path takes a part. */
const TRAFFIC_S = 10;
/**
 * Longest time in ms until a path that died under traffic is doubted: a HELLO goes out within a second, and
 * is waited for 0.3 s. Beside other tests counters are read more seldom; a HELLO would be due in a minute.
 */
const MOST_UNNOTICED_MS = 5000;

describe.each(planes)("a branch behind a NAT, plane %s", (plane) => {
  test("a path that dies under traffic is noticed by both ends, long before a HELLO was due", async () => {
    await using connected = await Connected.make(plane, { hello_interval_s: 60, nat_keepalive_s: 0 });
    const { hub, branch } = connected;
    const received = async () => (await hub.status()).pseudowires[0]?.receivedFrames ?? 0;
    const before = await received();
    const traffic = inside(BRANCH, "ping", "-q", "-i", "0.1", "-c", `${10 * TRAFFIC_S}`, "10.9.0.1");
    await eventually("traffic flows", async () => (await received()) > before + 10);
    expect([hub.log, branch.log].join()).not.toContain("path-doubted");
    await inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=0");
    const fromMs = performance.now();
    for (const daemon of [hub, branch])
      await eventually("the path is doubted", () => daemon.log.includes("path-doubted"));
    expect(performance.now() - fromMs).toBeLessThan(MOST_UNNOTICED_MS);
    for (const { log } of [hub, branch]) expect(log).toContain("its data stopped, and it does not answer");
    await inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    await traffic;
    await eventually("frames pass again", passes);
    const [connection] = (await branch.status()).controlConnections;
    expect(connection?.state).toBe("established");
  });

  test("traffic goes on when the NAT has another port or address for it, by one session", async () => {
    await using connected = await Connected.make(plane);
    const { hub, branch } = connected;
    const before = await hub.status();
    const [connection] = before.controlConnections;
    expect(connection?.remote).toBe("203.0.113.2:40000");
    expect((await branch.status()).controlConnections[0]?.nat).toContain(
      "our address 192.168.7.2 is private",
    );
    const changes = [
      { port: 41_000, address: "203.0.113.2", remote: "203.0.113.2:41000" },
      { port: 41_000, address: "203.0.113.3", remote: "203.0.113.3:41000" },
    ];
    let present = "203.0.113.2";
    for (const [index, { port, address, remote }] of changes.entries()) {
      await translateTo(port);
      // Without its address the router forgets what it translated.
      await ip(ROUTER, `addr del ${present}/24 dev up0`);
      await ip(ROUTER, `addr add ${address}/24 dev up0`);
      present = address;
      const fromMs = performance.now();
      await eventually("frames pass again", passes);
      expect(performance.now() - fromMs).toBeLessThan(MOST_MS);
      const after = (await hub.status()).controlConnections[0];
      expect(after).toMatchObject({
        remote,
        localControlConnectionId: connection?.localControlConnectionId,
        pathMoves: index + 1,
        formerRemote: index === 0 ? "203.0.113.2:40000" : "203.0.113.2:41000",
      });
      // Data from elsewhere is a hint once in so long; without traffic the branch's next HELLO would tell.
      const isOver = async () =>
        ((await hub.status()).controlConnections[0]?.pathForMs ?? 0) > limits.pathHintIntervalMs;
      await eventually("data from elsewhere counts again", isOver);
    }
    const [now, then] = [(await hub.status()).pseudowires[0], before.pseudowires[0]];
    expect([now?.localSessionId, now?.remoteSessionId, now?.plane]).toEqual([
      then?.localSessionId,
      then?.remoteSessionId,
      plane,
    ]);
    expect(now?.receivedFrames).toBeGreaterThan(then?.receivedFrames ?? 0);
    expect(hub.log).toContain("the path is 203.0.113.1:1701 -> 203.0.113.3:41000 now");
  });
});
