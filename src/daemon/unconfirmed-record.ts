import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { operationalMessage } from "../bytes/errors.ts";
import type { IncludeReader } from "../config/includes.ts";
import type { SourceFileText } from "../config/parse.ts";
import { configOfText, type LoadedConfig } from "./configuration-file.ts";
import { includedFrom } from "./included-files.ts";
import type { Log } from "./log.ts";
import { isJsonObject, RecordFile } from "./record-file.ts";

/**
 * A configuration that was applied to be confirmed, and was not (yet): kept in a file beside the control
 * socket, with the texts of the configuration before it, so that a daemon that starts meanwhile goes back.
 */

/** What the file has. */
export interface Unconfirmed {
  /** The main file. */
  readonly file: string;
  /** Digest of the files that were applied, by which it is known whether they were edited since. */
  readonly applied: string;
  /** The files of the configuration before, the main one first. */
  readonly former: readonly SourceFileText[];
}

/** Such a record, by its control socket. */
export type UnconfirmedRecord = RecordFile<Unconfirmed>;

/** Octets of SHA-256 of files, by which one set of files is told from another. */
export function digestOf(files: readonly SourceFileText[]): string {
  const hash = createHash("sha256");
  for (const { file, text } of files) hash.update(JSON.stringify([file, text]));
  return hash.digest("hex");
}

/** What a daemon starts with. */
export interface StartingConfiguration {
  readonly loaded: LoadedConfig;
  /** Digest of the files that were gone back from; undefined where the files are what runs. */
  readonly undone?: string;
  /** Why a record does not count; empty where there is none, or it does. */
  readonly told: readonly string[];
  readonly record: UnconfirmedRecord;
}

/**
 * What a daemon starts with: the configuration of the file, or the one before it, where the file is still the
 * one that was not confirmed. No secrets are kept: they are read as always.
 */
export function startingConfiguration(loaded: LoadedConfig, file: string): StartingConfiguration {
  const record: UnconfirmedRecord = new RecordFile(loaded.config.lcce.controlSocket, "unconfirmed");
  try {
    const unconfirmed = record.read(isUnconfirmed, "the configuration before one that was not confirmed");
    if (unconfirmed === undefined) return { loaded, told: [], record };
    const { file: main, applied, former: files } = unconfirmed;
    if (main !== file)
      return { loaded, told: [`the file that was not confirmed is ${main}, not this one`], record };
    if (applied !== digestOf(loaded.files))
      return {
        loaded,
        told: [`${file} was edited since it was applied and not confirmed: it counts`],
        record,
      };
    const former = formerOf(files);
    if (typeof former === "string") return { loaded, told: [former], record };
    return { loaded: former, undone: applied, told: [], record };
  } catch (error) {
    return { loaded, told: [operationalMessage(error)], record };
  }
}

/** Says in the log what a daemon starts with, and removes a record that does not count; it has the lock. */
export function tellStartingConfiguration(
  { undone, told, record }: Omit<StartingConfiguration, "loaded">,
  file: string,
  log: Log,
): void {
  for (const reason of told) log.warn({ event: "reload-undone", reason }, reason);
  if (undone === undefined) {
    if (told.length > 0) attemptSave(record, log);
    return;
  }
  const reason =
    `${file} was applied to be confirmed, and was not: this daemon starts with the configuration before; ` +
    "to apply the file: wirespan reload";
  log.warn({ event: "reload-undone", reason }, reason);
}

function attemptSave(record: UnconfirmedRecord, log: Log): void {
  try {
    record.save(undefined);
  } catch (error) {
    const problem = operationalMessage(error);
    log.error({ event: "reload-problem", problem }, problem);
  }
}

/** The configuration before, or why it cannot be read. */
function formerOf(files: Unconfirmed["former"]): LoadedConfig | string {
  const [main, ...included] = files;
  if (main === undefined) return "of the configuration before nothing was kept";
  const former = configOfText(main.text, main.file, readerOf(included));
  if (!("problems" in former)) return former;
  return `the configuration before cannot be read any more: ${former.problems[0]}`;
}

/** Reads files as they were, and no others: a directory has those of it. */
function readerOf(files: readonly SourceFileText[]): IncludeReader {
  const texts = new Map(files.map(({ file, text }) => [file, text]));
  return includedFrom({
    names: (directory) =>
      files.filter(({ file }) => dirname(file) === directory).map((one) => basename(one.file)),
    isDirectory: (path) => !texts.has(path),
    read: (path) => ({ text: texts.get(path) ?? "" }),
  });
}

function isUnconfirmed(value: unknown): value is Unconfirmed {
  if (!isJsonObject(value)) return false;
  const { file, applied, former } = value;
  return (
    typeof file === "string" &&
    typeof applied === "string" &&
    Array.isArray(former) &&
    former.every(
      (one) => isJsonObject(one) && typeof one["file"] === "string" && typeof one["text"] === "string",
    )
  );
}
