import { expect, test } from "vitest";
import { Delivery } from "../../src/control/delivery.ts";
import type { MessageCodec } from "../../src/control/delivery-messages.ts";
import type { DeliverySettings } from "../../src/control/settings.ts";
import type { ControlMessage } from "../../src/wire/message.ts";
import { anyMessage } from "../support/any-message.ts";
import { vectors } from "../vectors/vectors.ts";

/** Octets that tell what was asked for: the Ns, the Nr, and whether it is an acknowledgement. */
const codec: MessageCodec = {
  encode: (message, ns, nr) => Uint8Array.of(ns, nr, message === undefined ? 1 : 0),
  renumber: (octets, _message, nr) => Uint8Array.of(octets[0] ?? 0, nr, 0),
};
const hello: ControlMessage = { name: "HELLO", avps: {} };
const usual: DeliverySettings = { initialMs: 1000, capMs: 8000, limit: 10, receiveWindowSize: 4 };

function delivery(count = 0, settings: Partial<DeliverySettings> = {}): Delivery<string> {
  const made = new Delivery<string>(codec, { ...usual, ...settings });
  for (let index = 0; index < count; index += 1) made.send(hello);
  return made;
}

/** The Ns of each message that leaves now. */
function sent(made: Delivery<string>, nowMs = 0): readonly number[] {
  return made.flush(nowMs).map((octets) => octets[0] ?? -1);
}

function acknowledge(made: Delivery<string>, nr: number, nowMs = 0): void {
  expect(made.receive(0, nr, true, "", nowMs)).toBe("acknowledgement");
}

/** When a message that nobody acknowledges is sent, and when its sender gives up, in seconds. */
function lifeOf(made: Delivery<string>): { retransmit_at: number[]; give_up_at: number } {
  made.flush(0);
  const times: number[] = [];
  for (;;) {
    const nowMs = made.deadlineMs ?? 0;
    expect(made.expire(nowMs - 1)).toBe("idle");
    if (made.expire(nowMs) === "dead") return { retransmit_at: times, give_up_at: nowMs / 1000 };
    expect(sent(made, nowMs)).toEqual([0]);
    times.push(nowMs / 1000);
  }
}

test.each(vectors.arithmetic.retransmit)(
  "RFC 3931 §4.2: retransmissions double from 1 s to a cap of $cap s, $max_retransmissions times",
  ({ cap, max_retransmissions, retransmit_at, give_up_at }) => {
    const made = delivery(1, { capMs: cap * 1000, limit: max_retransmissions });
    expect(lifeOf(made)).toEqual({ retransmit_at, give_up_at });
    expect(made.retransmitted).toBe(max_retransmissions);
    expect([made.deadlineMs, made.expire(1e9)]).toEqual([undefined, "idle"]);
  },
);

test("RFC 3931 §4.2: the first retransmission is after a configured time; a change holds at once", () => {
  expect(lifeOf(delivery(1, { initialMs: 500, capMs: 700, limit: 3 }))).toEqual({
    retransmit_at: [0.5, 1.2, 1.9],
    give_up_at: 2.6,
  });
  const made = delivery(1);
  made.update({ ...usual, limit: 1 });
  expect(lifeOf(made)).toEqual({ retransmit_at: [1], give_up_at: 3 });
});

test("RFC 3931 §4.2: an acknowledgement restarts timer and backoff for the messages still in flight", () => {
  const made = delivery(4);
  sent(made);
  acknowledge(made, 1);
  expect(sent(made)).toEqual([1, 2]);
  made.expire(1000);
  expect(sent(made, 1000)).toEqual([1]);
  expect(made.deadlineMs).toBe(3000);
  acknowledge(made, 2, 1500);
  expect(sent(made, 1500)).toEqual([2, 3]);
  expect(made.deadlineMs).toBe(2500);
  acknowledge(made, 4, 1600);
  expect([made.deadlineMs, made.isIdle]).toEqual([undefined, true]);
});

test("RFC 3931 Appendix A: slow start, then one more a window; a retransmission starts anew", () => {
  const { window, log } = vectors.arithmetic.slow_start;
  const made = delivery(500);
  made.setPeerWindow(window);
  let nr = 0;
  let nowMs = 0;
  expect([made.window, sent(made).length]).toEqual([1, 1]);
  for (const { event, cwnd, ssthresh } of log) {
    if (event === "ack") acknowledge(made, ++nr, nowMs);
    else {
      nowMs = made.deadlineMs ?? 0;
      expect(made.expire(nowMs)).toBe("retransmit");
    }
    made.flush(nowMs);
    expect({ event, cwnd: made.window, ssthresh: made.slowStartThreshold }).toEqual({
      event,
      cwnd,
      ssthresh,
    });
  }
});

