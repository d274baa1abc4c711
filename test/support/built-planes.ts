import type { ForwardingPlane, PlaneEvents } from "../../src/forwarding/plane.ts";
import type { PsnTransport, TransportEvents } from "../../src/forwarding/transport.ts";

/** A plane with the transport whose sockets it reads. The plane is closed first. */
export interface BuiltPlane {
  readonly plane: ForwardingPlane;
  readonly transport: PsnTransport;
}

export type BuiltPlaneEvents = PlaneEvents & TransportEvents;

/** Imports a file of dist/: the planes' worker needs its own built file beside it. */
function built<T>(file: string): Promise<T> {
  return import(
    /* @vite-ignore */ new URL(`../../dist/forwarding/${file}`, import.meta.url).href
  ) as Promise<T>;
}

async function newTransport(events: TransportEvents) {
  const { PsnSockets } =
    await built<typeof import("../../src/forwarding/psn/psn-sockets.ts")>("psn/psn-sockets.js");
  return new PsnSockets(events);
}

/** TABLE: every plane there is, as users have it. */
export const builtPlanes = {
  async userspace(events: BuiltPlaneEvents): Promise<BuiltPlane> {
    const { UserspacePlane } =
      await built<typeof import("../../src/forwarding/userspace/plane.ts")>("userspace/plane.js");
    const { moveTagsToMetadata } = await built<
      typeof import("../../src/forwarding/ebpf/plane/tag-metadata.ts")
    >("ebpf/plane/tag-metadata.js");
    const transport = await newTransport(events);
    return {
      plane: await UserspacePlane.open(transport, events, { prepare: moveTagsToMetadata }),
      transport,
    };
  },
  async ebpf(events: BuiltPlaneEvents): Promise<BuiltPlane> {
    const { EbpfPlane } =
      await built<typeof import("../../src/forwarding/ebpf/plane/plane.ts")>("ebpf/plane/plane.js");
    const transport = await newTransport(events);
    const options = { capacity: 1024, owner: `contract-${process.pid}` };
    return { plane: await EbpfPlane.open(transport, events, options), transport };
  },
} as const;
