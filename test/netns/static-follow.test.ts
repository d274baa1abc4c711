import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { frameOf } from "../support/frames.ts";
import { eventually, planes } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { messageOf } from "../support/plane-messages.ts";
import { PeerSocket } from "../support/plane-test-bed.ts";
import { sessionParameters } from "../support/sessions.ts";

/**
 * A static tunnel of a branch behind a NAT, which headquarters follow:
 *
 *     headquarters wan .1 ---- 198.51.100.0/24 ---- .2 outer [router] inner .1 -- 192.168.1.0/24 -- .2 branch
 *     lan0 10.9.0.1                                                                       10.9.0.2 lan0
 */

const HEADQUARTERS = "198.51.100.1";
const COOKIES = ["0102030405060708", "1112131415161718"] as const;
const NAT = `table inet nat {
  chain outward {
    type nat hook postrouting priority srcnat
    ip saddr 192.168.1.0/24 oifname outer masquerade fully-random
  }
}
`;

let namespaces: {
  readonly hq: TestNamespace;
  readonly router: TestNamespace;
  readonly branch: TestNamespace;
};

beforeAll(async () => {
  const make = (name: string) => TestNamespace.make(`wst-follow-${name}-${process.pid}`);
  const [hq, router, branch] = [await make("hq"), await make("router"), await make("branch")];
  namespaces = { hq, router, branch };
  for (const each of [hq, router, branch]) await each.ip("link delete left");
  for (const [site, port] of [
    [hq, "outer"],
    [branch, "inner"],
  ] as const)
    await site.ip(`link add wan type veth peer name ${port} netns ${router.name}`);
  for (const [namespace, device, address] of [
    [hq, "wan", `${HEADQUARTERS}/24`],
    [router, "outer", "198.51.100.2/24"],
    [router, "inner", "192.168.1.1/24"],
    [branch, "wan", "192.168.1.2/24"],
  ] as const) {
    await namespace.ip(`addr add ${address} dev ${device}`);
    await namespace.ip(`link set ${device} up`);
  }
  await branch.ip("route add default via 192.168.1.1");
  await router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1");
  await run(["ip", "netns", "exec", router.name, "nft", "-f", "-"], { input: NAT });
});

afterAll(async () => {
  for (const each of Object.values(namespaces ?? {})) await each[Symbol.asyncDispose]();
});

/** The file of a site; `index` is 0 at headquarters and 1 in the branch. */
function fileOf(plane: string, encapsulation: string, index: 0 | 1): object {
  const other = 1 - index;
  const ends = index === 0 ? [HEADQUARTERS, "198.51.100.2"] : ["192.168.1.2", HEADQUARTERS];
  return {
    plane,
    tunnels: {
      branch: {
        local: ends[0],
        remote: ends[1],
        encapsulation,
        control: "static",
        ...(index === 0 ? { follow: "cookie" } : {}),
        pseudowires: {
          lan: {
            circuit: { tap: "lan0" },
            static: {
              local_session_id: 100 + index,
              remote_session_id: 100 + other,
              receive_cookie: COOKIES[index],
              transmit_cookie: COOKIES[other],
            },
          },
        },
      },
    },
  };
}

/** Both daemons, and a host of the branch that pings one of headquarters. */
class Sites implements AsyncDisposable {
  readonly hq: DaemonInNamespace;
  readonly #branch: DaemonInNamespace;
  #ping: ChildProcess | undefined;
  #heard = 0;

  private constructor(hq: DaemonInNamespace, branch: DaemonInNamespace) {
    this.hq = hq;
    this.#branch = branch;
  }

  static async up(plane: string, encapsulation: string): Promise<Sites> {
    const { hq, branch } = namespaces;
    const daemon = await DaemonInNamespace.start(hq.name, fileOf(plane, encapsulation, 0));
    const other = await DaemonInNamespace.start(branch.name, fileOf(plane, encapsulation, 1));
    const sites = new Sites(daemon, other);
    try {
      await sites.#begin(plane);
    } catch (error) {
      await sites[Symbol.asyncDispose]();
      throw error;
    }
    return sites;
  }

