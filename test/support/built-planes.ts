import type { ForwardingPlane, PlaneEvents } from "../../src/forwarding/plane.ts";

/** Imports a file of dist/: the planes' worker needs its own built file beside it. */
function built<T>(file: string): Promise<T> {
  return import(
    /* @vite-ignore */ new URL(`../../dist/forwarding/${file}`, import.meta.url).href
  ) as Promise<T>;
}

/** TABLE: every plane there is, as users have it. */
export const builtPlanes = {
  async userspace(events: PlaneEvents): Promise<ForwardingPlane> {
    const { UserspacePlane } =
      await built<typeof import("../../src/forwarding/userspace/plane.ts")>("userspace/plane.js");
    const { moveTagsToMetadata: takeTagsAside } =
      await built<typeof import("../../src/forwarding/ebpf/plane/tag-metadata.ts")>(
        "ebpf/plane/tags-aside.js",
      );
    return UserspacePlane.open(events, { prepare: takeTagsAside });
  },
  async ebpf(events: PlaneEvents): Promise<ForwardingPlane> {
    const { EbpfPlane } =
      await built<typeof import("../../src/forwarding/ebpf/plane/plane.ts")>("ebpf/plane/plane.js");
    return EbpfPlane.open(events, { capacity: 1024, owner: `contract-${process.pid}` });
  },
} as const;
