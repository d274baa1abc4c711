import { describe, expect, test } from "vitest";
import { guideSteps, missingLine } from "../../support/guide.ts";

const guide = `# Lab
\`\`\`sh
wirespan lab up x
ping a
\`\`\`

\`\`\`text
2 received
\`\`\`
\`\`\`sh second
capture
\`\`\`
\`\`\`yaml
a: b
\`\`\`
\`\`\`sh fails
ping b
\`\`\`
Press Ctrl-C in the second terminal.
\`\`\`sh
decode
\`\`\`
`;

test("a guide is its blocks of commands, each with the output behind it", () => {
  const steps = guideSteps(guide);
  expect(steps.map(({ commands }) => commands)).toEqual([
    "wirespan lab up x\nping a\n",
    "capture\n",
    "ping b\n",
    "decode\n",
  ]);
  expect(steps.map(({ output }) => output)).toEqual(["2 received\n", undefined, undefined, undefined]);
  expect(steps.map(({ isSecond }) => isSecond)).toEqual([false, true, false, false]);
  expect(steps.map(({ fails }) => fails)).toEqual([false, false, true, false]);
  expect(steps.map(({ interrupts }) => interrupts)).toEqual([false, false, false, true]);
});

describe("what a guide promises is in an output", () => {
  test.each([
    ["2 received", "1 sent\n2 received\n", undefined],
    ["3 received", "1 sent\n2 received\n", "3 received"],
    ["a\nb", "b\na\n", "b"],
    ["a\n...\nc", "a\nb\nc", undefined],
    ["a...d", "a b c d", undefined],
    ["a...d", "a b c", "a...d"],
    ["a (b) [c]", "a (b) [c]", undefined],
    ["21  2026-11-29T14:37:26.236740Z  x  0xc218e2db", "3  2027-01-01T00:00:00.1Z  x  0x00000001", undefined],
    ["session 0xc218e2db", "session none", "session 0xc218e2db"],
    ["cookie b42d93494232968f", "cookie dda18bd7c988f16f", undefined],
    ["1 ms after", "22.5 ms after", undefined],
    ["VLAN 10", "VLAN 20", "VLAN 10"],
    ["to-b: up...", "\u001b[1mto-b\u001b[22m: \u001b[32mup\u001b[39m for 1 s", undefined],
  ])("%j in %j: missing is %j", (promised, output, missing) => {
    expect(missingLine(promised, output)).toBe(missing);
  });
});
