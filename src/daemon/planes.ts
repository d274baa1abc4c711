import { counted } from "../bytes/counted.ts";
import { OperationalError } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import { endFormerPlane } from "../forwarding/ebpf/plane/former-plane.ts";
import { type AdoptedPrograms, EbpfPlane, type EbpfPlaneOptions } from "../forwarding/ebpf/plane/plane.ts";
import { moveTagsToMetadata } from "../forwarding/ebpf/plane/tag-metadata.ts";
import { type PlaneEvents, type PlaneName, planeNames } from "../forwarding/plane.ts";
import { PlaneStack } from "../forwarding/stack.ts";
import type { PsnSocketSource } from "../forwarding/transport.ts";
import { UserspacePlane } from "../forwarding/userspace/plane.ts";
import { MOST_SESSIONS } from "../forwarding/userspace/session-record.ts";
import { probeBpf } from "../os/bpf-probe.ts";
import { SystemError } from "../os/errors.ts";
import type { Log } from "./log.ts";
import { ownerOf } from "./owner.ts";

/** The planes of the daemon, and why they are those. */
export interface ChosenPlane {
  readonly plane: PlaneStack;
  readonly reason: string;
  /** Whether it forwards on when the daemon ends without closing it. */
  readonly outlivesDaemon?: boolean;
  /** What programs of a former daemon forwarded when it was opened. */
  readonly adopted?: AdoptedPrograms | undefined;
}

/** Whether programs of a former daemon forward on the frames of an interface of this index. */
export function isForwardedByFormer({ plane, adopted }: ChosenPlane, interfaceIndex: number): boolean {
  return plane.name === "ebpf" && adopted?.interfaces.has(interfaceIndex) === true;
}

/** What planes are opened with. */
interface PlaneContext {
  readonly config: Config;
  readonly sockets: PsnSocketSource;
  readonly events: PlaneEvents;
}

/** Why a plane is not available on this machine. */
interface Missing {
  readonly target: string;
  readonly remedy: string;
}

interface PlaneRow {
  /** For people. */
  readonly title: string;
  /** Looks for what the plane needs of the kernel. */
  probe(): Promise<Missing | undefined>;
  /** Opens a stack with this plane on top. Rejects with OperationalError, and then nothing of it is open. */
  open(context: PlaneContext): Promise<ChosenPlane>;
}

/** A row for each plane; one that no value of the key `plane` names does not compile. */
type PlaneRows = { readonly [Name in PlaneName]: Name extends Config["plane"] ? PlaneRow : never };

/** TABLE: the planes, the fastest first; `plane: auto` takes the first one available. */
const planes: PlaneRows = {
  ebpf: {
    title: "eBPF",
    async probe() {
      const [missing] = await probeBpf();
      return missing && { target: `${missing.need}: ${missing.problem}`, remedy: missing.remedy };
    },
    open: openEbpf,
  },
  userspace: {
    title: "userspace",
    probe: async () => undefined,
    open: openUserspace,
  },
};

/** Room for as many sessions at least, in the maps of programs. */
const LEAST_CAPACITY = 1024;

/**
 * Opens the planes that the configuration asks for, or the fastest available. Rejects with
 * OperationalError.
 */
export async function openPlane(
  config: Config,
  sockets: PsnSocketSource,
  events: PlaneEvents,
): Promise<ChosenPlane> {
  const context = { config, sockets, events };
  const { plane: wanted } = config;
  const unavailable: string[] = [];
  for (const name of wanted === "auto" ? planeNames : [wanted]) {
    const { title, probe, open } = planes[name];
    try {
      const missing = await probe();
      if (missing !== undefined && wanted === name)
        throw new SystemError(`start the ${title} plane`, {
          errno: "EOPNOTSUPP",
          target: missing.target,
          hint: missing.remedy,
        });
      if (missing !== undefined) {
        unavailable.push(`${title} is not available: ${missing.target} (${missing.remedy})`);
        continue;
      }
      const chosen = await open(context);
      return unavailable.length === 0 ? chosen : { ...chosen, reason: unavailable.join("; ") };
    } catch (error) {
      if (wanted !== "auto" || !(error instanceof OperationalError)) throw error;
      unavailable.push(`${title} is not available: ${error.message}`);
    }
  }
  throw new SystemError("start a plane", { errno: "EOPNOTSUPP", target: unavailable.join("; ") });
}

/** A plane broke, and forwards no more: the daemon stops, for its supervisor to start it again. */
export function planeFailed(log: Log, { message: problem }: Error): void {
  log.fatal({ event: "plane", problem }, `the forwarding plane failed, stopping: ${problem}`);
  process.exitCode = 1;
  process.kill(process.pid, "SIGTERM");
}

/** Writes to the log which plane was chosen and why, and what becomes of the programs of a former daemon. */
export function logPlane(log: Log, { plane: { name }, reason, adopted }: ChosenPlane): void {
  log.info({ event: "plane", plane: name, reason }, `plane ${name}: ${reason}`);
  if (adopted === undefined || adopted.sessions === 0) return;
  const { sessions, directory } = adopted;
  const of = `${counted(sessions, "session")} of the programs found in ${directory}`;
  const text = name === "ebpf" ? `adopted ${of}` : `ended ${of}, because the userspace plane forwards alone`;
  log.info({ event: "adopted", plane: name, sessions, directory }, text);
}

/** The eBPF plane above the userspace plane, which is its exception path. */
export interface EbpfStack {
  readonly stack: PlaneStack;
  readonly ebpf: EbpfPlane;
}

/** Opens the eBPF plane above the userspace plane. Rejects with OperationalError. */
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

/** Opens the userspace plane alone. Rejects with OperationalError. */
export async function openUserspaceStack(sockets: PsnSocketSource, events: PlaneEvents): Promise<PlaneStack> {
  const userspace = await UserspacePlane.open(sockets, events, { prepare: moveTagsToMetadata });
  return new PlaneStack([], userspace, events);
}

async function openEbpf({ config, sockets, events }: PlaneContext): Promise<ChosenPlane> {
  const options = { capacity: capacityFor(config), owner: ownerOf(config) };
  const { stack, ebpf } = await openEbpfStack(sockets, events, options);
  return {
    plane: stack,
    reason: [`eBPF is available; ${ebpf.crashText}`, ...ebpf.unfit.map(removedText)].join("; "),
    outlivesDaemon: ebpf.outlivesDaemon,
    adopted: ebpf.adopted,
  };
}

function removedText(whyNot: string): string {
  return `what a former daemon left was removed: ${whyNot}`;
}

async function openUserspace({ config, sockets, events }: PlaneContext): Promise<ChosenPlane> {
  const adopted = await endFormerPlane(sockets, ownerOf(config));
  const plane = await openUserspaceStack(sockets, events);
  return { plane, reason: "the configuration asks for it", adopted };
}

/**
 * Twice what the file has, so that a reload finds room: a power of two, and no more than userspace has room
 * for.
 */
function capacityFor({ tunnels }: Config): number {
  const pseudowires = tunnels.reduce((sum, tunnel) => sum + tunnel.pseudowires.length, 0);
  return Math.min(2 ** Math.ceil(Math.log2(Math.max(LEAST_CAPACITY, 2 * pseudowires))), MOST_SESSIONS);
}
