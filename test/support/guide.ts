/** Guides of the course as a list of steps: the commands of their `sh` blocks, and what they promise. */

import { stripVTControlCharacters } from "node:util";

/** A block of commands of a guide. */
export interface GuideStep {
  readonly commands: string;
  /** Whether it runs on in a second terminal; an interrupt ends it before the next step but one. */
  readonly isSecond: boolean;
  /** Whether its last command must fail. */
  readonly fails: boolean;
  /** The `text` block behind it: what is printed, with `...` for what is left out. */
  readonly output: string | undefined;
  /** Whether the guide says, before this step, to press Ctrl-C in the second terminal. */
  readonly interrupts: boolean;
}

const INTERRUPT = "Press Ctrl-C in the second terminal";
const FENCE = /^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm;

/** The steps of a guide, in their order. */
export function guideSteps(markdown: string): readonly GuideStep[] {
  const steps: GuideStep[] = [];
  let end = 0;
  for (const fence of markdown.matchAll(FENCE)) {
    const [whole, language = "", words = "", content = ""] = fence;
    const before = markdown.slice(end, fence.index);
    end = fence.index + whole.length;
    const last = steps.at(-1);
    if (language === "text" && last !== undefined)
      steps[steps.length - 1] = { ...last, output: `${last.output ?? ""}${content}` };
    if (language !== "sh") continue;
    steps.push({
      commands: content,
      isSecond: words.trim() === "second",
      fails: words.trim() === "fails",
      output: undefined,
      interrupts: before.includes(INTERRUPT),
    });
  }
  return steps;
}

/** TABLE: what differs from run to run, and what stands for it. */
const varying: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
  [/\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, "MAC"],
  // Of two that open at once, either may win.
  [/\b192\.0\.2\.[12]:1701\b/g, "LCCE"],
  [/0x[0-9a-f]{8}\b/g, "ID"],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{16,}\b/g, "OCTETS"],
  [/\b\d+(\.\d+)? ?ms\b/g, "MS"],
  [/^\d+ {2}/, "NUMBER  "],
  [/\s+/g, " "],
];

function normal(line: string): string {
  return varying.reduce((text, [pattern, word]) => text.replace(pattern, word), line.trim());
}

function patternOf(line: string): RegExp {
  const parts = line.split("...").map((part) => normal(part.replace(/^ | $/g, "")));
  const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`);
}

/** The first line of what a guide promises that an output does not have, in this order; undefined: none. */
export function missingLine(promised: string, output: string): string | undefined {
  // Colours: a run whose own output has them asks its commands for them too (FORCE_COLOR).
  const lines = stripVTControlCharacters(output).split("\n").map(normal);
  let at = 0;
  for (const line of promised.split("\n")) {
    if (line.trim() === "" || line.trim() === "...") continue;
    const pattern = patternOf(line);
    const found = lines.findIndex((candidate, index) => index >= at && pattern.test(candidate));
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}
