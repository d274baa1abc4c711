import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { labStatusText, listedLab } from "../../../src/cli/lab-status-text.ts";
import { problemOf } from "../../../src/cli/shell.ts";
import { resultText } from "../../../src/lab/checks/result-text.ts";
import { readConfigurations } from "../../../src/lab/drawing/configurations.ts";
import { mermaidOfTopology, svgOfTopology } from "../../../src/lab/drawing/draw.ts";
import { labStateOf } from "../../../src/lab/drawing/lab-state.ts";
import { textDrawing } from "../../../src/lab/drawing/text-drawing.ts";
import { gradeLines, gradeRow } from "../../../src/lab/exercise/grade-text.ts";
import { exportedFiles } from "../../../src/lab/export/export.ts";
import { readPortNames } from "../../../src/lab/export/port-names.ts";
import { junitXml } from "../../../src/lab/report/junit.ts";
import { failedResult, passedResult, testDocument } from "../../support/test-results.ts";
import { told, wholeTopology } from "../../support/topology-mistakes.ts";
import { topologyIn } from "../../support/topology-text.ts";

/** Text that clears a terminal, begins a line of its own, and is HTML. */
const hostile = "a\u001b[2J\u009b31m\u0000\r\n- injected: true\n<script>x</script>\u202e\ufffe\ud800";
/** All that no output may have: an output of several lines has line ends alone. */
const harmful = /[^\P{Cc}\n\t]|[\p{Cs}\u2028-\u202e\ufffe]/u;

const topology = { ...topologyIn("point-to-point"), title: hostile, name: hostile };
const configurations = readConfigurations(topology);
const report = {
  ...{ name: "x", title: hostile, path: "/lab/x.yaml", since: new Date(0).toISOString(), links: [] },
  nodes: [
    {
      ...{ name: "a10", kind: "host" as const, addresses: {}, byHand: false },
      programs: [
        { name: "run", state: "ended" as const, ending: "exit status 1", problem: hostile, log: "/run/x" },
      ],
    },
  ],
};
const grade = {
  ...{ file: "x.yaml", exercise: "nat", problems: [hostile] },
  marks: [{ text: hostile, points: 1, passed: false, advice: hostile }],
};
const files = exportedFiles(topology, {
  ...{ texts: new Map(), unit: "[Unit]\n", nameOf: readPortNames(topology, []), node: undefined },
  containerlab: true,
});
const failed = { ...failedResult, title: hostile, expected: hostile, seen: hostile, difference: hostile };

/** TABLE: texts that are made of a title, or of what a program said. */
const outputs: Readonly<Record<string, string>> = {
  "a result that passed": resultText({ ...passedResult, title: hostile, seen: hostile }),
  "a result that failed": resultText(failed),
  "the state of a lab": labStatusText(report, 0),
  "the line of a lab in the list": listedLab(report, report, 0),
  "a drawing of text": textDrawing(topology, configurations),
  "a picture": svgOfTopology(topology, configurations, labStateOf(report)),
  "a flowchart of Mermaid": mermaidOfTopology(topology, configurations),
  "JUnit XML": junitXml(testDocument([failed])),
  "a grade": gradeLines(grade).join("\n"),
  "a row of grades": gradeRow(grade),
  "the message of a failure": problemOf(new Error(hostile)),
  ...Object.fromEntries(files.map(({ path, text }) => [`the exported ${JSON.stringify(path)}`, text])),
};

describe.each(Object.entries(outputs))("%s", (_, text) => {
  test("has no control character of a title or of what a program said", () => {
    expect(harmful.exec(text)?.[0].codePointAt(0)).toBe(undefined);
  });
});

test.each(["a result that passed", "a result that failed", "the state of a lab"])(
  "%s has no line that begins as others want it",
  (name) => {
    expect(outputs[name]).not.toMatch(/^(- injected|<script)/m);
  },
);

test("the title of a topology of containerlab stays in its comment", () => {
  const text = files.find(({ path }) => path.endsWith(".clab.yml"))?.text ?? "";
  expect(Object.keys(parse(text) as object)).toEqual(["name", "topology"]);
  expect(text.split("\n")[0]).toContain("- injected: true");
});

test("a title is HTML neither in README.md nor in a flowchart", () => {
  const readme = files.find(({ path }) => path === "README.md")?.text ?? "";
  expect(readme.split("\n")[0]).toContain("&lt;script>");
  expect(outputs["a flowchart of Mermaid"]).not.toContain("<script");
});

test.each(["\\e[2J", "\\0", "\\n- injected: true", "\\r", "\\x85", "\\x9b31m", "\\u2028", "\\t", "\\x7f"])(
  "a title with %s is refused at its line, of a topology and of a check",
  (sequence) => {
    const wrong = "a control character or a line end is in it: write text in one line";
    const line = wholeTopology.split("\n").findIndex((one) => one.startsWith("title:")) + 1;
    const titled = wholeTopology.replace(/^title:.*$/m, `title: "a${sequence}b"`);
    expect(told(titled)).toContain(`own.yaml:${line}:8  title: ${wrong}`);
    const check = wholeTopology.replace(
      "  - ping: [h10, b10]\n",
      (one) => `${one}    title: "a${sequence}b"\n`,
    );
    expect(told(check).join("\n")).toContain(`checks[0].title: ${wrong}`);
  },
);
