import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Exchange } from "../../src/lab/bulk.ts";
import { Conversation } from "../../src/lab/command.ts";

const BULK = fileURLToPath(new URL("../../dist/lab/bulk.js", import.meta.url));
const LIMIT_MS = 120_000;

/** The beginning of a command that runs somewhere. */
export type Somewhere = readonly string[];

export interface Load {
  /** The listening end's. */
  readonly address: string;
  /** Octets from the calling end to the listening one, and from that one to the calling one. */
  readonly there: number;
  readonly back: number;
}

/** Random octets both ways by one TCP connection; expects that each end hears what the other one sent. */
export async function expectExchange(
  caller: Somewhere,
  listener: Somewhere,
  { address, there, back }: Load,
  why?: () => string,
): Promise<void> {
  const at = (where: Somewhere, task: string, octets: number) =>
    new Conversation([...where, process.execPath, BULK, task, address, `${octets}`]);
  await using server = at(listener, "listen", back);
  await server.next(LIMIT_MS);
  await using client = at(caller, "connect", there);
  const [its, own] = (await Promise.all([server.next(LIMIT_MS), client.next(LIMIT_MS)])) as Exchange[];
  const said = why?.();
  expect(its?.received, said).toEqual(own?.sent);
  expect(own?.received, said).toEqual(its?.sent);
  expect([own?.sent.octets, its?.sent.octets], said).toEqual([there, back]);
}
