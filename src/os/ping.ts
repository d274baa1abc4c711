import { setTimeout as pause } from "node:timers/promises";
import { decodeIcmpEcho, encodeIcmpEcho } from "../wire/icmp-echo.ts";
import { monotonicClock } from "./clock.ts";
import { SystemError } from "./errors.ts";
import { IcmpSocket } from "./icmp-socket.ts";
import { cryptoRandom } from "./random.ts";

/** Whether others answer ICMP echo requests, all asked at once. */

/** Replies are looked for so often. */
const LOOK_MS = 10;
/** Requests to each, this far apart: the first may be lost to the asking for a MAC address. */
const REQUESTS = 3;
const NONCE_OCTETS = 8;

/** Two addresses of one family. */
export interface PingPath {
  readonly local: string;
  readonly remote: string;
}

/**
 * Whether each remote address answers within `limitMs`, or why it cannot be asked. Nothing else of theirs is
 * touched.
 */
export async function ping(
  paths: readonly PingPath[],
  limitMs: number,
): Promise<readonly (boolean | SystemError)[]> {
  const sockets = new Map<string, IcmpSocket | SystemError>();
  const answers: (boolean | SystemError)[] = paths.map(() => false);
  const nonce = cryptoRandom.octets(NONCE_OCTETS);
  const socketFor = (local: string) => {
    const known = sockets.get(local) ?? openSocket(local);
    sockets.set(local, known);
    return known;
  };
  const endMs = monotonicClock.nowMs() + limitMs;
  try {
    for (let round = 0; round < REQUESTS; round += 1) {
      const untilMs =
        round === REQUESTS - 1 ? endMs : endMs - limitMs + ((round + 1) * limitMs) / (REQUESTS + 1);
      for (const [index, { local, remote }] of paths.entries()) {
        if (answers[index] !== false) continue;
        const socket = socketFor(local);
        if (socket instanceof SystemError) answers[index] = socket;
        else socket.send(remote, requestOf(remote, round, nonce));
      }
      while (answers.includes(false) && monotonicClock.nowMs() < untilMs) {
        await pause(LOOK_MS);
        for (const [local, socket] of sockets)
          if (!(socket instanceof SystemError)) receive(socket, local, paths, answers, nonce);
      }
    }
    return answers;
  } finally {
    for (const socket of sockets.values()) if (!(socket instanceof SystemError)) socket.close();
  }
}

function openSocket(local: string): IcmpSocket | SystemError {
  try {
    return IcmpSocket.open(local);
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
}

function versionOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function requestOf(remote: string, sequence: number, data: Uint8Array): Uint8Array {
  const identifier = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
  return encodeIcmpEcho(versionOf(remote), { kind: "request", identifier, sequence, data });
}

function receive(
  socket: IcmpSocket,
  local: string,
  paths: readonly PingPath[],
  answers: (boolean | SystemError)[],
  nonce: Uint8Array,
): void {
  for (let message = socket.receive(); message !== undefined; message = socket.receive()) {
    const { remoteAddress } = message;
    const echo = decodeIcmpEcho(versionOf(remoteAddress), message.message);
    if (echo?.kind !== "reply" || !echo.data.every((octet, at) => octet === nonce[at])) continue;
    for (const [index, path] of paths.entries())
      if (path.local === local && path.remote === remoteAddress) answers[index] = true;
  }
}
