import { createHash } from "node:crypto";
import { messageOf } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import { EbpfPlane } from "../forwarding/ebpf/plane/plane.ts";
import { moveTagsToMetadata } from "../forwarding/ebpf/plane/tag-metadata.ts";
import type { ForwardingPlane, PlaneEvents } from "../forwarding/plane.ts";
import type { PsnSocketSource } from "../forwarding/transport.ts";
import { UserspacePlane } from "../forwarding/userspace/plane.ts";
import { MOST_SESSIONS } from "../forwarding/userspace/session-record.ts";
import { arePinned } from "../os/bpf-file-system.ts";
import { probeBpf } from "../os/bpf-probe.ts";
import { SystemError } from "../os/errors.ts";

/** A plane, and why it is that one. */
export interface ChosenPlane {
  readonly plane: ForwardingPlane;
  readonly reason: string;
  /** Whether it forwards on when the daemon ends without closing it. */
  readonly outlivesDaemon?: boolean;
}

/** Room for as many sessions at least, in the maps of programs. */
const LEAST_CAPACITY = 1024;

/** Opens the plane that the configuration asks for, or the best that can be had. Rejects with SystemError. */
export async function openPlane(
  config: Config,
  sockets: PsnSocketSource,
  events: PlaneEvents,
): Promise<ChosenPlane> {
  if (config.plane === "userspace") {
    await endFormer(config, sockets);
    return {
      plane: await UserspacePlane.open(sockets, events, { prepare: moveTagsToMetadata }),
      reason: "the configuration asks for it",
    };
  }
  const [lack] = await probeBpf();
  if (lack === undefined) {
    try {
      const plane = await EbpfPlane.open(sockets, events, {
        capacity: capacityFor(config),
        owner: ownerOf(config),
      });
      const reason = `eBPF is available; ${plane.crashText}`;
      return { plane, reason, outlivesDaemon: plane.outlivesDaemon };
    } catch (error) {
      if (config.plane === "ebpf") throw error;
      return fallBack(sockets, events, messageOf(error));
    }
  }
  if (config.plane === "ebpf")
    throw new SystemError("start the eBPF plane", {
      errno: "EOPNOTSUPP",
      target: `${lack.need}: ${lack.problem}`,
      hint: lack.remedy,
    });
  return fallBack(sockets, events, `${lack.need}: ${lack.problem} (${lack.remedy})`);
}

async function fallBack(sockets: PsnSocketSource, events: PlaneEvents, why: string): Promise<ChosenPlane> {
  return {
    plane: await UserspacePlane.open(sockets, events, { prepare: moveTagsToMetadata }),
    reason: `eBPF is not available: ${why}`,
  };
}

/**
 * Ends what programs of a former daemon forward, which crashed: they would go on beside the userspace plane.
 * Takes it over and closes it as at a stop. Rejects with SystemError.
 */
async function endFormer(config: Config, sockets: PsnSocketSource): Promise<void> {
  const owner = ownerOf(config);
  if (!arePinned(`${owner}-`)) return;
  const nothing: PlaneEvents = { failed: () => undefined };
  const former = await EbpfPlane.open(sockets, nothing, { capacity: LEAST_CAPACITY, owner });
  await former.removeLeftovers();
  await former.close();
}

/**
 * Twice what the file has, so that a reload finds room: a power of two, and no more than the plane beside it
 * has room for.
 */
function capacityFor({ tunnels }: Config): number {
  const pseudowires = tunnels.reduce((sum, tunnel) => sum + tunnel.pseudowires.length, 0);
  return Math.min(2 ** Math.ceil(Math.log2(Math.max(LEAST_CAPACITY, 2 * pseudowires))), MOST_SESSIONS);
}

/** The control socket is one daemon's alone, and the same when it is started again. */
function ownerOf({ lcce: { controlSocket } }: Config): string {
  return createHash("sha256").update(controlSocket).digest("hex").slice(0, 16);
}
