import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { chosenOf } from "../../../src/cli/status/chosen.ts";
import { detailText } from "../../../src/cli/status/detail.ts";
import { statusText } from "../../../src/cli/status/overview.ts";
import { statusReports } from "../../support/status-reports.ts";

/** Texts are in files, to be read; `vitest -u` writes them anew. */
const goldenFile = (name: string) => `../golden/${name.replaceAll(" ", "-")}.txt`;

const widestOf = (text: string) => Math.max(...text.split("\n").map((line) => stringWidth(line)));

describe.each(Object.entries(statusReports))("the overview of %s", (name, report) => {
  test.each([80, 120])("at %i columns", async (columns) => {
    const text = statusText(report, columns);
    expect(widestOf(text)).toBeLessThanOrEqual(columns);
    await expect(`${text}\n`).toMatchFileSnapshot(goldenFile(`${name} ${columns}`));
  });

  test("has no line that is too long at any width, and no blanks at the ends of lines", () => {
    for (let columns = 60; columns <= 160; columns += 4) {
      const text = statusText(report, columns);
      expect(widestOf(text), `${columns}`).toBeLessThanOrEqual(columns);
      expect(text).not.toMatch(/ $/m);
    }
  });
});

const names = statusReports["all kinds"]!;
const all = [
  ...names.controlConnections.map(({ tunnel }) => tunnel),
  ...names.pseudowires.map(({ name }) => name),
];

test.each([80, 120])("all of each tunnel, pseudowire and bridge at %i columns", async (columns) => {
  const rates = new Map([
    [
      "lan",
      {
        receivedFramesPerSecond: 12_345,
        receivedBitsPerSecond: 98_765_432,
        transmittedFramesPerSecond: 0.5,
        transmittedBitsPerSecond: 400,
      },
    ],
  ]);
  const texts = [...all, "br0"].map((name) => detailText(names, chosenOf(names, name), rates, columns));
  for (const text of texts) expect(widestOf(text)).toBeLessThanOrEqual(columns);
  await expect(`${texts.join("\n\n----\n\n")}\n`).toMatchFileSnapshot(goldenFile(`details ${columns}`));
});
