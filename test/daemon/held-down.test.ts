import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { Circuits } from "../../src/daemon/circuits.ts";
import type { Log } from "../../src/daemon/log.ts";
import { PlaneStack } from "../../src/forwarding/stack.ts";
import type { Links } from "../../src/os/links.ts";
import { FakePlane } from "../support/fake-plane.ts";
import { sessionParameters } from "../support/sessions.ts";

/**
 * What becomes of an interface with `follow_peer: link-down` from one daemon to the next. It is switched off
 * while no session says that there is a circuit at the other end; so after a crash it stays off until one
 * does, unless the configuration no longer asks for that, and a daemon that stops gives it back.
 */

/** No other test or daemon has a circuit on it. */
const DEVICE = `wsd${process.pid}`;
/** That of the interface, as the plane of these tests says it. */
const INDEX = 5;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-held-down-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function configOf(circuit: string): Config {
  const tunnel = `local: 192.0.2.1, remote: 192.0.2.2, pseudowires: { p: { circuit: { ${circuit} } } }`;
  const text = `lcce: { host_name: west }\ntunnels: { t: { ${tunnel} } }\n`;
  const { config } = parseConfig(text, "test.yaml", { hostName: "west" });
  if (config === undefined) throw new Error("no configuration");
  return config;
}

const own = `interface: ${DEVICE}, allow_host_use: true`;
/** TABLE: configurations of a daemon by what they have of the interface. */
const configs = {
  same: configOf(`${own}, follow_peer: link-down`),
  "that follows nobody": configOf(own),
  "without the interface": configOf(`tap: ${DEVICE}t`),
} as const;
type ConfigName = keyof typeof configs;

/** TABLE: what a daemon hears of the other end. */
const peers = ["its tunnel waits", "silent", "its circuit is down", "its circuit is up"] as const;
type Peer = (typeof peers)[number];

/** The interface, which outlives daemons. */
class Interface {
  isOn = true;
  /** To what it was switched, in order. */
  readonly switched: boolean[] = [];
}

/** A daemon's circuits on a plane that forwards nothing, with what it heard of the other end. */
class TestDaemon {
  readonly circuits: Circuits;
  readonly log: string[] = [];
  #config: Config;
  readonly #interface: Interface;

  constructor(name: ConfigName, device: Interface) {
    this.#config = configs[name];
    this.#interface = device;
    const stack = new PlaneStack([], new FakePlane("userspace"), { failed: () => undefined });
    const state = { name: DEVICE, index: INDEX, mtu: 1500, kind: undefined, master: undefined };
    const links = {
      get: (name: string) =>
        name === DEVICE
          ? { ...state, up: device.isOn, isOn: device.isOn }
          : { ...state, name, up: true, isOn: true },
      setUp: async (name: string, on: boolean) => {
        if (name !== DEVICE) return;
        device.isOn = on;
        device.switched.push(on);
      },
      setCarrier: async () => undefined,
      watch: () => undefined,
      isPort: () => false,
      reread: async () => undefined,
      readOne: () => undefined,
    };
    const write = (_: unknown, text: string) => void this.log.push(text);
    const log = { info: write, warn: write, error: write } as unknown as Log;
    this.circuits = new Circuits(stack, links as unknown as Links, log, {
      input: () => undefined,
      forwardingFailed: (_, problem) => write(_, problem),
      controlSocket: join(folder, "sock"),
      lockCircuit: () => ({ lock: { [Symbol.dispose]: () => undefined } }),
      locationOf: () => undefined,
      hostUse: async () => undefined,
    });
  }

