import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { longest } from "./support/longest-first.ts";

test("the files that are started first are there", () => {
  const isThere = (name: string) => existsSync(new URL(`${name}.test.ts`, import.meta.url));
  expect(longest.filter((name) => !isThere(name))).toEqual([]);
});
