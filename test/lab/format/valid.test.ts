import { expect, test } from "vitest";
import { readTopology } from "../../../src/lab/format/read.ts";
import { topologyName, topologyNames } from "../../../src/lab/topology-files.ts";
import { exampleLabs } from "../../support/example-labs.ts";
import { told, wholeTopology } from "../../support/topology-mistakes.ts";

test.each([...topologyNames(), ...exampleLabs()])("%s, a topology of this package, is valid", (name) => {
  expect(readTopology(name).name).toBe(topologyName(name));
});

test("the whole topology that mistakes are made in is valid", () => {
  expect(told(wholeTopology)).toEqual([]);
});
