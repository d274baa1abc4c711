import { workerData } from "node:worker_threads";
import { channelProtocols } from "./channel-protocols.ts";
import type { WorkerStart } from "./commands.ts";
import { ForwardingLoop } from "./forwarding-loop.ts";

/** Entry of the worker thread of the userspace plane: its data is a WorkerStart. */

new ForwardingLoop(workerData as WorkerStart, channelProtocols).run();
