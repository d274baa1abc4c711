import { afterEach, beforeEach, expect, test } from "vitest";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { Arena, RECEIVE_BATCH } from "../../src/forwarding/userspace/arena.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import type { WorkerEndpoint } from "../../src/forwarding/userspace/commands.ts";
import { PsnReceiver } from "../../src/forwarding/userspace/psn-receiver.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { addressOf, close, linux, poll, setsockopt } from "../../src/os/libc.ts";
import { openPsnSocket, type PsnSocket, sendDatagram } from "../../src/os/sockets.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { naiveSegments, type PacketShape, plainPacket } from "../support/packets.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

/**
 * A peer that sends datagrams to 127.0.0.1, singly or by one call that the kernel segments, and their
 * receiver.
 */
class TestBed {
  readonly kernel: FakeKernel;
  readonly #peer = this.#open();
  readonly #own = this.#open();
  readonly #receiver: PsnReceiver;
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
    const counterWriter = new CounterWriter(new SharedArrayBuffer(2 * CELLS_A_SESSION * 8));
    const sender = new CircuitSender(arena, counterWriter, this.kernel);
    this.#receiver = new PsnReceiver(
      arena,
      tables,
      counterWriter,
      sender,
      () => undefined,
      () => undefined,
      () => undefined,
    );
  }

  /**
   * Sends frames as data messages, one each or by one call in segments of `messageOctets`, and reads what
   * waits. Returns whether a pause for more is worth it.
   */
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
    return this.#receiver.serve(this.#endpoint());
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

const flow = (count: number): PacketShape => ({
  ...plainPacket,
  payload: new SeededRandom(3).octets(1000 * count),
});
const segments = (count: number) => naiveSegments(flow(count), 1000);

let testBed: TestBed;
beforeEach(() => {
  testBed = new TestBed();
});
afterEach(() => testBed[Symbol.dispose]());

test("bulk data in single datagrams is worth a pause for more", () => {
  expect(testBed.exchange(segments(4))).toBe(true);
  expect(testBed.kernel.messages).toBe(1);
});

test("a single frame, and frames that cannot be coalesced, are not worth a pause", () => {
  expect(testBed.exchange(segments(1))).toBe(false);
  const [first, , third] = segments(3);
  expect(testBed.exchange([third!, first!])).toBe(false);
  expect(testBed.kernel.messages).toBe(3);
});

test("a full batch is not worth a pause: more waits already", () => {
  expect(testBed.exchange(segments(RECEIVE_BATCH * 4))).toBe(false);
});

test("what the kernel has coalesced is not worth a pause: the next will be as long", () => {
  expect(testBed.exchange(segments(4), segments(1)[0]!.length + 8)).toBe(false);
  expect(testBed.kernel.messages).toBe(1);
});
