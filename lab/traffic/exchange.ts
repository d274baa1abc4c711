import { JsonLinesProcess } from "../../src/lab/command.ts";

/** A number of octets and their hash. */
export interface Digest {
  readonly octets: number;
  readonly sha256: string;
}

/** What one end sent and received. */
export interface Exchange {
  readonly sent: Digest;
  readonly received: Digest;
}

export interface Load {
  /** The listening end's. */
  readonly address: string;
  /** Octets from the connecting end to the listening one, and in the other direction. */
  readonly there: number;
  readonly back: number;
}

/** A command that runs bulk.js in some node, without its arguments. */
export type BulkCommand = readonly string[];

/**
 * Sends random octets in both directions over one TCP connection; resolves to the reports of the connecting
 * end and of the listening one. Rejects with CommandError.
 */
export async function exchange(
  caller: BulkCommand,
  listener: BulkCommand,
  { address, there, back }: Load,
  limitMs: number,
): Promise<readonly [own: Exchange, its: Exchange]> {
  const at = (where: BulkCommand, task: string, octets: number) =>
    new JsonLinesProcess([...where, task, address, `${octets}`]);
  await using server = at(listener, "listen", back);
  await server.next(limitMs);
  await using client = at(caller, "connect", there);
  return [(await client.next(limitMs)) as Exchange, (await server.next(limitMs)) as Exchange];
}

/** Whether each end received what the other one sent. */
export function isWhole([own, its]: readonly [Exchange, Exchange]): boolean {
  return own.received.sha256 === its.sent.sha256 && its.received.sha256 === own.sent.sha256;
}
