import type { Issue } from "./issues.ts";
import { isMapping, type Mapping } from "./merge-keys.ts";
import { abilitiesOf, peerKinds } from "./peer-kinds.ts";
import type { KeyPath } from "./schema-text.ts";

/**
 * `defaults:` of a file: keys of all tunnels and pseudowires that do not have them. A tunnel gets its own
 * value of a key, or that of the defaults as a whole: a secret that is read from elsewhere, or other
 * prefixes, are no mixture. The mappings of a pseudowire are merged key by key, as their keys are independent
 * of each other: a pseudowire names its device, and takes the bridge.
 */

/** The value of a file with its defaults put in, and where the file has a key. */
export interface WithDefaults {
  readonly value: unknown;
  /** The path at which the file has the value of a path; the same for one that the file lacks. */
  readonly originOf: (path: KeyPath) => KeyPath;
}

/** TABLE: mappings of a pseudowire that are merged key by key. */
const mergedMappings: ReadonlySet<string> = new Set(["circuit", "circuit.port", "static"]);

/** TABLE: keys of a circuit, with those that go with another kind of device: no default of these is taken. */
const setAside: Readonly<Record<string, readonly string[]>> = {
  interface: ["tap", "bridge", "port"],
  tap: ["interface"],
};

/** Keys of a tunnel and its pseudowires that somebody else has, and the path at which the file says so. */
interface Source {
  readonly tunnel: unknown;
  readonly pseudowire: unknown;
  /** Path of `peer`, which stands for keys that the file has nowhere; absent for `defaults:`. */
  readonly peerAt?: KeyPath;
}

/**
 * Puts the defaults of a file, and what `peer` sets, into its tunnels and pseudowires.
 */
export function withDefaults(file: unknown): WithDefaults {
  if (!isMapping(file)) return { value: file, originOf: (path) => path };
  const { defaults, tunnels } = file;
  if (!isMapping(tunnels)) return { value: file, originOf: (path) => path };
  const merged = Object.fromEntries(
    Object.entries(tunnels).map(([name, tunnel]) => [
      name,
      sourcesOf(name, tunnel, defaults).reduce(withSource, tunnel),
    ]),
  );
  return {
    value: { ...file, tunnels: merged },
    originOf: (path) => originOf(path, tunnels, defaults),
  };
}

/** What a tunnel takes keys from, the first that has one first: a `peer` counts where it is written. */
function sourcesOf(name: string, tunnel: unknown, defaults: unknown): readonly Source[] {
  const ofDefaults = isMapping(defaults)
    ? [{ tunnel: defaults["tunnel"], pseudowire: defaults["pseudowire"] }]
    : [];
  if (isMapping(tunnel) && Object.hasOwn(tunnel, PEER))
    return [...presetOf(tunnel[PEER], ["tunnels", name, PEER]), ...ofDefaults];
  return [...ofDefaults, ...presetOf(inside(inside(defaults, "tunnel"), PEER), ["defaults", "tunnel", PEER])];
}

/** What a `peer` sets; nothing for one that does not exist. */
function presetOf(peer: unknown, peerAt: KeyPath): readonly Source[] {
  const known = peerKinds.find((kind) => kind === peer);
  return known === undefined ? [] : [{ ...abilitiesOf(known).sets, peerAt }];
}

function withSource(tunnel: unknown, source: Source): unknown {
  const own = mergedWith(tunnel, source.tunnel, []);
  if (!isMapping(own) || !isMapping(own["pseudowires"])) return own;
  const pseudowires = mapValues(own["pseudowires"], (each) => mergedWith(each, source.pseudowire, [], true));
  return { ...own, pseudowires };
}

function mapValues(mapping: Mapping, change: (value: unknown) => unknown): Mapping {
  return Object.fromEntries(Object.entries(mapping).map(([key, value]) => [key, change(value)]));
}

/** A mapping with the defaults that it takes; what is no mapping stays as it is. */
function mergedWith(own: unknown, defaults: unknown, at: readonly string[], isPseudowire = false): unknown {
  if (!isMapping(own) || !isMapping(defaults)) return own;
  const result: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(defaults)) {
    const path = [...at, key];
    const isOwn = Object.hasOwn(own, key);
    const isMerged = isPseudowire && isMergedMapping(path) && isMapping(value);
    if (!isTaken(key, own, at)) continue;
    if (isMerged) result[key] = mergedWith(isOwn ? own[key] : {}, value, path, true);
    // Each tunnel has values of its own: what is invalid in one is taken out of it.
    else if (!isOwn) result[key] = structuredClone(value);
  }
  return result;
}

function isMergedMapping(path: KeyPath): boolean {
  return mergedMappings.has(path.map(String).join("."));
}

