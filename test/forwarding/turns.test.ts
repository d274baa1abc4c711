import { afterEach, beforeEach, expect, test } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { discardIndex } from "../../src/forwarding/discard-reasons.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { CircuitReceiver } from "../../src/forwarding/userspace/circuit-receiver.ts";
import { PsnSender } from "../../src/forwarding/userspace/psn-sender.ts";
import { counterCells } from "../../src/forwarding/userspace/session-record.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { TooBigAnswers } from "../../src/forwarding/userspace/too-big-answers.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { close } from "../../src/os/libc.ts";
import { openPsnSocket, sendDatagram } from "../../src/os/sockets.ts";
import { FakeKernel, type Refuse } from "../support/fake-kernel.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { packetOf, plainPacket } from "../support/packets.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

const SEGMENT_OCTETS = 8;
const SEGMENTS = 2500;
const MOST_SENT = 4096;

/**
 * A datagram socket of 127.0.0.1 stands for a circuit's: it is read by the same call, with virtio-net headers
 * in front of frames.
 */
const open = () =>
  openPsnSocket({
    encapsulation: "udp",
    address: "127.0.0.1",
    port: 0,
    fragmentation: "outer",
    checksum: "auto",
    coalesces: false,
  });

let sockets: readonly ReturnType<typeof open>[];
beforeEach(() => {
  sockets = [open(), open()];
});
afterEach(() => {
  for (const { fd } of sockets) close(fd);
});

/** A GSO packet of thousands of segments, as only a host on this machine can send it. */
const tinySegments = (): Uint8Array => gsoPacket(SEGMENTS * SEGMENT_OCTETS, SEGMENT_OCTETS);

/** `host` tells its sender from others. */
function gsoPacket(payloadOctets: number, segmentOctets: number, host = 0): Uint8Array {
  const { frame, transport } = packetOf({ ...plainPacket, payload: new Uint8Array(payloadOctets) });
  if (host > 0) {
    const ip = new DataView(frame.buffer, 14, 20);
    ip.setUint16(14, host);
    ip.setUint16(10, 0);
    ip.setUint16(10, naiveChecksum(frame.subarray(14, 34)));
  }
  const header = new DataView(new ArrayBuffer(10));
  header.setUint8(0, 1);
  header.setUint8(1, 1);
  header.setUint16(4, segmentOctets, true);
  header.setUint16(6, transport, true);
  header.setUint16(8, 16, true);
  return concat(new Uint8Array(header.buffer), frame);
}

/** The receiver of a circuit with one session, its counters, and a function that sends the circuit frames. */
function circuitReceiver(changes: Parameters<typeof attachment>[0] = {}, refuse?: Refuse) {
  const [circuit, host] = sockets as [ReturnType<typeof open>, ReturnType<typeof open>];
  const arena = new Arena();
  const tables = new Tables(arena);
  const kernel = new FakeKernel(arena, refuse);
  const counters = new SharedArrayBuffer(2 * CELLS_A_SESSION * 8);
  const counterWriter = new CounterWriter(counters);
  const receiver = new CircuitReceiver(
    arena,
    counterWriter,
    new PsnSender(arena, counterWriter, kernel),
    new TooBigAnswers(arena, counterWriter, kernel),
  );
  const opened = tables.openCircuit({
    fd: circuit.fd,
    readFd: circuit.fd,
    kind: "interface",
    name: "eth1",
    sendsBy: "eth1",
  });
  tables.addSession(1, 3, sessionParameters({ localSessionId: 1 }), attachment(changes));
  tables.bindCircuit(1);
  const path = {
    encapsulation: "udp",
    localAddress: "127.0.0.1",
    localPort: host.port,
    remoteAddress: "127.0.0.1",
    remotePort: circuit.port,
  } as const;
  const cells = new Float64Array(counters).subarray(CELLS_A_SESSION);
  const send = (octets: Uint8Array) => sendDatagram(host.fd, octets, path);
  return { arena, tables, kernel, receiver, opened, cells, send };
}

test.each([
  ["the pseudowire takes", "oversize", { mtu: 1000 }],
  ["the path takes whole", "path-mtu", { pathMtuOctets: 1100 }],
] as const)(
  "each segment longer than %s is counted as %s, and a shorter last one is sent",
  (_, reason, limit) => {
    const { tables, receiver, opened, cells, send } = circuitReceiver(limit);
    const endpoint = {
      encapsulation: "udp",
      address: "127.0.0.1",
      port: 1701,
      fragmentation: "none",
    } as const;
    tables.endpoints.set(3, { ...endpoint, fd: 3, isV6: false, takesSegments: true, trafficClass: 0 });
    tables.updateSession(3, sessionParameters({ localSessionId: 1 }), attachment(limit));
    for (const [payload, sent, given] of [
      [3 * 1460 + 10, 1, 3],
      [3 * 1460, 0, 3],
      [1460, 0, 1],
    ] as const) {
      cells.fill(0);
      expect(send(gsoPacket(payload, 1460))).toBeUndefined();
      receiver.serve(opened);
      expect(cells[counterCells.transmittedFrames], `${payload} octets`).toBe(sent);
      expect(cells[counterCells.discards + discardIndex[reason]], `${payload} octets`).toBe(given);
    }
  },
);