  async #begin(plane: string): Promise<void> {
    const { hq, branch } = namespaces;
    for (const each of [this.hq, this.#branch])
      await eventually(
        "it forwards by the plane",
        async () => (await each.pseudowire("lan")).plane === plane,
      );
    for (const [namespace, own, far] of [
      [hq, 1, 2],
      [branch, 2, 1],
    ] as const) {
      // A daemon answers before its devices are there.
      await eventually("lan0 is there", () =>
        namespace.ip("link show dev lan0").then(
          () => true,
          () => false,
        ),
      );
      await namespace.ip(`link set lan0 address 02:00:00:00:00:0${own}`);
      await namespace.ip(`addr add 10.9.0.${own}/24 dev lan0`);
      await namespace.ip("link set lan0 up");
      // ARP asks once a second, which is too seldom to be followed by.
      await namespace.ip(`neigh add 10.9.0.${far} lladdr 02:00:00:00:00:0${far} dev lan0 nud permanent`);
    }
    const words = ["netns", "exec", branch.name, "ping", "-n", "-i", "0.1", "10.9.0.1"];
    const ping = spawn("ip", words, { stdio: ["ignore", "pipe", "ignore"] });
    ping.stdout.on("data", (text) => {
      this.#heard += String(text).match(/bytes from/g)?.length ?? 0;
    });
    this.#ping = ping;
  }

  /** Waits until so many answers came from now on; returns the time that took in ms. */
  async answers(count: number): Promise<number> {
    const [beganMs, before] = [performance.now(), this.#heard];
    await eventually(`${count} answers came`, () => this.#heard >= before + count);
    return performance.now() - beganMs;
  }

  async tunnel() {
    const [tunnel] = (await this.hq.status()).controlConnections;
    if (tunnel === undefined) throw new Error("there is no tunnel");
    return tunnel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ping?.kill();
    for (const each of [this.#branch, this.hq]) await each[Symbol.asyncDispose]();
  }
}

describe.each(planes)("plane %s", (plane) => {
  test.each(["udp", "ip"])("over %s: the branch is followed whatever its NAT does", async (encapsulation) => {
    const { router } = namespaces;
    await using sites = await Sites.up(plane, encapsulation);
    await sites.answers(5);
    const first = await sites.tunnel();
    // Over UDP the file's port is not the one that the NAT gave.
    let moves = encapsulation === "udp" ? 1 : 0;
    expect(first.pathMoves ?? 0).toBe(moves);
    const before = await sites.hq.pseudowire("lan");
    if (encapsulation === "udp") {
      // The mapping goes with the interface (masquerade), and the next one has another port.
      await router.ip("link set outer down");
      await router.ip("link set outer up");
      moves += 1;
      await sites.answers(5);
      const moved = await sites.tunnel();
      expect(moved.remote).not.toBe(first.remote);
      expect(moved).toMatchObject({ pathMoves: moves, formerRemote: first.remote });
    }
    // The NAT has another address.
    await router.ip("addr del 198.51.100.2/24 dev outer");
    await router.ip("addr add 198.51.100.3/24 dev outer");
    try {
      moves += 1;
      await sites.answers(5);
      const moved = await sites.tunnel();
      expect(moved.remote).toMatch(/^198\.51\.100\.3/);
      expect(moved.pathMoves).toBe(moves);
      expect(moved.formerRemote).toMatch(/^198\.51\.100\.2/);
      expect(sites.hq.log).toContain("its peer is followed from 198.51.100.2");
      const after = await sites.hq.pseudowire("lan");
      expect(after).toMatchObject({ state: "established", plane, localSessionId: before.localSessionId });
      expect(after.receivedFrames).toBeGreaterThan(before.receivedFrames);
    } finally {
      await router.ip("addr del 198.51.100.3/24 dev outer");
      await router.ip("addr add 198.51.100.2/24 dev outer");
    }
  });

  test.each(["udp", "ip"] as const)(
    "over %s: replayed data with the right cookie move nothing while the branch talks",
    async (encapsulation) => {
      const { router } = namespaces;
      await using sites = await Sites.up(plane, encapsulation);
      await sites.answers(5);
      const before = await sites.tunnel();
      await router.ip("addr add 198.51.100.9/24 dev outer");
      const isUdp = encapsulation === "udp";
      const path = {
        encapsulation,
        localAddress: HEADQUARTERS,
        localPort: isUdp ? 1701 : 0,
        remoteAddress: "198.51.100.9",
        remotePort: isUdp ? 4000 : 0,
      };
      using attacker = router.inside(() => new PeerSocket(path));
      const session = sessionParameters({
        path,
        localSessionId: 100,
        receiveCookie: Uint8Array.from(Buffer.from(COOKIES[0], "hex")),
        receiveSublayer: "none",
      });
      const replayed = messageOf(session, frameOf({ length: 100 }));
      const discarded = async () => (await sites.hq.pseudowire("lan")).discards["wrong-peer"] ?? 0;
      const already = await discarded();
      let sent = 0;
      try {
        // For longer than the silence that would be needed.
        for (const endMs = performance.now() + 6000; performance.now() < endMs; ) {
          for (let count = 0; count < 5; count += 1) attacker.send(replayed);
          sent += 5;
          await sites.answers(1);
        }
        await eventually("all are counted", async () => (await discarded()) === already + sent);
        expect(sent).toBeGreaterThan(60);
        const after = await sites.tunnel();
        expect([after.remote, after.pathMoves]).toEqual([before.remote, before.pathMoves]);
        expect(await sites.answers(5)).toBeLessThan(3000);
      } finally {
        await router.ip("addr del 198.51.100.9/24 dev outer");
      }
    },
  );
});
