import { workerData } from "node:worker_threads";
import { ForwardingLoop } from "../../dist/forwarding/userspace/forwarding-loop.js";

/** A worker of the userspace plane with a protocol on control channels: it beats by itself, and echoes. */

const CHANNEL_TYPE = 0x7ff0;
const INTERVAL_MS = 20;

class Heartbeat {
  deadlineMs;
  #beats = 0;

  handle(input, nowMs) {
    if (input.kind === "message") return [input.message];
    this.deadlineMs = nowMs + INTERVAL_MS;
    this.#beats += 1;
    return [{ channelType: CHANNEL_TYPE, payload: Uint8Array.of(this.#beats) }];
  }
}

const heartbeat = { channelTypes: [CHANNEL_TYPE], create: () => new Heartbeat() };

new ForwardingLoop(workerData, [heartbeat]).run();
