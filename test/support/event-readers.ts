import { once } from "node:events";
import type { Socket } from "node:net";
import { expect } from "vitest";
import type { EventFeed } from "../../src/daemon/events.ts";

/** All that a socket gets until it is closed. */
export async function ended(socket: Socket): Promise<string> {
  let received = "";
  socket.on("data", (piece) => {
    received += String(piece);
  });
  socket.on("error", () => undefined);
  await once(socket, "close");
  return received;
}

/**
 * Asks for events, reads nothing of them while more come than may be kept for a reader, and then reads what
 * there is: resolves to all that comes until the end.
 */
export async function readLate(socket: Socket, feed: EventFeed): Promise<{ readonly all: Promise<string> }> {
  socket.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "readable");
  const text = "x".repeat(5000);
  for (let index = 0; index < 20_000; index += 1) {
    feed.publish("info", { event: "note", note: index }, text);
    if (index % 100 === 0) await new Promise(setImmediate);
  }
  const all = ended(socket);
  await expect.poll(() => socket.bytesRead).toBeGreaterThan(500_000);
  return { all };
}
