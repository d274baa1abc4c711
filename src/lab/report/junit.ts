import type { CheckResult } from "../checks/result.ts";
import { discardedText } from "../checks/result-text.ts";
import { escaped } from "./markup.ts";
import type { TestDocument } from "./test-document.ts";

/** A test as JUnit XML, which systems for continuous integration read. */
export function junitXml({ topology, results, began, durationMs }: TestDocument): string {
  const failures = results.filter(({ passed }) => !passed).length;
  const attributes = [
    `name="wirespan lab ${escaped(topology.name)}"`,
    `tests="${results.length}" failures="${failures}" errors="0" skipped="0"`,
    `timestamp="${escaped(began.replace(/\.\d+Z$/, ""))}" time="${seconds(durationMs)}"`,
  ].join(" ");
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite ${attributes}>`,
    ...results.map((result) => caseXml(result, topology.name)),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function caseXml(result: CheckResult, topology: string): string {
  const { number, kind, title, passed, difference = "", expected, seen, command, durationMs } = result;
  const name = escaped(`${number} ${title}`);
  const className = escaped(`${topology}.${kind}`);
  const open = `    <testcase classname="${className}" name="${name}" time="${seconds(durationMs)}"`;
  if (passed) return `${open}/>`;
  const discarded = discardedText(result);
  const discards = discarded === "" ? [] : [`discarded: ${discarded}`];
  const text = [
    `expected: ${expected}`,
    `seen: ${seen}`,
    `difference: ${difference}`,
    ...discards,
    `repeat: ${command}`,
  ];
  return [
    `${open}>`,
    `      <failure type="${kind}" message="${escaped(difference)}">${escaped(text.join("\n"))}</failure>`,
    "    </testcase>",
  ].join("\n");
}
