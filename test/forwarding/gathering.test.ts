import { afterEach, beforeEach, expect, test } from "vitest";
import { Arena, RECEIVE_BATCH } from "../../src/forwarding/userspace/arena.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import type { WorkerEndpoint } from "../../src/forwarding/userspace/commands.ts";
import { PsnReceiver } from "../../src/forwarding/userspace/psn-receiver.ts";
import { CELLS_A_SESSION } from "../../src/forwarding/userspace/session-record.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { addressOf, close, linux, poll, setsockopt } from "../../src/os/libc.ts";
import { openPsnSocket, type PsnSocket, sendDatagram } from "../../src/os/sockets.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { naiveSegments, type PacketShape, plainPacket } from "../support/packets.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

/** Datagrams of 127.0.0.1 as a peer sends them, one at a time or as one send that the kernel cuts, and the side that reads them. */
class Ground {
  readonly kernel: FakeKernel;
  readonly #peer = this.#open();
  readonly #own = this.#open();
  readonly #side: PsnReceiver;
  readonly #path;

  constructor() {
    const arena = new Arena();
    const tables = new Tables(arena);
    this.kernel = new FakeKernel(arena);
    this.#path = {
      encapsulation: "udp",
      localAddress: "127.0.0.1",
      localPort: this.#own.port,
      remoteAddress: "127.0.0.1",
      remotePort: this.#peer.port,
    } as const;
    tables.openCircuit({ fd: 9, readFd: 9, kind: "interface", name: "eth1", sendsBy: "eth1" });
    tables.addSession(
      1,
      this.#own.fd,
      sessionParameters({ localSessionId: 1, path: this.#path }),
      attachment(),
    );
    const charges = new CounterWriter(new SharedArrayBuffer(2 * CELLS_A_SESSION * 8));
    const outlet = new CircuitSender(arena, charges, this.kernel);
    this.#side = new PsnReceiver(
      arena,
      tables,
      charges,
      outlet,
      () => undefined,
      () => undefined,
    );
  }

  /** Sends frames as data messages, of so many octets in one send or 0 for one each, then reads what waits; says whether more are worth a pause. */
  exchange(frames: readonly Uint8Array[], messageOctets = 0): boolean {
    const messages = frames.map((frame) =>
      encodeDataMessage("udp", { sessionId: 1, cookie: new Uint8Array(0) }, frame),
    );
    const size = new Int32Array([messageOctets]);
    setsockopt(this.#peer.fd, linux.SOL_UDP, linux.UDP_SEGMENT, addressOf(new Uint8Array(size.buffer)), 4);
    const to = { ...this.#path, remotePort: this.#own.port };
    for (const octets of messageOctets === 0 ? messages : [Buffer.concat(messages)])
      expect(sendDatagram(this.#peer.fd, octets, to)).toBeUndefined();
    const waiting = new Int32Array([this.#own.fd, linux.POLLIN]);
    expect(poll(addressOf(new Uint8Array(waiting.buffer)), 1, 10_000)).toBe(1);
    return this.#side.serve(this.#endpoint());
  }

  [Symbol.dispose](): void {
    close(this.#peer.fd);
    close(this.#own.fd);
  }

  #endpoint(): WorkerEndpoint {
    const { fd, port, takesSegments } = this.#own;
    const isV6 = false;
    return { fd, isV6, encapsulation: "udp", address: "127.0.0.1", port, takesSegments, trafficClass: 0 };
  }

  #open(): PsnSocket {
    const address = "127.0.0.1";
    return openPsnSocket({ encapsulation: "udp", address, port: 0, fragmentation: "none", checksum: "auto" });
  }
}

const flow = (segments: number): PacketShape => ({
  ...plainPacket,
  payload: new SeededRandom(3).octets(1000 * segments),
});
const cut = (segments: number) => naiveSegments(flow(segments), 1000);

let ground: Ground;
beforeEach(() => {
  ground = new Ground();
});
afterEach(() => ground[Symbol.dispose]());

test("bulk data that comes one datagram at a time is worth a pause", () => {
  expect(ground.exchange(cut(4))).toBe(true);
  expect(ground.kernel.messages).toBe(1);
});

test("a frame by itself, and frames that do not belong together, are not", () => {
  expect(ground.exchange(cut(1))).toBe(false);
  const [first, , third] = cut(3);
  expect(ground.exchange([third!, first!])).toBe(false);
  expect(ground.kernel.messages).toBe(3);
});

test("a whole batch is not: more waits already", () => {
  expect(ground.exchange(cut(RECEIVE_BATCH * 4))).toBe(false);
});

test("what the kernel has joined is not: the next will be as long", () => {
  expect(ground.exchange(cut(4), cut(1)[0]!.length + 8)).toBe(false);
  expect(ground.kernel.messages).toBe(1);
});
