import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Capture } from "./capture.ts";
import { capturePoint } from "./capture-point.ts";
import type { Topology } from "./format/topology.ts";
import { RUN } from "./nodes.ts";
import type { ReportedCapture } from "./report/report-data.ts";
import type { ResultOptions } from "./result-options.ts";

/** Control messages alone: over UDP and IP protocol 115, IPv4 and IPv6 (RFC 3931 §4.1.1.2, §4.1.2.1). */
const CONTROL_MESSAGES = [
  "udp[8] & 0xc8 == 0xc8",
  "(ip6 proto 17 and ip6[48] & 0xc8 == 0xc8)",
  "(ip proto 115 and ip[20:4] == 0)",
  "(ip6 proto 115 and ip6[40:4] == 0)",
].join(" or ");

/** Captures during a test: those that the topology asks for, and of control messages for a report. */
export class TestCaptures {
  readonly files: readonly ReportedCapture[];
  /** Files with the control messages of each network; they go with the captures, or with the lab. */
  readonly networks: readonly ReportedCapture[];
  readonly #running: Capture[];
  readonly #folder: string | undefined;

  private constructor(
    files: readonly ReportedCapture[],
    networks: readonly ReportedCapture[],
    running: Capture[],
    folder: string | undefined,
  ) {
    this.files = files;
    this.networks = networks;
    this.#running = running;
    this.#folder = folder;
  }

  /** Rejects with CommandError where tcpdump cannot be started. */
  static async start(topology: Topology, { report, captures }: ResultOptions): Promise<TestCaptures> {
    const folder = captures ?? (report === undefined ? undefined : dirname(report));
    const files =
      folder === undefined
        ? []
        : topology.captures.map((point) => ({ point, file: join(folder, fileName(topology, point)) }));
    if (folder !== undefined && files.length > 0) mkdirSync(folder, { recursive: true });
    const own = report === undefined ? undefined : mkdtempSync(join(RUN, ".report-"));
    const networks = topology.segments.filter(({ kind }) => own !== undefined && kind === "network");
    const ofNetworks = networks.map(({ name }) => ({ point: name, file: join(own ?? "", `${name}.pcap`) }));
    const running: Capture[] = [];
    for (const [list, filter] of [
      [files, ""],
      [ofNetworks, CONTROL_MESSAGES],
    ] as const) {
      for (const { point, file } of list) running.push(await startAt(topology, point, file, filter));
    }
    return new TestCaptures(files, ofNetworks, running, own);
  }

  /** Ends them: the files are complete then. */
  async end(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((capture) => capture[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

function fileName({ name }: Topology, point: string): string {
  return `${name}-${point}.pcap`;
}

function startAt(topology: Topology, point: string, file: string, filter: string): Promise<Capture> {
  const at = capturePoint(topology, point);
  if (at === undefined) throw new Error(`capture ${point}: there is no such point in the topology`);
  return Capture.start(at, file, filter);
}