/** Whether a mapping takes the default of a key that it may lack. */
function isTaken(key: string, own: Mapping, at: readonly string[]): boolean {
  if (key === "pseudowires") return false;
  // Its ids are of one pseudowire: the others share no more than the cookies and the like.
  if (key === "static") return Object.hasOwn(own, key);
  if (at.join(".") !== "circuit") return true;
  return !Object.entries(setAside).some(([kind, keys]) => Object.hasOwn(own, kind) && keys.includes(key));
}

function originOf(path: KeyPath, tunnels: Mapping, defaults: unknown): KeyPath {
  const [top, tunnelName = "", first, name = ""] = path;
  const isOfPseudowire = first === "pseudowires";
  const steps = isOfPseudowire ? PSEUDOWIRE_STEPS : TUNNEL_STEPS;
  if (top !== "tunnels" || path.length <= steps) return path;
  const tunnel = inside(tunnels, tunnelName);
  const within = path.slice(steps);
  let own = isOfPseudowire ? inside(inside(tunnel, "pseudowires"), name) : tunnel;
  for (const source of sourcesOf(String(tunnelName), tunnel, defaults)) {
    const theirs = isOfPseudowire ? source.pseudowire : source.tunnel;
    if (isOfDefaults(within, own, theirs, isOfPseudowire))
      return source.peerAt ?? ["defaults", isOfPseudowire ? "pseudowire" : "tunnel", ...within];
    own = mergedWith(own, theirs, [], isOfPseudowire);
  }
  return path;
}

/** Keys that lead to a tunnel, and to a pseudowire of it. */
const TUNNEL_STEPS = 2;
const PSEUDOWIRE_STEPS = 4;

/** Whether a value is that of the defaults. A mapping of merged keys belongs to whoever takes them. */
function isOfDefaults(path: KeyPath, own: unknown, defaults: unknown, isPseudowire: boolean): boolean {
  let [ours, theirs] = [own, defaults];
  for (const [index, step] of path.entries()) {
    const isMerged =
      isPseudowire && isMergedMapping(path.slice(0, index + 1)) && isMapping(inside(theirs, step));
    const isOurs = isMapping(ours) && Object.hasOwn(ours, step);
    if (!isMerged) return !isOurs && isMapping(theirs) && Object.hasOwn(theirs, step);
    [ours, theirs] = [inside(ours, step), inside(theirs, step)];
  }
  return false;
}

function inside(mapping: unknown, key: PropertyKey): unknown {
  return isMapping(mapping) && Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}

/** The key whose value sets others. */
const PEER = "peer";

/** What is said of a value that clashes with another's and is not its own. */
const OF_DEFAULTS = " (it takes that from `defaults`)";

/**
 * Issues where the file has what they are about. One of a default is told once, with the tunnel or pseudowire
 * that it is an issue of: none where the default is wrong on its own. A clash is told at each owner.
 */
export function issuesAtOrigin(issues: readonly Issue[], originOfPath: (path: KeyPath) => KeyPath): Issue[] {
  const result: Issue[] = [];
  const ofDefaults = new Map<string, { readonly index: number; readonly names: Set<string> }>();
  for (const issue of issues) {
    const path = originOfPath(issue.path);
    if (path !== issue.path && path.at(-1) === PEER && issue.path.at(-1) !== PEER) {
      const key = String(issue.path.at(-1));
      result.push({ ...issue, path, message: `${key}, which it sets: ${issue.message}` });
      continue;
    }
    const isOfDefaults = path[0] === "defaults";
    if (!isOfDefaults || issue.isClash) {
      // It can only be mended where the owner has a value of its own.
      result.push(isOfDefaults ? { ...issue, message: `${issue.message}${OF_DEFAULTS}` } : issue);
      continue;
    }
    const key = JSON.stringify([path.map(String), issue.message]);
    const known = ofDefaults.get(key) ?? { index: result.length, names: new Set<string>() };
    if (!ofDefaults.has(key)) result.push({ ...issue, path });
    ofDefaults.set(key, known);
    known.names.add(issue.path === path ? "" : ownerOf(issue.path));
  }
  for (const { index, names } of ofDefaults.values()) {
    const [first = ""] = names;
    const more = names.size > 1 ? ` and ${names.size - 1} more` : "";
    const issue = result[index];
    if (names.has("") || issue === undefined) continue;
    result[index] = { ...issue, message: `${issue.message} (${first}${more})` };
  }
  return result;
}

function ownerOf([, tunnel, within, pseudowire]: KeyPath): string {
  return within === "pseudowires" ? `pseudowire ${String(pseudowire)}` : `tunnel ${String(tunnel)}`;
}
