import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addNative, installedVersion, nativeNames } from "./add-ons.ts";
import { nodeMajors, nodeOf } from "./nodes.ts";
import { packagesFolder, treeFolder } from "./paths.ts";
import { type Manifest, readManifest, type Tree } from "./tree.ts";

/**
 * The package for npm: the tree, with all packages that have add-ons inside it, so that nothing is compiled
 * and no script runs where it is installed. Only packages that its types name come from the registry.
 */

/** Fields of our manifest that the package has too. */
const kept = [
  "name",
  "version",
  "description",
  "license",
  "repository",
  "type",
  "bin",
  "exports",
  "os",
] as const;

/** What npm installs: no scripts, no packages that are in the bundle. */
function manifestOf(manifest: Manifest, { typePackages, manuals }: Tree): object {
  const { dependencies } = manifest;
  const fromRegistry = typePackages.map((name) => [name, dependencies[name]]);
  const within = nativeNames.map((name) => [name, installedVersion(name)]);
  return {
    ...Object.fromEntries(kept.map((key) => [key, manifest[key]])),
    cpu: [process.arch],
    // Those that add-ons are built for.
    engines: { node: nodeMajors.map((major) => (major === 20 ? "^20.19" : `^${major}`)).join(" || ") },
    man: manuals.map((name) => `./man/${name}`),
    dependencies: Object.fromEntries([...fromRegistry, ...within]),
    bundleDependencies: nativeNames,
  };
}

/** Makes the package of a tree; returns the path of the tarball. */
export function makeNpmPackage(tree: Tree): string {
  const folder = join(packagesFolder, "npm");
  rmSync(folder, { recursive: true, force: true });
  cpSync(treeFolder, folder, { recursive: true });
  mkdirSync(join(folder, "node_modules"));
  addNative(join(folder, "node_modules"), nodeMajors.map(nodeOf));
  writeFileSync(
    join(folder, "package.json"),
    `${JSON.stringify(manifestOf(readManifest(), tree), null, 2)}\n`,
  );
  const words = ["pack", "--loglevel=error", "--pack-destination", packagesFolder];
  return join(packagesFolder, execFileSync("npm", words, { cwd: folder, encoding: "utf8" }).trim());
}
