import { buildConfig } from "./build.ts";
import { checkConfig, checkDisabled, NO_TUNNEL } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { configTextKeys } from "./config-text.ts";
import { issuesAtOrigin, type WithDefaults, withDefaults } from "./defaults.ts";
import { withoutExtensions } from "./extensions.ts";
import { configFields, type RawConfig, type RawTunnel } from "./fields.ts";
import { type IncludeReader, Includes, type SourceFile, type WithIncludes } from "./includes.ts";
import type { Issue } from "./issues.ts";
import { KeyLocations } from "./key-locations.ts";
import type { PeerKind } from "./peer-kinds.ts";
import { type FileLocation, SourceTexts } from "./source-texts.ts";
import {
  keyIssues,
  RemovedPaths,
  schemaIssues,
  validBridges,
  validLcce,
  validTunnels,
} from "./valid-parts.ts";
import {
  type InvalidMapping,
  type LocatedIssue,
  locatedProblems,
  locateIssues,
  type MappingRules,
  type Reading,
  readMapping,
} from "./yaml-text.ts";

/**
 * A configuration, with the locations of its keys (which keep the whole text in memory); or every problem of
 * the text.
 */
export type ParsedConfig =
  | ({
      readonly config: Config;
      readonly problems: readonly [];
      /** The `peer` of each tunnel that has one. */
      readonly peers: ReadonlyMap<string, PeerKind>;
    } & FileLocations)
  | {
      readonly config?: undefined;
      readonly problems: readonly ConfigProblem[];
      /** The parts without problems, as far as they can be told apart. */
      readonly validParts?: ValidParts | undefined;
    };

/**
 * The parts of an invalid file that have no problem: `wirespan check --here` compares them with the machine
 * all the same.
 */
export interface ValidParts {
  /**
   * The tunnels without their invalid keys, with placeholders for missing addresses: to look at, not to run.
   */
  config(): Config;
  /** As that of `FileLocations`, without issues at keys that are invalid themselves. */
  located(issues: readonly Issue[]): readonly ConfigProblem[];
}

export interface FileLocations {
  /** The issues with file, line and column, in the order of the file. */
  readonly located: (issues: readonly Issue[]) => readonly ConfigProblem[];
  /** Locations of keys; of a missing one, that of the mapping that should have it. */
  readonly locationsOf: (paths: readonly (readonly PropertyKey[])[]) => readonly FileLocation[];
  /** The files that were read, the main one first, with their texts. */
  readonly files: readonly SourceFileText[];
  /** What is in order and hardly meant: of what is included, and of what is disabled. */
  readonly notes: () => readonly ConfigProblem[];
}

/** A file of a configuration. */
export interface SourceFileText {
  readonly file: string;
  readonly text: string;
}

/**
 * Parses the text of a configuration file: the configuration, or every problem of the text with its location.
 * `hostName` is the machine's, for the default. Checks between keys run for every tunnel whose keys are valid
 * on their own. `files` reads what `include` names; without it nothing can be included.
 */
export function parseConfig(
  text: string,
  file: string,
  context: { readonly hostName: string; readonly files?: IncludeReader },
): ParsedConfig {
  const texts = SourceTexts.of(text, file);
  const includes = new Includes(texts, context.files);
  const found = readMapping(text, { ...rules, examine: (reading) => examine(reading, file, includes) });
  const problems = (issues: readonly LocatedIssue[]) => locatedProblems(issues, texts);
  if ("found" in found)
    return {
      problems: problems(found.found),
      validParts: found.parts && validPartsOf(found.parts, problems, context.hostName),
    };
  const { raw, places, notes } = found.valid;
  return {
    config: buildConfig(raw, context.hostName),
    problems: [],
    peers: new Map(
      Object.entries(raw.tunnels).flatMap(([name, { peer }]) =>
        peer === undefined ? [] : [[name, peer] as const],
      ),
    ),
    located: (issues) => problems(places.locate(issues)),
    locationsOf: (paths) => {
      const offsets = paths.map((path) => places.offsetOf({ path, message: "" }));
      const known = texts.locationsOf(offsets);
      return offsets.map((offset) => known.get(offset) as FileLocation);
    },
    files: texts.files,
    notes: () => problems([...notes, ...places.locate(checkDisabled(raw))]),
  };
}

/** TABLE: keys beside one, from whose invalid values an issue at that one may follow. */
const dependencies: Readonly<Record<string, readonly string[]>> = {
  remote: ["local"],
  interface: ["vlan", "allow_host_use"],
};

function validPartsOf(
  { lcce, tunnels, bridges, told, places }: PartsInOrder,
  problems: (found: readonly LocatedIssue[]) => readonly ConfigProblem[],
  hostName: string,
): ValidParts {
  const wrong = RemovedPaths.of(told);
  const isAtMistake = ({ path, of = [] }: Issue) => {
    const beside = dependencies[String(path.at(-1))] ?? [];
    return [path, ...of, ...beside.map((key) => [...path.slice(0, -1), key])].some((one) =>
      wrong.concerns(one),
    );
  };
  const isInOrder = (issue: Issue) => !isAtMistake(issue) && places.isComplete(issue);
  return {
    config: () => {
      const nothing = configFields.parse({ tunnels: {} });
      const parts = {
        lcce: lcce() ?? nothing.lcce,
        bridges: bridges(),
        tunnels: Object.fromEntries(tunnels().map(withDevices)),
      };
      return buildConfig({ ...nothing, ...parts }, hostName);
    },
    located: (issues) => problems(places.locate(issues.filter(isInOrder))),
  };
}

