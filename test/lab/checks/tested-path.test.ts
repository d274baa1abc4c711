import { expect, test } from "vitest";
import { type RunningLab, testedPath } from "../../../src/lab/running.ts";
import { topologyFile } from "../../../src/lab/topology-files.ts";

const lab = (path: string, name: string): RunningLab => ({
  ...{ name, path, pid: 1, started: "1", maker: 1, makerStarted: "1" },
});

test("a name is first that of a lab that is up, whatever the path of its file", () => {
  expect(testedPath("live", [lab("/tmp/live.yaml", "live")])).toBe("/tmp/live.yaml");
  expect(testedPath("point-to-point", [lab("/tmp/p.yaml", "point-to-point")])).toBe("/tmp/p.yaml");
});

test("else it is that of a topology of the package", () => {
  expect(testedPath("point-to-point", [lab("/tmp/live.yaml", "live")])).toBe(topologyFile("point-to-point"));
  expect(() => testedPath("live", [])).toThrow("read topology live: not found");
});

test("a name of two labs is refused", () => {
  const labs = [lab("/a/live.yaml", "live"), lab("/b/live.yaml", "live")];
  expect(() => testedPath("live", labs)).toThrow("2 labs of that name are up");
});