test("RFC 3931 §4.2: no more unacknowledged messages than the peer's Receive Window Size, or 4", () => {
  const made = delivery(100);
  for (let nr = 0; nr < 20; nr += 1) {
    if (nr > 0) acknowledge(made, nr);
    sent(made);
    expect(made.window).toBe(Math.min(nr + 1, 4));
  }
  const narrow = delivery(100);
  narrow.setPeerWindow(2);
  for (let nr = 0; nr < 20; nr += 1) {
    if (nr > 0) acknowledge(narrow, nr);
    const highest = sent(narrow).at(-1) ?? 0;
    expect(highest - nr).toBeLessThan(2);
  }
});

test("RFC 3931 §4.2: Ns grows by 1 modulo 65536, and messages below the received Nr leave the queue", () => {
  const made = delivery();
  for (let count = 0; count < 65_540; count += 1) {
    made.send(hello);
    made.flush(count);
    made.receive(0, (count + 1) & 0xffff, true, "", count);
  }
  expect(made.isIdle).toBe(true);
  made.send(hello);
  made.flush(0);
  expect(made.receive(0, 65_539 & 0xffff, true, "", 0)).toBe("acknowledgement");
  expect(made.isIdle).toBe(false);
});

test("RFC 3931 §4.2: a message whose Nr acknowledges what was never sent is discarded whole", () => {
  const made = delivery(3);
  sent(made);
  expect(made.receive(0, 2, false, "early", 0)).toBe("beyond-nr");
  expect(made.receive(0, 2, true, "", 0)).toBe("beyond-nr");
  expect(made.receive(0, 1, false, "first", 0)).toBe("deliver");
  expect(made.receive(1, 0, false, "an older Nr does no harm", 0)).toBe("deliver");
});

test("RFC 3931 §4.2: old is what lies 0 to 32767 behind, by the 32768 half-space", () => {
  for (const { last, recv, le } of vectors.arithmetic.ns_compare) {
    const made = delivery(0, { receiveWindowSize: 65_535 });
    for (let ns = 0; ns !== ((last + 1) & 0xffff); ns = (ns + 1) & 0xffff) {
      made.receive(ns, 0, false, "", 0);
    }
    const verdict = made.receive(recv, 0, false, "", 0);
    if (recv === ((last + 1) & 0xffff)) expect(verdict).toBe("deliver");
    else expect(verdict === "duplicate", `${recv} after ${last}`).toBe(le);
  }
});

test("RFC 3931 §4.2: messages come out in order and once, those ahead within the window are kept", () => {
  const made = delivery();
  const order = [2, 1, 1, 0, 0, 5, 6].map((ns) => made.receive(ns, 0, false, `message ${ns}`, 0));
  expect(order).toEqual([
    "hold",
    "hold",
    "duplicate",
    "deliver",
    "duplicate",
    "ahead-of-window",
    "ahead-of-window",
  ]);
  expect([made.takeHeld(), made.takeHeld(), made.takeHeld()]).toEqual(["message 1", "message 2", undefined]);
  expect(made.flush(0).map(([, nr]) => nr)).toEqual([3]);
  expect(made.receive(3, 0, false, "", 0)).toBe("deliver");
});

test("RFC 3931 §4.2: an ACK takes no Ns, is sent once, and piggybacks on a message if there is one", () => {
  const made = delivery();
  made.receive(0, 0, false, "", 0);
  expect(made.flush(0)).toEqual([Uint8Array.of(0, 1, 1)]);
  expect(made.flush(0)).toEqual([]);
  made.receive(1, 0, false, "", 0);
  made.send(hello);
  expect(made.flush(0)).toEqual([Uint8Array.of(0, 2, 0)]);
  made.receive(0, 1, true, "", 0);
  expect(made.flush(0)).toEqual([]);
});

test("RFC 3931 §4.2: a retransmission keeps its Ns and carries the Nr of now", () => {
  const made = delivery(1);
  expect(made.flush(0)).toEqual([Uint8Array.of(0, 0, 0)]);
  made.receive(0, 0, false, "", 0);
  made.flush(0);
  made.expire(1000);
  expect(made.flush(1000)).toEqual([Uint8Array.of(0, 1, 0)]);
});

test("a StopCCN does not wait for slow start, but for the peer's window", () => {
  const made = delivery(1);
  made.setPeerWindow(3);
  for (let index = 0; index < 3; index += 1) made.send(anyMessage("StopCCN"));
  expect(sent(made)).toEqual([0, 1, 2]);
  made.expire(1000);
  expect(sent(made, 1000)).toEqual([0, 1, 2]);
  acknowledge(made, 1, 1000);
  expect(sent(made, 1000)).toEqual([3]);
});

test("what was never transmitted can be taken back, and its Ns is used anew", () => {
  const made = delivery(3);
  sent(made);
  made.dropUnsent();
  made.dropUnsent();
  made.send(hello);
  acknowledge(made, 1);
  expect(sent(made)).toEqual([1]);
  acknowledge(made, 2);
  expect(made.isIdle).toBe(true);
});