test("RFC 1191 §4: segments that are too long are answered once, and a shorter last one is sent", () => {
  const changes = { packetTooBig: "answer", wholeFrameOctets: 1294 } as const;
  for (const [limit, told] of [
    [changes, 1280],
    [{ ...changes, mtu: 1000 }, 1000],
  ] as const) {
    const { receiver, opened, cells, send, kernel } = circuitReceiver(limit);
    const count = (cell: number) => cells[cell] ?? 0;
    for (const [payload, long, short] of [
      [3 * 1460 + 10, 3, 1],
      [3 * 1460, 3, 0],
      [1460, 1, 0],
    ] as const) {
      for (const answered of [true, false]) {
        cells.fill(0);
        kernel.departed.length = 0;
        // Another sender each time, or the rate of the pair would be over.
        expect(send(gsoPacket(payload, 1460, payload))).toBeUndefined();
        receiver.serve(opened);
        const isDropped = answered || told === 1000;
        const what = `${told}: ${payload} octets, answered: ${answered}`;
        expect(count(counterCells.transmittedFrames), what).toBe(short + (isDropped ? 0 : long));
        expect(count(counterCells.transmittedUnanswered), what).toBe(answered ? 0 : long);
        const discards = (["too-big-answered", "oversize"] as const).map((reason) =>
          count(counterCells.discards + discardIndex[reason]),
        );
        expect(discards, what).toEqual(answered ? [long, 0] : [0, told === 1000 ? long : 0]);
        const answers = kernel.departed.filter(({ name }) => name === "");
        expect(answers.length, what).toBe(answered ? 1 : 0);
        if (!answered) continue;
        const [{ octets }] = answers as [(typeof answers)[number]];
        const packet = octets.subarray(10 + 14);
        expect([packet[20], packet[21], packet[26]! * 256 + packet[27]!]).toEqual([3, 4, told]);
        // What is quoted is the first segment as it would have left, with its own length.
        expect(packet[28 + 2]! * 256 + packet[28 + 3]!, what).toBe(1500);
        expect(naiveChecksum(packet.subarray(28, 48)), what).toBe(0);
        expect(naiveChecksum(packet.subarray(20)), what).toBe(0);
      }
    }
  }
});

test("a circuit that takes no answer: the frame is treated as ever, and counted as unanswered", () => {
  const { receiver, opened, cells, send } = circuitReceiver(
    { packetTooBig: "answer", mtu: 1000 },
    (octets) => (octets.length < 1000 ? 11 : 0),
  );
  expect(send(gsoPacket(3 * 1460, 1460))).toBeUndefined();
  receiver.serve(opened);
  expect(cells[counterCells.transmittedUnanswered]).toBe(3);
  expect(cells[counterCells.discards + discardIndex.oversize]).toBe(3);
  expect(cells[counterCells.discards + discardIndex["too-big-answered"]]).toBe(0);
});

test("a turn ends after a number of sent frames; the others wait, and none is lost", () => {
  const { arena, tables, kernel, receiver, opened, cells, send } = circuitReceiver();
  for (let frame = 0; frame < 6; frame += 1) expect(send(tinySegments())).toBeUndefined();
  const passed = () => cells[counterCells.transmittedFrames]!;
  receiver.serve(opened);
  let before = 0;
  let turns = 1;
  while (receiver.hasWaiting) {
    expect(passed() - before).toBeLessThan(MOST_SENT + SEGMENTS);
    expect(kernel.departed.length).toBe(passed());
    before = passed();
    receiver.serve(opened);
    expect(passed()).toBe(before);
    receiver.resume();
    turns += 1;
  }
  expect(passed()).toBe(6 * SEGMENTS);
  expect(turns).toBe(3);
  arena.checkGuards();
  // When the circuit is closed meanwhile, waiting frames are lost.
  for (let frame = 0; frame < 6; frame += 1) send(tinySegments());
  receiver.serve(opened);
  tables.closeCircuit("eth1");
  while (receiver.hasWaiting) receiver.resume();
  expect(passed()).toBe(8 * SEGMENTS);
});
