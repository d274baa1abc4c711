import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { addressOf } from "../../src/os/libc.ts";
import { eventually } from "../support/lab.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/**
 * Asks for the address of an array that nobody has after that, as the code in front of a system call does.
 */
function dropped(): WeakRef<Uint8Array> {
  const octets = new Uint8Array(4096);
  expect(addressOf(octets)).toBeGreaterThan(0);
  return new WeakRef(octets);
}

test("an array whose address was taken outlives the call that it was for, and not many more", async () => {
  const array = dropped();
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  expect(array.deref()).toBeInstanceOf(Uint8Array);
  for (let other = 0; other < 64; other += 1) addressOf(new Uint8Array(8));
  await eventually("the array is collected", () => {
    collect();
    return array.deref() === undefined;
  });
});
