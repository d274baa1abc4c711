import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, type ApiHandlers, answerTo, problem } from "./api.ts";
import { captureEndTrailer, captureIdHeader, parseCapture } from "./capture-request.ts";

/** Octets that wait for a client before its capture pauses: more than it takes in one turn of ours. */
const MOST_WAITING_OCTETS = 4 * 1024 * 1024;

/**
 * Streams a capture to a client that may be slow or go: what it does not take is dropped, and counted in the
 * capture. Resolves to the answer that refuses it, or to undefined once it has ended.
 */
export async function serveCapture(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  { captures: opened }: ApiHandlers,
): Promise<Answer | undefined> {
  if (request.method !== "GET") return problem(405, "a capture has the method GET alone");
  const wanted = parseCapture(query);
  if (typeof wanted === "string") return problem(400, wanted);
  const captures = await opened();
  const capture = await captures.open(wanted).catch(answerTo);
  if ("status" in capture) return capture;
  try {
    response.on("close", () => capture.end("its client has gone"));
    if (response.destroyed || request.socket.destroyed) capture.end("its client has gone");
    response.writeHead(200, {
      "Content-Type": "application/x-pcapng",
      "Cache-Control": "no-store",
      Trailer: captureEndTrailer,
      [captureIdHeader]: String(capture.id),
    });
    response.flushHeaders();
    const { reason, isAsked } = await capture.run({
      write: (octets) => void response.write(octets),
      get isFull() {
        return response.writableLength >= MOST_WAITING_OCTETS;
      },
    });
    response.addTrailers({
      [captureEndTrailer]: JSON.stringify({ reason, isAsked }).replace(/[^ -~]/g, "?"),
    });
    response.end();
  } finally {
    captures.release(capture);
  }
  return undefined;
}