  get #pseudowire() {
    return this.#config.tunnels[0]!.pseudowires[0]!;
  }

  async start(peer: Peer): Promise<void> {
    await this.circuits.configure(this.#config);
    await this.hears(peer);
    await this.circuits.settle();
  }

  /** The tunnel opens, unless it waits, and the peer is heard, unless it is silent. */
  async hears(peer: Peer): Promise<void> {
    if (peer === "its tunnel waits") return;
    await this.circuits.attach(this.#pseudowire);
    if (peer === "silent") return;
    const remoteCircuitActive = peer === "its circuit is up";
    const session = { ...sessionParameters({ localSessionId: 7, remoteCircuitActive }), pseudowire: "p" };
    this.circuits.update(session);
    await this.circuits.idle();
  }

  /** The tunnel, which was open, is another one by a reload, and waits. */
  async reloads(name: ConfigName): Promise<void> {
    const former = this.#pseudowire;
    this.#config = configs[name];
    await this.circuits.configure(this.#config);
    this.circuits.remove(7);
    await this.circuits.detach(former);
    await this.circuits.closeUnused();
    await this.circuits.settle();
  }

  async becomes(isOn: boolean): Promise<void> {
    await expect.poll(() => this.#interface.isOn).toBe(isOn);
  }

  crash(): void {
    this.circuits.close();
  }

  async stop(): Promise<void> {
    await this.circuits.release();
    this.circuits.close();
  }
}

const record = () => existsSync(join(folder, "sock.down"));

const ends = ["is killed", "stops"] as const;
const cases = ends.flatMap((end) =>
  (Object.keys(configs) as ConfigName[]).flatMap((config) =>
    peers.map((peer) => [end, config, peer] as const),
  ),
);

describe("a daemon switches an interface off, as the circuit at the other end is down", () => {
  test.each(cases)(
    "it %s; the next one has a configuration %s, and of the peer: %s",
    async (end, config, peer) => {
      const device = new Interface();
      const first = new TestDaemon("same", device);
      await first.start("its circuit is down");
      await first.becomes(false);
      expect(record()).toBe(true);
      if (end === "is killed") first.crash();
      else await first.stop();
      expect([device.isOn, record()]).toEqual(end === "is killed" ? [false, true] : [true, false]);

      device.switched.length = 0;
      const next = new TestDaemon(config, device);
      await next.start(peer);
      const follows = config === "same";
      const isOn =
        !follows || peer === "its circuit is up" || (end === "stops" && peer === "its tunnel waits");
      await next.becomes(isOn);
      // Never on and off again in between.
      expect(device.switched.length, `${device.switched}`).toBeLessThanOrEqual(1);
      expect(record()).toBe(!isOn);
      const wasHeld = end === "is killed" && peer === "its tunnel waits";
      const told = next.log.filter((line) => line.includes("a former daemon"));
      expect(told.join()).toMatch(
        wasHeld && follows
          ? /stays switched off/
          : end === "is killed" && !follows
            ? /switched on again/
            : /^$/,
      );

      // A tunnel that waited opens, and its peer's circuit is down, then up.
      if (follows) {
        if (peer === "its tunnel waits" && end === "is killed") {
          await next.hears("silent");
          await next.circuits.idle();
          expect(device.switched).toEqual([]);
        }
        for (const there of ["its circuit is down", "its circuit is up", "its circuit is down"] as const) {
          await next.hears(there);
          await next.becomes(there === "its circuit is up");
        }
      }
      await next.stop();
      expect([device.isOn, record()]).toEqual([true, false]);
    },
  );

  test.each([
    ["same", false],
    ["that follows nobody", true],
    ["without the interface", true],
  ] as const)("a reload to a configuration %s, whose tunnel waits: it is on: %s", async (config, isOn) => {
    const device = new Interface();
    const daemon = new TestDaemon("same", device);
    await daemon.start("its circuit is down");
    await daemon.becomes(false);
    device.switched.length = 0;
    await daemon.reloads(config);
    expect([device.isOn, record()]).toEqual([isOn, !isOn]);
    expect(device.switched).toEqual(isOn ? [true] : []);
    if (config === "same") {
      await daemon.hears("its circuit is up");
      await daemon.becomes(true);
    }
    await daemon.stop();
    expect([device.isOn, record()]).toEqual([true, false]);
  });

  test("one that stops while its tunnel waits gives back what a former daemon switched off", async () => {
    const device = new Interface();
    const first = new TestDaemon("same", device);
    await first.start("its circuit is down");
    await first.becomes(false);
    first.crash();
    const next = new TestDaemon("same", device);
    await next.start("its tunnel waits");
    expect(device.isOn).toBe(false);
    await next.stop();
    expect([device.isOn, record()]).toEqual([true, false]);
  });
});
