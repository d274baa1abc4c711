import type { z } from "zod";
import { type Complaint, checkLcce, checkTunnels } from "./check.ts";
import { configFields, nameRule, type RawTunnel, tunnelFields } from "./fields.ts";
import { complaintsOf } from "./schema-words.ts";

type KeyPath = readonly PropertyKey[];
type Mapping = Record<PropertyKey, unknown>;

/** What stands for an address that is missing or wrong, so that the rest of its tunnel can be looked at. */
const placeholders: Readonly<Record<string, string>> = { local: "192.0.2.1", remote: "192.0.2.2" };
/** What is taken out of a tunnel may leave another mistake behind; after so many rounds the rest is not looked at. */
const ROUNDS = 4;

/** Everything wrong with a file that its schema refuses: each key on its own, and between those keys that are in order. */
export function complaintsOfSchema(error: z.ZodError, value: unknown): readonly Complaint[] {
  return [...complaintsOfKeys(error, value), ...betweenKeys(value)];
}

/** What is wrong with keys on their own. */
export function complaintsOfKeys({ issues }: z.ZodError, value: unknown): readonly Complaint[] {
  const all = [...issues, ...issuesUnderBadNames(value)];
  const unknown = new Gone();
  for (const issue of all.filter(({ code }) => code === "unrecognized_keys"))
    for (const path of pathsOf(issue)) unknown.add(path);
  // What is said of a mapping as a whole may only follow from its unknown keys.
  const own = all.filter(({ code, path }) => code !== "custom" || !unknown.isIn(path));
  return own.flatMap(complaintsOf);
}

/** The paths that an issue is about. */
function pathsOf(issue: z.core.$ZodIssue): readonly KeyPath[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
}

/** The schema does not look at what stands under a name that is none. */
function issuesUnderBadNames(value: unknown): readonly z.core.$ZodIssue[] {
  const found: z.core.$ZodIssue[] = [];
  for (const [name, tunnel] of entriesOf(mappingOf(value)?.["tunnels"])) {
    if (nameRule.safeParse(name).success) continue;
    const { error } = tunnelFields.safeParse(tunnel, { reportInput: true });
    found.push(
      ...(error?.issues ?? []).map((issue) => ({ ...issue, path: ["tunnels", name, ...issue.path] })),
    );
  }
  return found;
}

/** Each tunnel without its keys that are wrong on their own, whose paths are added to `gone`; not those of which too little is left. */
export function soundTunnels(value: unknown, gone = new Gone()): readonly [string, RawTunnel][] {
  const { tunnels } = structuredClone(value) as { tunnels?: unknown };
  return entriesOf(tunnels).flatMap(([name, tunnel]): [string, RawTunnel][] => {
    const sound = soundPartOf(tunnel, ["tunnels", name], gone);
    return sound === undefined ? [] : [[name, sound]];
  });
}

/** What is wrong between keys, of each tunnel without its keys that are wrong on their own, and what would only follow from them. */
function betweenKeys(value: unknown): readonly Complaint[] {
  const lcce = configFields.shape.lcce.safeParse((value as { lcce?: unknown }).lcce);
  const gone = new Gone();
  const tunnels = soundTunnels(value, gone);
  const complaints = [
    ...(lcce.success ? checkLcce(lcce.data) : []),
    ...checkTunnels(tunnels, (path) => gone.isIn(path)),
  ];
  return complaints.filter((complaint) => !gone.explains(complaint));
}

/** A tunnel without what is wrong on its own, whose paths are added to `gone`; undefined where too little is left. */
function soundPartOf(tunnel: unknown, at: KeyPath, gone: Gone): RawTunnel | undefined {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { data, error } = tunnelFields.safeParse(tunnel, { reportInput: true });
    if (data !== undefined) return data;
    for (const issue of error?.issues ?? []) {
      for (const path of pathsOf(issue)) {
        const isMissing = issue.code === "invalid_type" && issue.input === undefined;
        const [first = ""] = path;
        if (path.length === 1 && Object.hasOwn(placeholders, first)) {
          if (mappingOf(tunnel) !== undefined) (tunnel as Mapping)[first] = placeholders[String(first)];
        } else removeAt(tunnel, isMissing ? path.slice(0, -1) : path);
        gone.add([...at, ...path]);
      }
    }
  }
  return undefined;
}

/** What was taken out of a file or is wrong in it, found without looking at all of it for each complaint. */
export class Gone {
  readonly #paths = new Set<string>();
  readonly #outer = new Set<string>();
  /** Names of keys that are gone, by the tunnel or other part of the file that they were in. */
  readonly #names = new Map<string, Set<string>>();

  add(path: KeyPath): void {
    this.#paths.add(textOf(path));
    for (let length = path.length; length > 0; length -= 1) this.#outer.add(textOf(path.slice(0, length)));
    const part = textOf(path.slice(0, 2));
    const names = this.#names.get(part) ?? new Set();
    this.#names.set(part, names.add(String(path.at(-1))));
  }

  /** Whether something of what a path leads to is gone, or all of it. */
  isIn(path: KeyPath): boolean {
    return this.#outer.has(textOf(path));
  }

  /** Whether what a path leads to is gone, or something of it, or what it is in. */
  concerns(path: KeyPath): boolean {
    return this.isIn(path) || path.some((_step, index) => this.#paths.has(textOf(path.slice(0, index + 1))));
  }

  /** Whether a complaint is about what is gone, about what it was in, or names it. */
  explains({ path, message }: Complaint): boolean {
    if (this.concerns(path)) return true;
    const names = this.#names.get(textOf(path.slice(0, 2)));
    return names !== undefined && message.split(/[^\w]+/).some((word) => names.has(word));
  }
}

function textOf(path: KeyPath): string {
  return JSON.stringify(path.map(String));
}

function removeAt(value: unknown, path: KeyPath): void {
  let inner = mappingOf(value);
  for (const step of path.slice(0, -1)) inner = mappingOf(inner?.[step]);
  const last = path.at(-1);
  if (inner !== undefined && last !== undefined) delete inner[last];
}

function mappingOf(value: unknown): Mapping | undefined {
  return typeof value === "object" && value !== null ? (value as Mapping) : undefined;
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(mappingOf(value) ?? {});
}
