import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import type { Effect, Input } from "../../src/control/effects.ts";
import { Lcce } from "../../src/control/lcce.ts";
import { limits, type PeerSettings } from "../../src/control/settings.ts";
import { monotonicClock } from "../../src/os/clock.ts";
import { cryptoRandom } from "../../src/os/random.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";

/**
 * Branch offices as a program: the control plane of many LCCEs, each with a socket of its own, that call one
 * hub. A daemon each would take more memory than the machine has. Prints "up" once all have a session.
 */

/** One branch: its name, its secret, and where its socket is bound. */
export interface Branch {
  readonly name: string;
  readonly secret: string;
  readonly address: string;
}

const PORT = 1701;

function settingsOf({ name, secret }: Branch, path: PsnPath): PeerSettings {
  return {
    name,
    path,
    role: "initiator",
    authentication: {
      mode: "digest",
      digestType: "hmac-md5",
      secrets: [new TextEncoder().encode(secret)],
      hideAvps: false,
    },
    delivery: { initialMs: 1000, capMs: 8000, limit: 10, silenceMs: 24_000, receiveWindowSize: 64 },
    helloIntervalMs: 5000,
    roaming: "control",
    natKeepaliveMs: limits.natKeepaliveMs,
    reconnectInitialMs: 1000,
    reconnectCapMs: 30_000,
  };
}

class RunningBranch {
  readonly #lcce: Lcce;
  readonly #socket: Socket;
  readonly #up: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(branch: Branch, routerId: number, hub: string, up: () => void) {
    this.#up = up;
    this.#lcce = new Lcce({ hostName: branch.name, routerId, vendorName: "Wirespan" }, cryptoRandom);
    this.#socket = createSocket("udp4");
    const ends = { localAddress: branch.address, localPort: PORT, remoteAddress: hub, remotePort: PORT };
    const path: PsnPath = { encapsulation: "udp", ...ends };
    // A Buffer shares its memory with its slices, which the control plane takes for copies.
    this.#socket.on("message", (buffer, { address, port }) =>
      this.#input({
        kind: "datagram",
        path: { ...path, remoteAddress: address, remotePort: port },
        octets: new Uint8Array(buffer),
      }),
    );
    this.#socket.bind(PORT, branch.address, () => {
      this.#input({ kind: "open-connection", peer: settingsOf(branch, path) });
      const remoteEndId = new TextEncoder().encode(branch.name);
      this.#input({
        kind: "open-session",
        peer: branch.name,
        pseudowire: {
          ...{ name: branch.name, type: "ethernet", remoteEndId, cookieOctets: 8 },
          ...{ sublayer: "none", sequencing: "none" },
        },
        circuitActive: true,
      });
    });
  }

  #input(input: Input): void {
    this.#perform(this.#lcce.handle(input, monotonicClock.nowMs()));
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "transmit")
        this.#socket.send(effect.octets, effect.path.remotePort, effect.path.remoteAddress);
      if (effect.kind === "forwarding-add") this.#up();
    }
    clearTimeout(this.#timer);
    const { deadlineMs } = this.#lcce;
    if (deadlineMs === undefined) return;
    const waitMs = Math.max(0, Math.ceil(deadlineMs - monotonicClock.nowMs()));
    this.#timer = setTimeout(() => this.#perform(this.#lcce.expire(monotonicClock.nowMs())), waitMs);
  }
}

const [file, hub = ""] = process.argv.slice(2);
if (file !== undefined) {
  const branches = JSON.parse(readFileSync(file, "utf8")) as readonly Branch[];
  let waiting = branches.length;
  const up = (): void => {
    waiting -= 1;
    if (waiting === 0) process.stdout.write("up\n");
  };
  for (const [index, branch] of branches.entries()) new RunningBranch(branch, index + 1, hub, up);
}
