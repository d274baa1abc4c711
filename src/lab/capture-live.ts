import { OperationalError } from "../bytes/errors.ts";
import { type CapturePoint, capturePoint } from "./capture-point.ts";
import { splitPoint } from "./format/points.ts";
import { readTopology } from "./format/read.ts";
import { nodeNamed } from "./format/topology.ts";
import { inLab, namespacesIn } from "./lab.ts";
import { onTerminal } from "./namespaces.ts";
import { type RunningLab, requireLab } from "./running.ts";
import { filterWords, tcpdumpCommand } from "./tcpdump.ts";

/**
 * Captures at a point of a lab that is up, until interrupted; resolves to the exit code of tcpdump, or to 0
 * after an interrupt, which is how a capture ends. It writes to a file, to standard output by "-", or lines
 * where `file` is undefined.
 */
export async function captureLive(
  nameOrPath: string,
  point: string,
  filter: readonly string[],
  file: string | undefined,
): Promise<number> {
  const lab = requireLab(nameOrPath);
  const { node, device } = livePoint(lab, point);
  const words = filterWords(filter.join(" "));
  const output = file === undefined ? ["-l", "-e"] : ["-U", "-w", file];
  // Otherwise packets of the last second are lost when it is interrupted.
  const options = ["--immediate-mode", "-i", device, "-n", ...output];
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  process.on("SIGINT", interrupt);
  try {
    const code = await onTerminal(inLab(lab, node, tcpdumpCommand(...options, ...words)));
    return isInterrupted ? 0 : code;
  } finally {
    process.off("SIGINT", interrupt);
  }
}

/** A point as topologies name it, or any interface of a node, such as one that its daemon made. */
function livePoint(lab: RunningLab, text: string): CapturePoint {
  const topology = readTopology(lab.path);
  const [name, device] = splitPoint(text);
  const node = nodeNamed(topology, name);
  const [port, ...others] = node?.ports ?? [];
  // Of the only port there is all that passes, with its link layer.
  if (device === undefined && port !== undefined && others.length === 0)
    return { node: name, device: port.name };
  const point = capturePoint(topology, text);
  if (point !== undefined) return point;
  const known = namespacesIn(lab);
  if (known.includes(name)) return { node: name, device: device ?? "any" };
  throw new OperationalError(
    `find ${text} in lab ${lab.name}: there are ${known.join(", ")}; write NODE.PORT for a port`,
  );
}
