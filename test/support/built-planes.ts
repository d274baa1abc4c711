import type { PlaneEvents, PlaneName } from "../../src/forwarding/plane.ts";
import type { PlaneStack } from "../../src/forwarding/stack.ts";
import type { PsnTransport, TransportEvents } from "../../src/forwarding/transport.ts";

/** A plane with the transport whose sockets it reads. The plane is closed first. */
export interface BuiltPlane {
  readonly plane: PlaneStack;
  readonly transport: PsnTransport;
}

export type BuiltPlaneEvents = PlaneEvents & TransportEvents;

/** Imports a file of dist/: the planes' worker needs its own built file beside it. */
function built<T>(file: string): Promise<T> {
  return import(/* @vite-ignore */ new URL(`../../dist/${file}`, import.meta.url).href) as Promise<T>;
}

async function newTransport(events: TransportEvents) {
  const { PsnSockets } = await built<typeof import("../../src/forwarding/psn/psn-sockets.ts")>(
    "forwarding/psn/psn-sockets.js",
  );
  return new PsnSockets(events);
}

/** TABLE: every stack of planes there is, by the one on top, as users have it. */
export const builtPlanes = {
  async userspace(events: BuiltPlaneEvents): Promise<BuiltPlane> {
    const { openUserspaceStack } = await stacks();
    const transport = await newTransport(events);
    return { plane: await openUserspaceStack(transport, events), transport };
  },
  async ebpf(events: BuiltPlaneEvents): Promise<BuiltPlane> {
    const { openEbpfStack } = await stacks();
    const transport = await newTransport(events);
    const options = { capacity: 1024, owner: `contract-${process.pid}` };
    return { plane: (await openEbpfStack(transport, events, options)).stack, transport };
  },
} as const satisfies Record<PlaneName, (events: BuiltPlaneEvents) => Promise<BuiltPlane>>;

/** The userspace plane with a protocol that sends by itself on control channels (heartbeat-worker.mjs). */
export async function heartbeatPlane(events: BuiltPlaneEvents): Promise<BuiltPlane> {
  const { UserspacePlane } = await built<typeof import("../../src/forwarding/userspace/plane.ts")>(
    "forwarding/userspace/plane.js",
  );
  const { PlaneStack: BuiltStack } =
    await built<typeof import("../../src/forwarding/stack.ts")>("forwarding/stack.js");
  const transport = await newTransport(events);
  const worker = new URL("heartbeat-worker.mjs", import.meta.url);
  const userspace = await UserspacePlane.open(transport, events, { worker });
  return { plane: new BuiltStack([], userspace, events), transport };
}

function stacks() {
  return built<typeof import("../../src/daemon/planes.ts")>("daemon/planes.js");
}
