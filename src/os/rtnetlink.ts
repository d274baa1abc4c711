import netlink, { type RtNetlinkSocket } from "netlink";
import { SystemError } from "./errors.ts";

/** The kernel answers at once; what takes this long is not answered at all. */
const ANSWER_LIMIT_MS = 10_000;

/** What was asked for, in words for an error. */
export interface Question {
  /** Such as "create a veth pair". */
  readonly operation: string;
  readonly target: string;
  /** What to do, by the name of an errno. */
  readonly hints?: Readonly<Record<string, string>>;
}

/**
 * Asks the kernel by rtnetlink, on a socket of its own in the network namespace in which this is called.
 * Rejects with SystemError; one that `act` throws is let through.
 */
export async function ask<T>(
  { operation, target, hints = {} }: Question,
  act: (socket: RtNetlinkSocket) => Promise<T>,
): Promise<T> {
  const socket = netlink.createRtNetlink();
  let timer: NodeJS.Timeout | undefined;
  const unanswered = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("ETIMEDOUT")), ANSWER_LIMIT_MS);
    socket.socket.on("error", reject);
  });
  try {
    return await Promise.race([act(socket), unanswered]);
  } catch (error) {
    if (error instanceof SystemError) throw error;
    const errno = errnoOf(error);
    const hint = hints[errno] ?? (errno === "EPERM" ? "needs CAP_NET_ADMIN" : undefined);
    throw new SystemError(operation, {
      errno,
      target,
      cause: error,
      hint,
    });
  } finally {
    clearTimeout(timer);
    socket.socket.close();
  }
}

/** The name of the errno in an error of the package, which has it only in its text. */
export function errnoOf(error: unknown): string {
  return /\bE[A-Z0-9]+\b/.exec(String(error))?.[0] ?? "EIO";
}

/**
 * Attributes by their type; where one comes twice, the last. Throws what the package throws for octets that
 * are none.
 */
export function attributesIn(octets: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  netlink.parseAttributes(octets, ({ type, data }) => found.set(type, data));
  return found;
}

/** Attributes one behind the other, as the octets of another that holds them. */
export function joinAttributes(attributes: readonly (readonly [type: number, octets: Uint8Array])[]): Buffer {
  const stream = new netlink.AttrStream();
  for (const [type, octets] of attributes) stream.push(type, octets);
  return Buffer.concat(stream.bufs);
}
