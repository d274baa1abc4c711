import type { StatusReport } from "../daemon/status.ts";
import { buildLab } from "./build.ts";
import { Capture } from "./capture.ts";
import { readConfigurations } from "./drawing/configurations.ts";
import { textDrawing } from "./drawing/text-drawing.ts";
import { readTopology } from "./format/read.ts";
import type { Topology } from "./format/topology.ts";
import { Programs } from "./programs/programs.ts";
import type { ResultOptions } from "./result-options.ts";
import { quietMsOf, untilSessionsUp } from "./sessions.ts";
import type { LinkRequest } from "./supervisor/api.ts";
import { askLab } from "./supervisor/client.ts";
import type { LabLinks } from "./supervisor/lab-links.ts";
import { TestCaptures } from "./test-captures.ts";
import { type TestedLab, testTopology } from "./test-topology.ts";

/** The part of a lab that runs inside its own namespaces; lab.ts starts it there. */

export type Print = (line: string) => void;

/** Makes the text of a daemon's status. */
export type StatusText = (report: StatusReport) => string;

/** What a lab is started with. */
export interface LabOptions {
  /** Plane of all daemons, instead of what the topology says: "auto", "userspace" or "ebpf". */
  readonly plane?: string | undefined;
  /** Sessions are given up after so many seconds in which nothing came up; default: as the file says. */
  readonly timeout?: number | undefined;
}

export interface TestOptions extends LabOptions, ResultOptions {
  /** Path of a capture file of the WAN. */
  readonly capture?: string | undefined;
}

/** Builds a topology, checks that it works, and takes it down; resolves to an exit code. */
export async function testInside(
  name: string,
  print: Print,
  statusText: StatusText,
  { capture, ...options }: TestOptions,
): Promise<number> {
  const topology = readTopology(name, (line) => process.stderr.write(`${line}\n`));
  if (options.json !== true) print(textDrawing(topology, readConfigurations(topology)));
  await using lab = await buildLab(topology);
  const wan = { node: firstNetwork(topology), device: "bridge" };
  await using _capture = capture === undefined ? undefined : await Capture.start(wan, capture);
  await using captures = await TestCaptures.start(topology, options);
  await using programs = new Programs(topology, { plane: options.plane });
  await programs.startAll();
  const own = { programs, links: lab.links, captures };
  return await checkInside(topology, print, statusText, options, own);
}

function firstNetwork({ segments }: Topology): string {
  return (segments.find(({ kind }) => kind === "network") ?? segments[0])?.name ?? "";
}

/** Checks that a topology works whose daemons run or were just started; resolves to an exit code. */
export async function checkInside(
  topology: Topology,
  print: Print,
  statusText: StatusText,
  options: ResultOptions & Pick<LabOptions, "timeout">,
  own?: OwnLab,
): Promise<number> {
  const quietMs = quietMsOf(topology, options.timeout);
  const lab: TestedLab = {
    topology,
    ...(own === undefined ? asFirst(topology) : asOwn(own)),
    captures: own?.captures,
    sessionsUp: () => untilSessionsUp(topology, { programs: own?.programs, quietMs }),
  };
  return testTopology(lab, { print, statusText }, options);
}

/** A lab that this process has made. */
interface OwnLab {
  readonly programs: Programs;
  readonly links: LabLinks;
  readonly captures: TestCaptures;
}

type Control = Pick<TestedLab, "failures" | "links">;

function asOwn({ programs, links }: OwnLab): Control {
  return {
    failures: {
      kill: (node) => programs.stop(node, "SIGKILL"),
      stop: (node) => programs.stop(node),
      start: (node) => programs.start(node),
      setDown: async (link, down) => void (await links.change(carrierRequest(link, down))),
    },
    links: () => links.report(),
  };
}

/** As the first process of the lab does it, inside whose namespaces we are. */
function asFirst({ name }: Topology): Control {
  const first = { name, pid: 1 };
  return {
    failures: {
      kill: async (node) => void (await askLab(first, "stop", { node, kill: true })),
      stop: async (node) => void (await askLab(first, "stop", { node, kill: false })),
      start: async (node) => void (await askLab(first, "start", { node })),
      setDown: async (link, down) => void (await askLab(first, "link", carrierRequest(link, down))),
    },
    links: async () => (await askLab(first, "status", {})).links,
  };
}

function carrierRequest(link: string, down: boolean): LinkRequest {
  return { link, direction: "both", conditions: {}, clear: false, down };
}
