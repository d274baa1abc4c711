import { expect, test } from "vitest";
import { SerialQueue } from "../../src/bytes/serial-queue.ts";

test("operations run one after another, in the order they were asked for", async () => {
  const queue = new SerialQueue();
  const trace: string[] = [];
  let finish = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const done = [
    queue.run(async () => {
      trace.push("first begins");
      await first;
      trace.push("first ends");
    }),
    queue.run(() => trace.push("second")),
  ];
  await Promise.resolve();
  expect(trace).toEqual(["first begins"]);
  finish();
  await Promise.all(done);
  expect(trace).toEqual(["first begins", "first ends", "second"]);
});

test("one that fails rejects for who asked for it, and the next one runs", async () => {
  const queue = new SerialQueue();
  const failed = queue.run(() => {
    throw new TypeError("ours");
  });
  const next = queue.run(() => 7);
  await expect(failed).rejects.toThrow(TypeError);
  expect(await next).toBe(7);
});

test("it is idle when all that was asked for is done, also what failed", async () => {
  const queue = new SerialQueue();
  let isDone = false;
  queue.run(() => Promise.reject(new Error("failed"))).catch(() => undefined);
  void queue.run(async () => {
    isDone = true;
  });
  await queue.idle();
  expect(isDone).toBe(true);
});
