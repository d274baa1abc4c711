import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { bundle } from "./bundle.ts";
import { filesOf } from "./files.ts";
import { licenceTexts, packagesIn } from "./licences.ts";
import { manualPages } from "./man/pages.ts";
import { repository, treeFolder } from "./paths.ts";

/**
 * The tree that every package holds: what package.json lists in `files`, with the bundle in place of dist/'s
 * own modules. Other files of dist/, such as pages, are taken as they are.
 */

/** What the manifest of this repository has that packages need. */
export interface Manifest extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
}

/** What a tree is made of. */
export interface Tree {
  /** Packages whose code is in the bundle, by their folders in node_modules. */
  readonly bundled: readonly string[];
  /** The units for systemd, and the manual pages, by their names. */
  readonly units: readonly string[];
  readonly manuals: readonly string[];
  /** Our own licence. */
  readonly licence: string;
  /** Packages that the declarations of the library name. */
  readonly typePackages: readonly string[];
}

/** What the script of the web page carries; their licences stand with the others. */
const webPackages = ["node_modules/preact", "node_modules/uplot"] as const;
const WEB_LICENCES = "dist/web/LICENSES.txt";

/** Whether a file of dist/ is in the bundle: not the page's script, which browsers get as it is. */
export function isInBundle(path: string): boolean {
  return path.startsWith("dist/") && !path.startsWith("dist/web/") && /\.(?:js|d\.ts)$/.test(path);
}

/** Makes the tree anew, of dist/ as it is. Rejects with esbuild's error. */
export async function makeTree(date: Date): Promise<Tree> {
  rmSync(treeFolder, { recursive: true, force: true });
  const dist = join(treeFolder, "dist");
  mkdirSync(dist, { recursive: true });
  const metafile = await bundle(dist);
  const types = declarationsFrom("dist/index.d.ts");
  for (const path of listedFiles()) {
    if (path !== WEB_LICENCES && (!isInBundle(path) || types.files.has(path))) copy(path);
  }
  const bundled = packagesIn(Object.keys(metafile.inputs));
  writeFileSync(join(treeFolder, "THIRD-PARTY-LICENSES"), licenceTexts([...bundled, ...webPackages]));
  const manuals = manualPages(readManifest().version, date.toISOString().slice(0, 10));
  mkdirSync(join(treeFolder, "man"));
  for (const [name, text] of manuals) writeFileSync(join(treeFolder, "man", name), text);
  return {
    bundled,
    units: filesOf(join(treeFolder, "packaging")),
    manuals: [...manuals.keys()].sort(),
    licence: readFileSync(join(treeFolder, "LICENSE"), "utf8"),
    typePackages: [...types.packages].sort(),
  };
}

function copy(path: string): void {
  const target = join(treeFolder, path);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(repository, path), target);
}

/** The files that npm would put into a package of this repository. */
function listedFiles(): readonly string[] {
  const words = ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"];
  const listed = JSON.parse(execFileSync("npm", words, { cwd: repository, encoding: "utf8" }));
  const [{ files }] = Array.isArray(listed) ? listed : Object.values(listed);
  const paths = (files as readonly { readonly path: string }[]).map(({ path }) => path);
  if (!paths.includes("dist/index.d.ts")) throw new Error("dist/ is not built: npm run build");
  return paths;
}

const NAMED = /(?:\bfrom\s*|\bimport\(\s*|\bimport\s+)"([^"]+)"/g;

/** A declaration file and all that it leads to, and the packages that they name. */
function declarationsFrom(first: string): {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
} {
  const files = new Set<string>();
  const packages = new Set<string>();
  const follow = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    for (const [, name = ""] of readFileSync(join(repository, path), "utf8").matchAll(NAMED)) {
      if (!name.startsWith(".")) packages.add(name);
      else follow(posix.join(posix.dirname(path), name.replace(/\.[jt]s$/, ".d.ts")));
    }
  };
  follow(first);
  return { files, packages: new Set([...packages].filter((name) => !name.startsWith("node:"))) };
}
