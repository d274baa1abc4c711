import { counted } from "../bytes/counted.ts";
import { ignoreOperational } from "../bytes/errors.ts";
import { type CaptureTotals, PcapngBlocks } from "../capture/pcapng-blocks.ts";
import { openCapture, stopCapture } from "../daemon/api-client.ts";
import { type CaptureRequest, captureEndTrailer, captureIdHeader } from "../daemon/capture-request.ts";
import type { CaptureEnd } from "../daemon/capture-service.ts";
import { errnoOf, SystemError } from "../os/errors.ts";
import { OctetOutput } from "../os/files.ts";

/** How a capture ended, for people. */
export interface ReceivedCapture {
  readonly text: string;
  /** Whether it ended as it was asked to. */
  readonly isAsked: boolean;
}

const interrupts: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Writes a capture to a file or standard output as it comes, until it is at its end, its reader has gone, or
 * a signal asks it to end; a second signal ends this process. Rejects as `openCapture` does, and with
 * SystemError.
 */
export async function receiveCapture(
  socket: string,
  request: CaptureRequest,
  path: string | undefined,
  limitMs: number,
): Promise<ReceivedCapture> {
  const response = await openCapture(socket, request, limitMs);
  const id = String(response.headers[captureIdHeader] ?? "");
  const stop = () => {
    for (const signal of interrupts) process.off(signal, stop);
    stopCapture(socket, id, limitMs).catch((error: unknown) => {
      ignoreOperational(error);
      response.destroy();
    });
  };
  for (const signal of interrupts) process.on(signal, stop);
  const blocks = new PcapngBlocks();
  let end: CaptureEnd = { reason: "the daemon is gone; see its log", isAsked: false };
  try {
    using output = new OctetOutput(path);
    for await (const piece of response) await output.write(blocks.take(piece as Uint8Array));
    end = endIn(response.trailers[captureEndTrailer]) ?? end;
  } catch (error) {
    if (error instanceof SystemError && error.errno === "EPIPE")
      end = { reason: "its reader has gone", isAsked: true };
    else if (error instanceof SystemError || errnoOf(error) !== "ECONNRESET") throw error;
  } finally {
    for (const signal of interrupts) process.off(signal, stop);
    response.destroy();
  }
  return { text: endText(request, blocks.totals, end), isAsked: end.isAsked };
}

function endIn(trailer: string | undefined): CaptureEnd | undefined {
  return trailer === undefined ? undefined : (JSON.parse(trailer) as CaptureEnd);
}

function endText(
  { pseudowire, frames, psn }: CaptureRequest,
  { packets, dropped }: CaptureTotals,
  { reason }: CaptureEnd,
): string {
  const what = !psn ? "frame" : frames ? "frame and packet" : "packet";
  const of = psn && frames ? `${packets} frames and packets` : counted(packets, what);
  const lost =
    dropped === 0
      ? ", none dropped"
      : `; ${dropped} more were dropped: they came faster than they were written; ` +
        "write to a faster disk, keep less of each by -s, or give a filter";
  return `captured ${of} of pseudowire ${pseudowire}${lost}; it ended because ${reason}`;
}
