import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { addNative, packageFolders } from "./add-ons.ts";
import { licenceText } from "./licences.ts";
import type { NodeBuild } from "./nodes.ts";
import { treeFolder } from "./paths.ts";
import type { Tree } from "./tree.ts";

/**
 * What the deb and the archive install: the tree with a Node and all packages, so that nothing else is
 * needed; manuals, completions, units, documents.
 */

/** Where things go, below the prefix. */
export interface Places {
  readonly library: string;
  readonly documents: string;
  readonly units: string;
  /** What stands in the command in front of library's path: nothing, or how its prefix is found. */
  readonly command: string;
}

/** What of the tree the program reads; the rest is for people. */
const READ = ["dist", "lab", "packaging", "docs/course", "package.json"];
const FOR_PEOPLE = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "examples"];

/** TABLE: where each shell looks for completions. */
const completions: Readonly<Record<string, string>> = {
  bash: "share/bash-completion/completions/wirespan",
  zsh: "share/zsh/vendor-completions/_wirespan",
  fish: "share/fish/vendor_completions.d/wirespan.fish",
};

/** Fills a prefix, such as /usr; returns the licences of all that is in it and not ours. */
export function fillPrefix(prefix: string, places: Places, node: NodeBuild, tree: Tree): string {
  const library = join(prefix, places.library);
  for (const path of READ) copyInto(join(treeFolder, path), join(library, path));
  const modules = join(library, "node_modules");
  addNative(modules, [node]);
  copyInto(node.path, join(library, "node"));
  execFileSync("strip", ["--strip-unneeded", join(library, "node")]);
  for (const path of FOR_PEOPLE) copyInto(join(treeFolder, path), join(prefix, places.documents, path));
  for (const name of tree.units)
    copyInto(join(treeFolder, "packaging", name), join(prefix, places.units, name));
  for (const name of tree.manuals) {
    const text = readFileSync(join(treeFolder, "man", name));
    writeInto(join(prefix, `share/man/man${name.slice(-1)}/${name}.gz`), gzipSync(text, { level: 9 }));
  }
  const main = join(library, "dist/cli/main.js");
  // It is run by the Node beside it, and not by one that the system may have.
  writeFileSync(main, readFileSync(main, "utf8").replace(/^#!.*\n/, ""));
  for (const [shell, path] of Object.entries(completions)) {
    const script = execFileSync(join(library, "node"), [main, "complete", shell]);
    writeInto(join(prefix, path), script);
  }
  writeInto(join(prefix, "bin/wirespan"), places.command);
  setModes(prefix);
  chmodSync(join(prefix, "bin/wirespan"), 0o755);
  chmodSync(join(library, "node"), 0o755);
  return licences(node, modules);
}

/** The licences of Node, of the bundle, and of the packages beside it. */
function licences(node: NodeBuild, modules: string): string {
  const text = readFileSync(join(node.folder, "LICENSE"), "utf8");
  const ofNode = `Node.js ${node.version}, and what it holds

${text}`;
  const ofBundle = readFileSync(join(treeFolder, "THIRD-PARTY-LICENSES"), "utf8");
  return [ofBundle, ...packageFolders(modules).map(licenceText), ofNode].join("\n\n");
}

function copyInto(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true, dereference: true });
}

export function writeInto(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Folders that all may enter, files that all may read; whatever umask this runs with. */
export function setModes(folder: string): void {
  execFileSync("chmod", ["-R", "u=rwX,go=rX", folder]);
  execFileSync("find", [folder, "-type", "f", "-exec", "chmod", "a-x", "{}", "+"]);
}

/** An empty folder. */
export function emptyFolder(path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}
