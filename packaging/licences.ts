import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./paths.ts";

/** The licences of what packages carry of others. */

/** The folders of packages that files below node_modules belong to, such as "node_modules/yaml", sorted. */
export function packagesIn(paths: readonly string[]): readonly string[] {
  const folders = paths.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/** Name, version and licence of each package, with the text of its licence. */
export function licenceTexts(folders: readonly string[]): string {
  return folders.map((folder) => licenceText(join(repository, folder))).join("\n\n");
}

/** Throws where a package names no licence: it must not be carried. */
export function licenceText(folder: string): string {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (typeof license !== "string") throw new Error(`${name} ${version} (${folder}) names no licence`);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file === undefined ? textInReadme(folder, author) : readFileSync(join(folder, file), "utf8").trim();
  return `${"=".repeat(78)}\n${name} ${version}: ${license}\n${"=".repeat(78)}\n${text}\n`;
}

/** Some have their licence at the end of README.md; the rest have nothing but a name. */
function textInReadme(folder: string, author: unknown): string {
  const readme = join(folder, "README.md");
  const text = existsSync(readme) ? readFileSync(readme, "utf8") : "";
  const [, ...parts] = text.split(/^#{1,3} Licen[cs]e *\n|^Licen[cs]e *\n[-=]+\n/im);
  const ofAuthor = typeof author === "object" && author !== null && "name" in author ? author.name : author;
  return parts.at(-1)?.trim() || `Author: ${String(ofAuthor ?? "not named")}`;
}
