import { workerData } from "node:worker_threads";
import { channelProtocols } from "./channel-protocols.ts";
import type { WorkerStart } from "./commands.ts";
import { ForwardingLoop } from "./forwarding-loop.ts";

/** The worker of the userspace plane. */

new ForwardingLoop(workerData as WorkerStart, channelProtocols).run();
