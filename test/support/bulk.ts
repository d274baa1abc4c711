import { expect } from "vitest";
import { builtProgram } from "../../lab/paths.ts";
import { exchange, type Load } from "../../lab/traffic/exchange.ts";

const BULK = builtProgram("traffic/bulk");
const LIMIT_MS = 120_000;

/**
 * Sends random octets in both directions of one TCP connection, and expects the same. An end is the beginning
 * of a command.
 */
export async function expectExchange(
  caller: readonly string[],
  listener: readonly string[],
  load: Load,
  why?: () => string,
): Promise<void> {
  const at = (where: readonly string[]) => [...where, process.execPath, BULK];
  const [own, its] = await exchange(at(caller), at(listener), load, LIMIT_MS);
  const said = why?.();
  expect([own.sent.octets, its.sent.octets], said).toEqual([load.there, load.back]);
  expect(its.received, said).toEqual(own.sent);
  expect(own.received, said).toEqual(its.sent);
}