/** A tunnel without pseudowires whose circuit has no valid device, and without a second secret alone. */
function withDevices([name, { next_secret: nextSecret, ...tunnel }]: [string, RawTunnel]): [
  string,
  RawTunnel,
] {
  const pseudowires = Object.entries(tunnel.pseudowires).filter(
    ([, { circuit }]) => circuit.tap !== undefined || circuit.interface !== undefined,
  );
  return [
    name,
    {
      ...tunnel,
      ...(nextSecret === undefined || tunnel.secret === undefined ? {} : { next_secret: nextSecret }),
      pseudowires: Object.fromEntries(pseudowires),
    },
  ];
}

/** The offsets of keys, also of those that come from `defaults:` or are in included files. */
class Places {
  readonly #sourceOf: WithIncludes["sourceOf"];
  readonly #originOf: WithDefaults["originOf"];

  constructor(sourceOf: WithIncludes["sourceOf"], originOf: WithDefaults["originOf"]) {
    this.#sourceOf = sourceOf;
    this.#originOf = originOf;
  }

  locate(issues: readonly Issue[]): readonly LocatedIssue[] {
    const locations = { offsetOf: (issue: Issue) => this.#offsetIn(issue) };
    return locateIssues(issuesAtOrigin(issues, this.#originOf), locations);
  }

  offsetOf(issue: Issue): number {
    return this.#offsetIn({ ...issue, path: this.#originOf(issue.path) });
  }

  /** Whether the key and value that an issue is about end before the first mistake of YAML of their file. */
  isComplete(issue: Issue): boolean {
    const path = this.#originOf(issue.path);
    const { locations, broken } = this.#sourceOf(path);
    return broken === undefined || locations.isCompleteBefore(broken, { ...issue, path });
  }

  #offsetIn(issue: Issue): number {
    const { base, locations } = this.#sourceOf(issue.path);
    return base + locations.offsetOf(issue);
  }
}

/** The content of a valid text. */
interface ValidFile {
  readonly raw: RawConfig;
  readonly places: Places;
  readonly notes: readonly LocatedIssue[];
}

/** What of an invalid text is valid. */
interface PartsInOrder {
  /** This node, valid but for `told`. */
  readonly lcce: () => RawConfig["lcce"] | undefined;
  /** Tunnels that are valid but for `told`. */
  readonly tunnels: () => readonly [string, RawTunnel][];
  /** Bridges, which are valid but for `told`. */
  readonly bridges: () => RawConfig["bridges"];
  readonly told: readonly Issue[];
  readonly places: Places;
}

/** A configuration as a YAML mapping. */
const rules: Omit<MappingRules<ValidFile, PartsInOrder>, "examine"> = {
  empty: "the file is empty; it needs `tunnels:`",
  noMapping: "wanted a mapping with `tunnels:`",
  textKeys: configTextKeys,
};

/** Checks one reading of a document, with what it includes, against the schema and between keys. */
function examine(
  reading: Reading,
  file: string,
  includes: Includes,
): { readonly valid: ValidFile } | InvalidMapping<PartsInOrder> {
  const { contents, broken } = reading;
  const main: SourceFile = { file, base: 0, locations: new KeyLocations(contents), broken };
  const { value: read, found, notes, sourceOf, isBroken } = includes.into(reading, main);
  const { value, originOf } = withDefaults(withoutExtensions(read));
  const parsed = configFields.safeParse(value, { reportInput: true });
  const places = new Places(sourceOf, originOf);
  const lcce = () => validLcce(value);
  const tunnels = () => (parsed.success ? Object.entries(parsed.data.tunnels) : validTunnels(value));
  const bridges = () => validBridges(value);
  const parts = { lcce, tunnels, bridges, places };
  if (isBroken) {
    const told = parsed.success ? [] : keyIssues(parsed.error, value);
    const complete = told.filter((issue) => places.isComplete(issue));
    return { found: [...found, ...places.locate(complete)], parts: { ...parts, told } };
  }
  const all = parsed.success ? checkConfig(parsed.data) : schemaIssues(parsed.error, value);
  // The tunnels may be in what could not be read.
  const told = found.length === 0 ? all : all.filter(({ message }) => message !== NO_TUNNEL);
  if (parsed.success && told.length + found.length === 0)
    return { valid: { raw: parsed.data, places, notes } };
  return { found: [...found, ...places.locate(told)], parts: { ...parts, told } };
}

/** A problem as one line of text: file:line:column, path of the key, message. */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column}  ${path === "" ? "" : `${path}: `}${message}`;
}
