import { isCollection, type Node, type Range, stringify, type YAMLMap } from "yaml";
import type { ConfigProblem } from "../../config/config.ts";
import type { Issue } from "../../config/issues.ts";
import { KeyLocations } from "../../config/key-locations.ts";
import { type ParsedConfig, parseConfig } from "../../config/parse.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { SourceTexts } from "../../config/source-texts.ts";
import { locatedProblems, locateIssues, pathText } from "../../config/yaml-text.ts";
import type { LcceConfiguration } from "./check-wirespan.ts";
import type { TopologyContext } from "./context.ts";
import { declared } from "./declared.ts";
import type { Scope } from "./scope.ts";
import { type LabLcce, wirespansOf } from "./topology.ts";

/** Configurations of Wirespans, within a topology file or beside it, read as `wirespan check` reads them. */

/** The text of a topology file, and its YAML. */
export interface TopologyText {
  readonly text: string;
  readonly file: string;
  readonly contents: YAMLMap;
}

/** The configurations that are valid, at least in parts, and the problems of the others. */
export interface ReadLcceConfigurations {
  readonly configurations: readonly LcceConfiguration[];
  readonly problems: readonly ConfigProblem[];
}

/** Reads the configuration of every Wirespan. */
export function readLcceConfigurations(
  scope: Scope,
  from: TopologyText,
  context: TopologyContext,
): ReadLcceConfigurations {
  const read = wirespansOf(scope.topology).map((lcce) => {
    const path = [...(declared(scope.names, lcce.name)?.path ?? []), "wirespan"];
    return lcce.wirespan?.kind === "file"
      ? readFileOf(lcce, lcce.wirespan.file, path, from, context)
      : readBlock(lcce, path, from);
  });
  return {
    configurations: read.flatMap(({ configuration }) => configuration ?? []),
    problems: read.flatMap(({ problems }) => problems),
  };
}

interface ReadConfiguration {
  readonly configuration?: LcceConfiguration | undefined;
  readonly problems: readonly ConfigProblem[];
}

type Located = LcceConfiguration["located"];

function configurationOf(
  lcce: LabLcce,
  parsed: ParsedConfig,
  place: (problems: readonly ConfigProblem[]) => readonly ConfigProblem[],
): ReadConfiguration {
  const valid =
    parsed.config === undefined
      ? parsed.validParts && { config: parsed.validParts.config(), located: parsed.validParts.located }
      : { config: parsed.config, located: parsed.located };
  const located: Located = (issues) => place(valid?.located(issues) ?? []);
  return {
    configuration: valid && { lcce, config: valid.config, located },
    problems: place(parsed.problems),
  };
}

function readFileOf(
  lcce: LabLcce,
  file: string,
  path: KeyPath,
  from: TopologyText,
  { readFile }: TopologyContext,
): ReadConfiguration {
  const read = readFile(file);
  if ("problem" in read)
    return { problems: problemsAt(from, [{ path: [...path, "file"], message: read.problem }]) };
  return configurationOf(lcce, parseConfig(read.text, file, { hostName: lcce.name }), (problems) => problems);
}

function problemsAt(
  { text, file, contents }: TopologyText,
  issues: readonly Issue[],
): readonly ConfigProblem[] {
  return locatedProblems(locateIssues(issues, new KeyLocations(contents)), SourceTexts.of(text, file));
}

/** A block is the whole text with blanks around it, so that lines and columns stay those of the file. */
function readBlock(lcce: LabLcce, path: KeyPath, from: TopologyText): ReadConfiguration {
  const { text, file, contents } = from;
  const context = { hostName: lcce.name };
  const prefix = pathText(path);
  const node = contents.getIn(path, true) as Node | undefined;
  const [start, end] = (node?.range ?? [0, 0]) as Range;
  const within = text.slice(start, end);
  // A collection that is what it is without the text around it; aliases have their anchors elsewhere.
  if (isCollection(node) && node.anchor === undefined && !/[*&]/.test(within)) {
    const blanked = `${blank(text.slice(0, start))}${within}`;
    return configurationOf(lcce, parseConfig(blanked, file, context), (problems) =>
      problems.map((problem) => ({
        ...problem,
        path: problem.path === "" ? prefix : `${prefix}.${problem.path}`,
      })),
    );
  }
  const config = lcce.wirespan?.kind === "text" ? lcce.wirespan.config : {};
  return configurationOf(lcce, parseConfig(stringify(config), file, context), (problems) =>
    problems.flatMap((problem) =>
      problemsAt(from, [{ path: [...path, ...problem.path.split(".")], message: problem.message }]),
    ),
  );
}

function blank(text: string): string {
  return text.replaceAll(/[^\r\n]/g, " ");
}
