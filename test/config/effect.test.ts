import { expect, test } from "vitest";
import { hasEffect, leavesOfSchema } from "../support/configuration-keys.ts";

const leaves = leavesOfSchema().map((leaf) => ({ name: leaf.path.join("."), leaf }));

test.each(leaves)("$name: two values give two configurations", ({ leaf }) => {
  expect(hasEffect(leaf, (config) => config)).toBe(true);
});

test("every mapping of the file has keys to test", () => {
  for (const path of [
    "lcce.",
    "log.",
    "http.",
    "tunnels.t.secret.",
    "tunnels.t.pseudowires.p.circuit.",
    "tunnels.t.pseudowires.p.static.",
  ])
    expect(leaves.filter(({ name }) => name.startsWith(path)).length).toBeGreaterThan(1);
});
