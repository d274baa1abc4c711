import { describe, expect, test } from "vitest";
import { eventually, Lab, MAIN, output, planes } from "../support/lab.ts";

/** What became of the pseudowire of a site by its events, the oldest first. */
async function ups(lab: Lab, site: string): Promise<readonly string[]> {
  const socket = `/run/wirespan-${site}.sock`;
  const words = ["events", "--json", "--socket", socket];
  const { stdout } = await lab.exec(`lcce-${site}`, process.execPath, MAIN, ...words);
  const events = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  return events.filter(({ event }) => /^pseudowire-(up|down)$/.test(event)).map(({ text }) => text);
}

/** What the log says of a pseudowire, without its name, and for how long it was so. */
function wordsOf(line: string): string {
  const [words = ""] = line.replace(/^pseudowire lan of tunnel \S+ is /, "").split(/, was down | \(was up /);
  return words;
}

/** Starts the daemon of a site again, as an init system would. */
function restart(lab: Lab, site: string): ReturnType<Lab["spawn"]> {
  return lab.spawn(`lcce-${site}`, process.execPath, MAIN, "run", "-c", `/run/wirespan-${site}.yaml`);
}

const cases = [
  ["point-to-point", "ebpf"],
  ["ip115", "userspace"],
] as const;

describe.each(cases)("recovery in %s, plane %s", (topology, plane) => {
  test("a daemon that was killed and started again carries traffic again by itself", async () => {
    await using lab = await Lab.up(topology, plane);
    await lab.reached("a10", "10.0.0.13");
    const before = await lab.pseudowire("b", "lan");
    const { pid } = await lab.status("a");
    expect((await lab.shell("lcce-a", `kill -9 ${pid}`)).status).toBe(0);
    const daemon = restart(lab, "a");
    const startedMs = performance.now();
    // Programs in the kernel go on with the session of before until then.
    await eventually("another session is up", async () => {
      const { state, localSessionId } = await lab.pseudowire("b", "lan");
      return state === "established" && localSessionId !== before.localSessionId;
    });
    await lab.reached("a10", "10.0.0.13");
    const tookMs = Math.round(performance.now() - startedMs);
    console.log(`${topology}, ${plane}: traffic resumed ${tookMs} ms after the start of the killed daemon`);
    daemon.kill();
  });

  test("SIGTERM closes the tunnel: the peer knows at once, and why", async () => {
    await using lab = await Lab.up(topology, plane);
    const { pid } = await lab.status("a");
    expect((await lab.shell("lcce-a", `kill -TERM ${pid}`)).status).toBe(0);
    await eventually(
      "b has heard of it",
      async () => (await lab.pseudowire("b", "lan")).state !== "established",
      5000,
    );
    const { controlConnections } = await lab.status("b");
    expect(controlConnections[0]?.whyNot).toMatch(/out of service|shut|result 6/i);
    const isGone = async () => (await lab.shell("lcce-a", `kill -0 ${pid}`)).status !== 0;
    await eventually("the daemon is gone", isGone, 10_000);
    const daemon = restart(lab, "a");
    await eventually("hosts reach each other again", () => lab.reaches("a10", "10.0.0.13"));
    daemon.kill();
  });
});

describe.each(planes)("attachment circuits, plane %s", (plane) => {
  test("RFC 3931 §5.4.5: the peer learns that a circuit goes down, and sends no frames to it", async () => {
    await using lab = await Lab.up("point-to-point", plane);
    await lab.reached("a10", "10.0.0.13");
    await lab.exec("lcce-b", "ip", "link", "set", "trunk", "down");
    await eventually(
      "a knows",
      async () => (await lab.pseudowire("a", "lan")).remoteCircuit?.startsWith("down") === true,
    );
    expect(await lab.reaches("a10", "10.0.0.13")).toBe(false);
    const held = await lab.pseudowire("a", "lan");
    expect(held.state).toBe("established");
    expect(held.whyNot).toContain("other end is down");
    expect(held.discards["not-established"]).toBeGreaterThan(0);
    await lab.exec("lcce-b", "ip", "link", "set", "trunk", "up");
    await eventually("hosts reach each other again", () => lab.reaches("a10", "10.0.0.13"));
    const lines = (await Promise.all(["a", "b"].map((site) => ups(lab, site)))).map((all) => all.slice(-3));
    expect(lines.map((all) => all.map((line) => wordsOf(line)))).toEqual([
      ["up", "down: the attachment circuit at the other end is down", "up"],
      ["up", "down: attachment circuit: trunk is down", "up"],
    ]);
  });

  test("an interface that is removed and made anew is attached again", async () => {
    await using lab = await Lab.up("point-to-point", plane);
    await lab.exec("lcce-b", "ip", "link", "delete", "trunk");
    await eventually(
      "b says so",
      async () => (await lab.pseudowire("b", "lan")).whyNot?.includes("waiting for interface trunk") === true,
    );
    await lab.exec("lcce-b", "ip", "link", "add", "trunk", "type", "veth", "peer", "name", "other");
    await lab.exec("lcce-b", "ip", "link", "set", "other", "up");
    await lab.exec("lcce-b", "ip", "link", "set", "trunk", "up");
    await eventually(
      "b's circuit is up",
      async () => (await lab.pseudowire("b", "lan")).localCircuit === "up",
    );
    const sniffer = lab.spawn("lcce-b", "tcpdump", "-i", "other", "-c1", "-l", "arp");
    const heard = output(sniffer);
    await eventually("a frame of a arrives at b's new interface", async () => {
      await lab.exec("a10", "ping", "-q", "-c1", "-W1", "10.0.0.99");
      return sniffer.exitCode !== null;
    });
    expect(await heard).toContain("ARP");
  });
});
