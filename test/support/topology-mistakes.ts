import { readFileSync } from "node:fs";
import { formatProblem } from "../../src/config/parse.ts";
import { type ParsedTopology, parseTopology } from "../../src/lab/format/parse-topology.ts";

/** Topologies as texts, for the tests of their format. */

/** Where the files of tests are thought to be. */
export const FOLDER = "/lab";

/** Files beside a topology, by their absolute paths. */
export type Files = Readonly<Record<string, string>>;

/** Parses a text as the file /lab/own.yaml, with other files beside it. */
export function parsed(text: string, files: Files = {}): ParsedTopology {
  return parseTopology(text, `${FOLDER}/own.yaml`, {
    readFile: (path) => {
      const found = files[path];
      return found === undefined ? { problem: `${path}: no such file` } : { text: found };
    },
    exists: (path) => Object.hasOwn(files, path),
    filterProblem: (filter) => (filter.includes("prot ") ? "no such filter" : undefined),
    hasProgram: (name) => name === "iperf3",
    fileProblem: () => undefined,
  });
}

/** What is told of a text: a line for each problem, with its place. */
export function told(text: string, files: Files = {}): readonly string[] {
  return parsed(text, files).problems.map((problem) => formatProblem(problem).replaceAll(`${FOLDER}/`, ""));
}

/** What a valid text is warned of: a line for each place, with the problems of one that is not valid. */
export function warned(text: string, files: Files = {}): readonly string[] {
  const { problems, ...valid } = parsed(text, files);
  const warnings = "warnings" in valid ? valid.warnings : problems;
  return warnings.map((problem) => formatProblem(problem).replaceAll(`${FOLDER}/`, ""));
}

/** A valid topology with nodes and checks of several kinds. */
export const wholeTopology = readFileSync(
  new URL("../lab/format/mistakes/whole.txt", import.meta.url),
  "utf8",
);

const configuration = [
  "tunnels:",
  "  t:",
  "    local: 198.51.100.1",
  "    remote: 192.0.2.1",
  "    pseudowires: { lan: { circuit: { interface: eth1 } } }",
  "",
].join("\n");

/** Files beside the whole topology. */
export const ownFiles: Files = {
  "/lab/own.yaml": wholeTopology,
  "/lab/b.yaml": configuration,
  "/lab/wrong.yaml": configuration.replace("remote", "remtoe"),
  "/lab/secret.yaml": configuration.replace(
    "    pseudo",
    "    secret: { file: /etc/wirespan.secret }\n    pseudo",
  ),
};

/** A mistake in the whole topology, and what is told of it. */
export interface Mistake {
  readonly title: string;
  readonly text: string;
  readonly told: readonly string[];
}

/**
 * Reads mistakes: a line `# TITLE` each, lines of the whole topology with `- ` before them, those in their
 * place with `+ `, and lines that are told with `> `. Without lines with `- ` the others are the whole text.
 */
export function readMistakes(text: string): readonly Mistake[] {
  return text
    .split(/^# /m)
    .slice(1)
    .map((part) => {
      const [title = "", ...lines] = part.split("\n");
      const marked = (mark: string) =>
        lines.flatMap((line) => (line.startsWith(`${mark} `) ? [line.slice(mark.length + 1)] : []));
      const [from, to] = ["-", "+"].map((mark) =>
        marked(mark)
          .map((line) => `${line}\n`)
          .join(""),
      );
      if (from === undefined || to === undefined || !wholeTopology.includes(from))
        throw new Error(`${title}: the whole topology has no ${from}`);
      return { title, text: from === "" ? to : wholeTopology.replace(from, () => to), told: marked(">") };
    });
}
