/**
 * Two LCCEs without a network: each one's datagrams are the other one's inputs, and the time is a number.
 * They bring up a control connection and a session, carry a frame, and close both; every message is printed
 * by its name.
 *
 * Run it with `node examples/two-lcces-in-memory.ts` (Node 22.18 or later). In a program of your own, import
 * from "wirespan".
 */
import { randomBytes } from "node:crypto";
import {
  type AttachmentCircuit,
  decapsulate,
  decodeControlMessage,
  type Effect,
  encapsulate,
  type Input,
  Lcce,
  newSequenceState,
  type PeerSettings,
  type PseudowireSettings,
  type PsnPath,
  type Random,
  type SessionParameters,
} from "../src/index.ts";

type Print = (line: string) => void;

/** One office: its LCCE, where it is, and the sessions that its effects have set up. */
class Office {
  readonly name: string;
  readonly address: string;
  readonly lcce: Lcce;
  session: SessionParameters | undefined;

  constructor(name: string, address: string, routerId: number, random: Random) {
    this.name = name;
    this.address = address;
    this.lcce = new Lcce({ hostName: name, routerId, vendorName: "example" }, random);
  }

  pathTo(other: Office): PsnPath {
    return {
      encapsulation: "udp",
      localAddress: this.address,
      localPort: 1701,
      remoteAddress: other.address,
      remotePort: 1701,
    };
  }
}

/** What connects two offices, and their clock. */
class Wire {
  readonly #offices: readonly [Office, Office];
  readonly #print: Print;
  #nowMs = 0;
  #underway: { readonly to: Office; readonly from: Office; readonly octets: Uint8Array }[] = [];

  constructor(offices: readonly [Office, Office], print: Print) {
    this.#offices = offices;
    this.#print = print;
  }

  input(office: Office, input: Input): void {
    this.#perform(office, office.lcce.handle(input, this.#nowMs));
  }

  /** Lets time pass from one thing to the next, until `done` or nothing is left to happen. */
  runUntil(done: () => boolean): void {
    while (!done()) {
      const arrived = this.#underway.shift();
      if (arrived !== undefined) {
        const { to, from, octets } = arrived;
        this.#nowMs += 5;
        this.input(to, { kind: "datagram", path: to.pathTo(from), octets });
        continue;
      }
      const deadlines = this.#offices.map(({ lcce }) => lcce.deadlineMs).filter((atMs) => atMs !== undefined);
      if (deadlines.length === 0) return;
      this.#nowMs = Math.max(this.#nowMs, Math.min(...deadlines));
      for (const office of this.#offices) this.#perform(office, office.lcce.expire(this.#nowMs));
    }
  }

  /**
   * Effects are to be performed in order. A daemon has sockets and a forwarding plane for this; here it is
   * two variables.
   */
  #perform(office: Office, effects: readonly Effect[]): void {
    const other = this.#offices[0] === office ? this.#offices[1] : this.#offices[0];
    for (const effect of effects) {
      if (effect.kind === "transmit") {
        this.#print(
          `${String(this.#nowMs).padStart(5)} ms  ${office.name} -> ${other.name}  ${nameOf(effect.octets)}`,
        );
        this.#underway.push({ to: other, from: office, octets: effect.octets });
      }
      if (effect.kind === "forwarding-add" || effect.kind === "forwarding-update")
        office.session = effect.session;
      if (effect.kind === "forwarding-remove") office.session = undefined;
    }
  }
}

function nameOf(octets: Uint8Array): string {
  const decoded = decodeControlMessage(octets);
  if (decoded.kind === "message") return decoded.message.name;
  return decoded.kind === "zlb" ? "ZLB (an acknowledgement)" : `message type ${decoded.messageType}`;
}

function peerAt(path: PsnPath, name: string): PeerSettings {
  const secret = new TextEncoder().encode("not in a file of yours");
  return {
    name,
    path,
    role: "either",
    authentication: { mode: "digest", digestType: "hmac-sha1", secrets: [secret], hideAvps: false },
    delivery: { initialMs: 1000, capMs: 8000, limit: 10, receiveWindowSize: 8 },
    helloIntervalMs: 60_000,
    roaming: "control",
    reconnectInitialMs: 1000,
    reconnectCapMs: 60_000,
  };
}

const pseudowire: PseudowireSettings = {
  name: "lan",
  type: "ethernet",
  remoteEndId: new TextEncoder().encode("lan"),
  cookieOctets: 8,
  sublayer: "none",
  sequencing: "none",
};

const port: AttachmentCircuit = { device: "eth1", linkLocal: "forward", dscp: 0, mtu: 1500 };

/** Octets that nobody can predict: cookies and nonces rest on them. A test hands in others. */
const unpredictable: Random = { octets: (length) => new Uint8Array(randomBytes(length)) };

export function main(print: Print, random: Random = unpredictable): void {
  const north = new Office("north", "192.0.2.1", 1, random);
  const south = new Office("south", "192.0.2.2", 2, random);
  const wire = new Wire([north, south], print);

  for (const [office, other] of [
    [north, south],
    [south, north],
  ] as const) {
    wire.input(office, { kind: "open-connection", peer: peerAt(office.pathTo(other), other.name) });
    wire.input(office, { kind: "open-session", peer: other.name, pseudowire, circuitActive: true });
  }
  wire.runUntil(() => north.session !== undefined && south.session !== undefined);
  for (const { name, lcce } of [north, south]) {
    const { connections, pseudowires } = lcce.snapshot();
    print(`${name}: control connection ${connections[0]?.state}, pseudowire ${pseudowires[0]?.state}`);
  }

  if (north.session === undefined || south.session === undefined) throw new Error("no session came about");
  const frame = new Uint8Array(64).fill(0xff, 0, 6);
  const message = encapsulate(frame, north.session, port, newSequenceState());
  if (typeof message === "string") throw new Error(message);
  const delivered = decapsulate(message, south.session, port, newSequenceState());
  print(`a frame of ${frame.length} octets went as ${message.length} and arrived as ${delivered.length}`);

  for (const [office, other] of [
    [north, south],
    [south, north],
  ] as const) {
    wire.input(office, { kind: "close-connection", peer: other.name, resultCode: 1 });
  }
  wire.runUntil(() => north.lcce.hasNoConnections && south.lcce.hasNoConnections);
  print("both are silent");
}

if (process.argv[1] === import.meta.filename) main(console.log);
