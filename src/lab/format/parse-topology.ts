import type { ConfigProblem } from "../../config/config.ts";
import type { Issue } from "../../config/issues.ts";
import { KeyLocations } from "../../config/key-locations.ts";
import { SourceTexts } from "../../config/source-texts.ts";
import {
  type InvalidMapping,
  locatedProblems,
  locateIssues,
  type MappingRules,
  type Reading,
  readMapping,
} from "../../config/yaml-text.ts";
import { checkAddresses } from "./check-addresses.ts";
import { checkChecks } from "./check-checks.ts";
import { checkFiles, checkFilters, checkNeeds } from "./check-files.ts";
import { checkLinks } from "./check-links.ts";
import { checkNames } from "./check-names.ts";
import { checkNodes } from "./check-nodes.ts";
import { checkPeers } from "./check-peers.ts";
import { checkCircuitMtus, checkConfigurations } from "./check-wirespan.ts";
import type { TopologyContext } from "./context.ts";
import { expand } from "./expand.ts";
import { type RawTopology, topologyFields } from "./file-keys.ts";
import type { Topology } from "./topology.ts";
import { type ExaminedFile, examineFile, givesPort } from "./valid-part.ts";
import { readLcceConfigurations } from "./wirespan-blocks.ts";

/** A topology, with what of its tunnels' ends does not fit each other; or every problem of its file. */
export type ParsedTopology =
  | {
      readonly topology: Topology;
      readonly problems: readonly [];
      readonly warnings: readonly ConfigProblem[];
    }
  | { readonly topology?: undefined; readonly problems: readonly ConfigProblem[] };

/** What one reading of a file holds. */
interface ReadFile extends ExaminedFile {
  readonly contents: Reading["contents"];
  readonly raw?: RawTopology;
}

/** Keys of configurations within whose values keep their text, as in a file of their own. */
export const textKeys: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

/**
 * Parses the text of a topology file: the topology, or every problem of it, of the configurations in it and
 * of the user's own files that it names. `file` is an absolute path.
 */
export function parseTopology(text: string, file: string, context: TopologyContext): ParsedTopology {
  const rules: MappingRules<ReadFile, ReadFile> = {
    empty: "the file is empty; it needs `title:`, and nodes: see docs/lab.md",
    noMapping: "wanted a mapping with `title:`, and nodes: see docs/lab.md",
    textKeys,
    examine: (reading) => examine(reading, file, context),
  };
  const found = readMapping(text, rules);
  const read = "found" in found ? found.parts : found.valid;
  const ofConfigurations = read === undefined ? none : fromConfigurations(read, text, file, context);
  const problems = [
    ...("found" in found ? locatedProblems(found.found, SourceTexts.of(text, file)) : []),
    ...ofConfigurations.problems,
  ];
  if (problems.length > 0) return { problems: inOrder(problems, file) };
  const raw = read?.raw;
  return raw === undefined
    ? { problems: [{ file, line: 1, column: 1, path: "", message: rules.noMapping }] }
    : { topology: expand(raw, file), problems: [], warnings: inOrder(ofConfigurations.warnings(), file) };
}

function examine(
  { value, contents, broken }: Reading,
  file: string,
  context: TopologyContext,
): { readonly valid: ReadFile } | InvalidMapping<ReadFile> {
  const locations = new KeyLocations(contents);
  const examined = examineFile(value, file);
  const { issues, scope, isFollowUp, lacksPorts } = examined;
  if (broken !== undefined) {
    const complete = issues.filter((issue) => locations.isCompleteBefore(broken, issue));
    return { found: locateIssues(complete, locations) };
  }
  const ofAddresses = scope === undefined ? [] : checkAddresses(scope);
  const between: readonly Issue[] =
    scope === undefined
      ? []
      : [
          ...checkNames(scope),
          ...[...ofAddresses, ...checkNodes(scope)].filter((issue) => !lacksPorts(issue)),
          ...checkLinks(scope),
          ...checkChecks(scope),
          ...checkFiles(scope, context),
          ...checkFilters(scope, context),
        ];
  const all = [...issues, ...between.filter((issue) => !isFollowUp(issue))];
  // Addresses that are wrong themselves are missed at the other ends of tunnels.
  const hasAllPorts = examined.hasAllPorts && !ofAddresses.some(({ path }) => givesPort(path));
  const read = { ...examined, hasAllPorts, contents };
  if (all.length > 0) return { found: locateIssues(all, locations), parts: read };
  const { data } = topologyFields.safeParse(value);
  return { valid: data === undefined ? read : { ...read, raw: data } };
}

/** What the configurations of Wirespans show. */
interface FromConfigurations {
  readonly problems: readonly ConfigProblem[];
  readonly warnings: () => readonly ConfigProblem[];
}

const none: FromConfigurations = { problems: [], warnings: () => [] };

function fromConfigurations(
  { scope, contents, hasAllPorts }: ReadFile,
  text: string,
  file: string,
  context: TopologyContext,
): FromConfigurations {
  if (scope === undefined) return none;
  const { configurations, problems } = readLcceConfigurations(scope, { text, file, contents }, context);
  // In an exercise, what is wrong is to be found by the student.
  const warnings = () => [
    ...locatedProblems(
      locateIssues(checkNeeds(scope, context), new KeyLocations(contents)),
      SourceTexts.of(text, file),
    ),
    ...(scope.raw.exercise === undefined
      ? [
          ...checkPeers(scope.topology, configurations, context),
          ...checkCircuitMtus(scope.topology, configurations),
        ]
      : []),
  ];
  // Addresses and ports that are not known would be missed in every configuration.
  const between = hasAllPorts ? checkConfigurations(scope, configurations, context) : [];
  return { problems: [...problems, ...between], warnings };
}

/** Problems in the order of the file, those of other files behind them, and each once. */
function inOrder(problems: readonly ConfigProblem[], file: string): readonly ConfigProblem[] {
  const once = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  const rank = (problem: ConfigProblem): number => (problem.file === file ? 0 : 1);
  return [...once.values()].sort(
    (a, b) => rank(a) - rank(b) || a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
}
