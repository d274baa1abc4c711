import { nearest } from "../../config/nearest.ts";
import type { KeyPath } from "../../config/schema-text.ts";

/** Names that a topology file gives to nodes and segments, whether the rest of them is valid or not. */

/** What a name of a topology file stands for. */
export type DeclaredKind = "network" | "lan" | "router" | "host" | "lcce";

/** A name, and where the file gives it. */
export interface DeclaredName {
  readonly name: string;
  readonly kind: DeclaredKind;
  readonly path: KeyPath;
  /** A second name that checks may use: that of an LCCE's site. */
  readonly alias?: string | undefined;
}

/** TABLE: mappings of the file whose keys are names, and what these stand for. */
const sections = {
  networks: "network",
  lans: "lan",
  routers: "router",
  hosts: "host",
  lcces: "lcce",
} as const satisfies Readonly<Record<string, DeclaredKind>>;

/** Kinds of nodes: what has ports. */
export const nodeKinds: readonly DeclaredKind[] = ["router", "host", "lcce"];
/** Kinds of segments: what nodes have ports in. */
export const segmentKinds: readonly DeclaredKind[] = ["network", "lan"];

/** TABLE: kinds as text, with their article. */
const kindTexts: Readonly<Record<DeclaredKind, string>> = {
  network: "a network",
  lan: "a LAN",
  router: "a router",
  host: "a host",
  lcce: "an LCCE",
};

/** A kind as text, with its article. */
export function kindText(kind: DeclaredKind): string {
  return kindTexts[kind];
}

/** Several kinds as text, with articles. */
function kindsText(kinds: readonly DeclaredKind[]): string {
  const isAny = (...some: readonly DeclaredKind[]) => some.every((kind) => kinds.includes(kind));
  const rest = kinds.filter((kind) => !(isAny(...nodeKinds) && nodeKinds.includes(kind)));
  const texts = [...(isAny(...nodeKinds) ? ["a node"] : []), ...rest.map(kindText)];
  return texts.join(" or ");
}

function keysOf(value: unknown, ...path: readonly string[]): readonly string[] {
  let inner = value as Readonly<Record<string, unknown>> | null | undefined;
  for (const step of path) inner = inner?.[step] as typeof inner;
  return typeof inner === "object" && inner !== null && !Array.isArray(inner) ? Object.keys(inner) : [];
}

/** All names of a file. */
export function declaredNames(file: unknown): readonly DeclaredName[] {
  const ofSections = Object.entries(sections).flatMap(([section, kind]) =>
    keysOf(file, section).map((name): DeclaredName => ({ name, kind, path: [section, name] })),
  );
  const wan: readonly DeclaredName[] = keysOf(file).includes("wan")
    ? [{ name: "wan", kind: "network", path: ["wan"] }]
    : [];
  const ofSites = keysOf(file, "sites").flatMap((site): readonly DeclaredName[] => [
    { name: `switch-${site}`, kind: "lan", path: ["sites", site] },
    ...keysOf(file, "sites", site, "hosts").map(
      (name): DeclaredName => ({ name, kind: "host", path: ["sites", site, "hosts", name] }),
    ),
    { name: `lcce-${site}`, kind: "lcce", path: ["sites", site], alias: site },
  ]);
  return [...ofSections, ...wan, ...ofSites];
}

/** The name that a text stands for, if it is one. */
export function declared(names: readonly DeclaredName[], text: string): DeclaredName | undefined {
  // A name in capitals is invalid, which is told where it is given.
  return names.find(({ name }) => name.toLowerCase() === text) ?? names.find(({ alias }) => alias === text);
}

/** Names that an error lists; more would hide the message. */
const MOST_LISTED = 12;

/** A guess at what was meant, or all there is. */
export function choiceText(text: string, choices: readonly string[]): string {
  const like = nearest(text, choices);
  if (like !== undefined) return `; did you mean ${like}?`;
  if (choices.length === 0) return "";
  const listed = choices.slice(0, MOST_LISTED).join(", ");
  const more = choices.length - MOST_LISTED;
  return `; there ${choices.length === 1 ? "is" : "are"} ${listed}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Why a text is no name of one of these kinds; undefined where it is. */
export function nameProblem(
  names: readonly DeclaredName[],
  text: string,
  kinds: readonly DeclaredKind[],
): string | undefined {
  const found = declared(names, text);
  // A name that is given twice is told where it is given.
  const all = found === undefined ? [] : names.filter(({ name }) => name === found.name);
  if (all.some(({ kind }) => kinds.includes(kind))) return undefined;
  const choices = names.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
  if (found !== undefined)
    return `${text} is ${kindText(found.kind)}; wanted ${kindsText(kinds)}${listText(choices)}`;
  return `there is no ${wordsOf(kinds)} ${text}${choiceText(text, choices)}`;
}

function listText(choices: readonly string[]): string {
  return choices.length === 0 ? "" : `, such as ${choices[0]}`;
}

function wordsOf(kinds: readonly DeclaredKind[]): string {
  return kindsText(kinds).replaceAll(/\ban? /g, "");
}
