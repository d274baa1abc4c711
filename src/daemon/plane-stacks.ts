import { EbpfPlane, type EbpfPlaneOptions } from "../forwarding/ebpf/plane/plane.ts";
import { moveTagsToMetadata } from "../forwarding/ebpf/plane/tag-metadata.ts";
import type { PlaneEvents } from "../forwarding/plane.ts";
import { PlaneStack } from "../forwarding/stack.ts";
import type { PsnSocketSource } from "../forwarding/transport.ts";
import { UserspacePlane } from "../forwarding/userspace/plane.ts";

/** The eBPF plane above the userspace plane, which is its exception path. */
export interface EbpfStack {
  readonly stack: PlaneStack;
  readonly ebpf: EbpfPlane;
}

/** Rejects with OperationalError. */
export async function openEbpfStack(
  sockets: PsnSocketSource,
  events: PlaneEvents,
  options: EbpfPlaneOptions,
): Promise<EbpfStack> {
  const { plane: ebpf, exceptionPath } = await EbpfPlane.open(sockets, options, (sequences) =>
    UserspacePlane.open(sockets, events, {
      prepare: moveTagsToMetadata,
      sequences,
      // Programs cannot split what a device coalesced for a socket.
      takesCoalesced: false,
    }),
  );
  return { stack: new PlaneStack([ebpf], exceptionPath, events), ebpf };
}

/** Rejects with OperationalError. */
export async function openUserspaceStack(sockets: PsnSocketSource, events: PlaneEvents): Promise<PlaneStack> {
  const userspace = await UserspacePlane.open(sockets, events, { prepare: moveTagsToMetadata });
  return new PlaneStack([], userspace, events);
}
