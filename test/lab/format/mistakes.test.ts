import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ownFiles, readMistakes, told, warned } from "../../support/topology-mistakes.ts";

describe.each(["keys", "nodes", "links", "checks", "wirespan"])(
  "mistakes in %s are told with their places",
  (subject) => {
    const file = new URL(`./mistakes/${subject}.txt`, import.meta.url);
    const mistakes = readMistakes(readFileSync(file, "utf8"));

    test.each(mistakes)("$title", ({ text, told: lines }) => {
      expect(lines.length).toBeGreaterThan(0);
      expect(told(text, ownFiles)).toEqual(lines);
    });
  },
);

describe("ends of tunnels that do not fit are warned of, and stop nothing", () => {
  const file = new URL("./mistakes/peers.txt", import.meta.url);

  test.each(readMistakes(readFileSync(file, "utf8")))("$title", ({ text, told: lines }) => {
    expect(told(text, ownFiles)).toEqual([]);
    expect(warned(text, ownFiles)).toEqual(lines);
  });
});
