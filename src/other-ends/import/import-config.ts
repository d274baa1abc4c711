import { printableExcerpt } from "../../bytes/printable-text.ts";
import { formatProblem, parseConfig } from "../../config/parse.ts";
import { yamlText } from "../for-wirespan.ts";
import { readCiscoIos } from "./cisco-ios.ts";
import { Draft, type Loss } from "./draft.ts";
import { type ImportFormat, importFormats, LONGEST_IMPORT } from "./formats.ts";
import { readIpJson } from "./ip-json.ts";
import { readIpScript } from "./ip-script.ts";
import { readVyos } from "./vyos.ts";

/** Another program's configuration of this end, as a file of ours. */

interface Reader {
  /** Whether a text looks like it. */
  readonly isLike: (text: string) => boolean;
  readonly read: (text: string, draft: Draft) => void;
}

/** TABLE: how each format is known and read. */
const readers: Readonly<Record<ImportFormat, Reader>> = {
  "ip-json": { isLike: (text) => /^\s*[[{]/.test(text), read: readIpJson },
  "cisco-ios": {
    isLike: (text) => /^\s*(l2tp-class|pseudowire-class|xconnect)\s/m.test(text),
    read: readCiscoIos,
  },
  vyos: { isLike: (text) => /^\s*(set interfaces )?l2tpv3\s/m.test(text), read: readVyos },
  "ip-script": { isLike: (text) => /\bl2tp\s+add\s/.test(text), read: readIpScript },
};

/** Longest line that is read, in characters. */
const LONGEST_LINE = 1024 * 1024;

/** A file of ours; `lines` are what it lacks, one a line, as file:line. */
export interface ImportedConfig {
  /** Undefined where nothing was found. */
  readonly text: string | undefined;
  readonly lines: readonly string[];
  /** Whether it says all that its tunnels need. */
  readonly isComplete: boolean;
}

/** Reads a text; `file` is what messages call it, and `format` is found where it is not given. */
export function importConfig(text: string, file: string, format?: ImportFormat): ImportedConfig {
  const draft = new Draft();
  const reason = refusal(text);
  const kind = format ?? importFormats.find((name) => readers[name].isLike(text));
  if (reason !== undefined) draft.lose(0, "the whole text", reason, true);
  else if (kind === undefined)
    draft.lose(0, "the whole text", `is none of ${importFormats.join(", ")}: say which by --from`, true);
  else readers[kind].read(text, draft);
  const losses = draft.losses.map((loss) => lineOf(loss, file));
  const isWhole = draft.losses.every(({ isEssential }) => !isEssential);
  if (draft.tunnels.every(({ pseudowires }) => pseudowires.size === 0)) {
    const nothing = `${file}:1  no tunnel with a pseudowire was found`;
    return { text: undefined, lines: isWhole ? [...losses, nothing] : losses, isComplete: false };
  }
  const written = yamlText(fileOf(draft), commentOf(draft, file, kind));
  // What our own parser says of it is what is missing.
  const { problems } = parseConfig(written, "imported", { hostName: "localhost" });
  return {
    text: written,
    lines: [...losses, ...problems.map((problem) => `in what was made: ${formatProblem(problem)}`)],
    isComplete: isWhole && problems.length === 0,
  };
}

function refusal(text: string): string | undefined {
  if (text.length > LONGEST_IMPORT) return `is longer than ${LONGEST_IMPORT} characters`;
  let start = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
    if (end - start > LONGEST_LINE) return `has a line of more than ${LONGEST_LINE} characters`;
    start = end + 1;
  }
  return text.length - start > LONGEST_LINE
    ? `has a line of more than ${LONGEST_LINE} characters`
    : undefined;
}

function lineOf({ line, what, why, isEssential }: Loss, file: string): string {
  const place = line === 0 ? file : `${file}:${line}`;
  const end = isEssential ? " (needed)" : "";
  return `${place}  not taken over: ${what === "" ? "" : `${what}: `}${why}${end}`;
}

function fileOf({ lcce, tunnels }: Draft): Readonly<Record<string, unknown>> {
  const entries = tunnels
    .filter(({ pseudowires }) => pseudowires.size > 0)
    .map(({ name, keys, pseudowires }) => [name, { ...keys, pseudowires: Object.fromEntries(pseudowires) }]);
  return {
    ...(Object.keys(lcce).length === 0 ? {} : { lcce }),
    tunnels: Object.fromEntries(entries),
  };
}

function commentOf({ choices }: Draft, file: string, kind: ImportFormat | undefined): readonly string[] {
  return [
    `Made by wirespan import of ${printableExcerpt(file)} (${kind}).`,
    ...(choices.size === 0 ? [] : ["What that does not say was chosen, look at each:"]),
    ...[...choices].map((choice) => `- ${printableExcerpt(choice)}`),
  ];
}
