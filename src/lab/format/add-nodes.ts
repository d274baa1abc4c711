import type { YAMLMap } from "yaml";
import type { ConfigProblem } from "../../config/config.ts";
import { KeyLocations } from "../../config/key-locations.ts";
import { SourceTexts } from "../../config/source-texts.ts";
import {
  type LocatedIssue,
  locatedProblems,
  locateIssues,
  type MappingRules,
  readMapping,
} from "../../config/yaml-text.ts";
import type { TopologyContext } from "./context.ts";
import { parseTopology, textKeys } from "./parse-topology.ts";
import { nodesOf, type Topology } from "./topology.ts";

/** TABLE: keys of what can be added to a lab that is up: nodes, and what is on their links. */
const addable = ["routers", "hosts", "lcces", "links"];

/** Text of a file. */
export interface FileText {
  readonly text: string;
  readonly file: string;
}

/** A topology that nodes are added to. */
export interface BaseTopology extends FileText {
  /** Names of its nodes and segments. */
  readonly names: readonly string[];
}

/** A topology with more nodes than before, as text and whole; or what is wrong with what was to be added. */
export type GrownTopology =
  | { readonly text: string; readonly topology: Topology; readonly names: readonly string[] }
  | { readonly problems: readonly ConfigProblem[] };

type Mapping = Readonly<Record<string, unknown>>;

interface ReadText {
  readonly value: Mapping;
  readonly contents: YAMLMap;
}

const rules: MappingRules<ReadText, ReadText> = {
  empty: `the file is empty; wanted ${addable.join(", ")}`,
  noMapping: `wanted a mapping with ${addable.join(", ")}`,
  textKeys,
  examine: ({ value, contents }) => ({ valid: { value: value as Mapping, contents } }),
};

/**
 * Adds the nodes of another file to a valid topology. All is checked as if it stood in one file; problems
 * have their places in the other file. Paths of files are relative to that of the topology.
 */
export function addNodes(base: BaseTopology, more: FileText, context: TopologyContext): GrownTopology {
  const [before, read] = [readMapping(base.text, rules), readMapping(more.text, rules)];
  if ("found" in read) return { problems: locatedProblems(read.found, SourceTexts.of(more.text, more.file)) };
  if ("found" in before)
    return { problems: locatedProblems(before.found, SourceTexts.of(base.text, base.file)) };
  const locations = new KeyLocations(read.valid.contents);
  const located = (issues: readonly LocatedIssue[]) =>
    locatedProblems(issues, SourceTexts.of(more.text, more.file));
  const issues = misplaced(base.names, before.valid.value, read.valid.value);
  if (issues.length > 0) return { problems: located(locateIssues(issues, locations)) };
  const text = JSON.stringify(merged(before.valid.value, read.valid.value));
  const { topology, problems } = parseTopology(text, base.file, context);
  if (topology !== undefined) {
    const names = nodesOf(topology).map(({ name }) => name);
    return { text, topology, names: names.filter((name) => !base.names.includes(name)) };
  }
  const here = problems.map((problem) => {
    if (problem.file !== base.file) return problem;
    const path = problem.path.split(/[.[\]]+/).filter((step) => step !== "");
    const offset = locations.offsetOf({ path, message: "" });
    return located([{ offset, path: problem.path, message: problem.message }])[0] ?? problem;
  });
  return { problems: here };
}

/** Keys that cannot be added, and names that are there already. */
function misplaced(
  names: readonly string[],
  before: Mapping,
  more: Mapping,
): readonly { path: string[]; message: string }[] {
  return Object.entries(more).flatMap(([key, value]) => {
    if (!addable.includes(key)) {
      const message = `cannot be added to a lab that is up, only ${addable.join(", ")}`;
      return [{ path: [key], message, atKey: true }];
    }
    const present = key === "links" ? Object.keys(mappingOf(before[key])) : names;
    return Object.keys(mappingOf(value))
      .filter((name) => present.includes(name))
      .map((name) => ({ path: [key, name], message: "the lab has it already", atKey: true }));
  });
}

function merged(before: Mapping, more: Mapping): Mapping {
  const entries = Object.entries(more).map(([key, value]) => {
    // What is no mapping is told when all is parsed.
    if (typeof value !== "object" || value === null) return [key, value] as const;
    return [key, { ...mappingOf(before[key]), ...value }] as const;
  });
  return { ...before, ...Object.fromEntries(entries) };
}

function mappingOf(value: unknown): Mapping {
  return typeof value === "object" && value !== null ? (value as Mapping) : {};
}
