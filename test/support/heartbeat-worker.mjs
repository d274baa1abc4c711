import { workerData } from "node:worker_threads";
import { ForwardingLoop } from "../../dist/forwarding/userspace/forwarding-loop.js";

/**
 * A worker of the userspace plane with a protocol on control channels: it beats by itself, echoes, says of
 * each message that the session is down, and sends whether the circuit is up.
 */

const CHANNEL_TYPE = 0x7ff0;
const INTERVAL_MS = 20;

class Heartbeat {
  deadlineMs;
  #intervalMs;
  #beats = 0;

  constructor(intervalMs) {
    this.#intervalMs = intervalMs;
  }

  handle(input, nowMs) {
    switch (input.kind) {
      case "message": {
        const diagnostic = input.message.payload.join(" ");
        return [
          { kind: "send", message: input.message },
          { kind: "status", status: { state: "down", diagnostic } },
        ];
      }
      case "circuit-status":
        return [send(0xcc, Number(input.circuitActive))];
      default:
        this.deadlineMs = nowMs + this.#intervalMs;
        this.#beats += 1;
        return [send(this.#beats)];
    }
  }
}

function send(...octets) {
  return { kind: "send", message: { channelType: CHANNEL_TYPE, payload: Uint8Array.from(octets) } };
}

const heartbeat = {
  name: "heartbeat",
  channelTypes: [CHANNEL_TYPE],
  create: (_session, options) => new Heartbeat(options?.intervalMs ?? INTERVAL_MS),
};

new ForwardingLoop(workerData, [heartbeat]).run();
