import { describe, expect, test } from "vitest";
import { withPart } from "../../lab/bench/document.ts";
import { barsOf, plotSpec, plotSvg } from "../../lab/bench/plot.ts";
import { type BenchResults, PLAIN, VXLAN } from "../../lab/bench/results.ts";

const machine = {
  ...{ date: "2026-01-02", kernel: "6.12.1", processor: "Example 1", cores: 2, memoryGigabytes: 8 },
  ...{ node: "20.19.0", wirespan: "0.1.0" },
};
const results: BenchResults = {
  machine,
  repetitions: 1,
  seconds: 1,
  candidates: [
    { name: PLAIN, values: { clean60: [500], tcp1: [20] } },
    { name: VXLAN, values: { clean60: [250], tcp1: [15] } },
    { name: "Wirespan userspace, UDP, IPv4, cookie 8, new interface in a bridge", values: { tcp1: [5] } },
  ],
  skipped: [],
};

describe("the plot", () => {
  test("has a bar for each measure of each candidate but the plain bridge", () => {
    expect(barsOf(results)).toEqual([
      { candidate: "kernel VXLAN", measure: "TCP, one flow", ratio: 0.75 },
      { candidate: "kernel VXLAN", measure: "60-octet frames at 1 % loss or less", ratio: 0.5 },
      {
        candidate: "Wirespan userspace, UDP; new interface in a bridge",
        measure: "TCP, one flow",
        ratio: 0.25,
      },
    ]);
    expect(plotSpec(results).data).toEqual({ values: barsOf(results) });
  });

  test("is drawn as SVG, with the names of the candidates and their ratios", async () => {
    const svg = await plotSvg(results);
    expect(svg).toMatch(/^<svg /);
    for (const text of ["kernel VXLAN", "new interface in a bridge", "0.75", "times the plain bridge"])
      expect(svg).toContain(`>${text}<`);
  });
});

describe("a part of a document", () => {
  const document = "# A\n\n<!-- bench:one -->\nold\n<!-- /bench:one -->\n\nrest\n";

  test("is written between its marks, and again to the same", () => {
    const once = withPart(document, "one", "| new |\n");
    expect(once).toBe("# A\n\n<!-- bench:one -->\n\n| new |\n\n<!-- /bench:one -->\n\nrest\n");
    expect(withPart(once, "one", "| new |")).toBe(once);
  });

  test("without marks is an error that names them", () => {
    expect(() => withPart(document, "two", "")).toThrow("<!-- bench:two -->");
  });
});
