import type { Node } from "yaml";
import { buildConfig } from "./build.ts";
import { checkConfig } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { issuesAtOrigin, type WithDefaults, withDefaults } from "./defaults.ts";
import { configFields, type RawConfig, type RawTunnel } from "./fields.ts";
import type { Issue } from "./issues.ts";
import { KeyLocations, type Location, locationsOf } from "./key-locations.ts";
import type { PeerKind } from "./peer-kinds.ts";
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

/** Keys whose values keep their text: YAML would take some for a number, and lose leading zeros. */
const textKeys: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

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
 * The parts of an invalid file that have no problem: `wirespan check` compares them with the machine all the
 * same.
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
  readonly locationsOf: (paths: readonly (readonly PropertyKey[])[]) => readonly Location[];
}

/**
 * Parses the text of a configuration file: the configuration, or every problem of the text with its location.
 * `hostName` is the machine's, for the default. Checks between keys run for every tunnel whose keys are valid
 * on their own.
 */
export function parseConfig(
  text: string,
  file: string,
  context: { readonly hostName: string },
): ParsedConfig {
  const found = readMapping(text, rules);
  const problems = (issues: readonly LocatedIssue[]) => locatedProblems(issues, text, file);
  if ("found" in found)
    return {
      problems: problems(found.found),
      validParts: found.parts && validPartsOf(found.parts, problems, context.hostName),
    };
  const { raw, places } = found.valid;
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
      const known = locationsOf(text, offsets);
      return offsets.map((offset) => known.get(offset) as Location);
    },
  };
}

/** TABLE: keys beside one, from whose invalid values an issue at that one may follow. */
const dependencies: Readonly<Record<string, readonly string[]>> = {
  remote: ["local"],
  interface: ["vlan", "allow_host_use"],
};

function validPartsOf(
  { lcce, tunnels, bridges, told, places, broken }: PartsInOrder,
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
  const isInOrder = (issue: Issue) =>
    !isAtMistake(issue) && (broken === undefined || places.isCompleteBefore(broken, issue));
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

/** The offsets of keys, also of those that come from `defaults:`. */
class Places {
  readonly #locations: KeyLocations;
  readonly #originOf: WithDefaults["originOf"];

  constructor(contents: Node, originOf: WithDefaults["originOf"]) {
    this.#locations = new KeyLocations(contents);
    this.#originOf = originOf;
  }

  locate(issues: readonly Issue[]): readonly LocatedIssue[] {
    return locateIssues(issuesAtOrigin(issues, this.#originOf), this.#locations);
  }

  offsetOf(issue: Issue): number {
    return this.#locations.offsetOf({ ...issue, path: this.#originOf(issue.path) });
  }

  /** As that of `KeyLocations`. */
  isCompleteBefore(offset: number, issue: Issue): boolean {
    return this.#locations.isCompleteBefore(offset, { ...issue, path: this.#originOf(issue.path) });
  }
}

/** The content of a valid text. */
interface ValidFile {
  readonly raw: RawConfig;
  readonly places: Places;
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
  /** Offset of the first mistake of YAML. */
  readonly broken: number | undefined;
}

/** A configuration as a YAML mapping. */
const rules: MappingRules<ValidFile, PartsInOrder> = {
  empty: "the file is empty; it needs `tunnels:`",
  noMapping: "wanted a mapping with `tunnels:`",
  textKeys,
  examine,
};

/** Checks one reading of a document against the schema and between keys. */
function examine({
  value: read,
  contents,
  broken,
}: Reading): { readonly valid: ValidFile } | InvalidMapping<PartsInOrder> {
  const { value, originOf } = withDefaults(read);
  const parsed = configFields.safeParse(value, { reportInput: true });
  const places = new Places(contents, originOf);
  const lcce = () => validLcce(value);
  const tunnels = () => (parsed.success ? Object.entries(parsed.data.tunnels) : validTunnels(value));
  const bridges = () => validBridges(value);
  const parts = { lcce, tunnels, bridges, places, broken };
  if (broken !== undefined) {
    const told = parsed.success ? [] : keyIssues(parsed.error, value);
    const complete = told.filter((issue) => places.isCompleteBefore(broken, issue));
    return { found: places.locate(complete), parts: { ...parts, told } };
  }
  const told = parsed.success ? checkConfig(parsed.data) : schemaIssues(parsed.error, value);
  if (parsed.success && told.length === 0) return { valid: { raw: parsed.data, places } };
  return { found: places.locate(told), parts: { ...parts, told } };
}

/** A problem as one line of text: file:line:column, path of the key, message. */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column}  ${path === "" ? "" : `${path}: `}${message}`;
}
