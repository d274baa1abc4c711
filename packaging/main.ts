import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { makeArchive } from "./archive.ts";
import { makeDeb } from "./deb.ts";
import { CARRIED_MAJOR, nodeOf } from "./nodes.ts";
import { makeNpmPackage } from "./npm.ts";
import { packagesFolder, repository } from "./paths.ts";
import { makeTree, type Tree } from "./tree.ts";

/**
 * `npm run package`: makes the packages, into .packages.
 * usage: npm run package -- [--quick] [npm|deb|archive]...
 * --quick compresses less: for tests.
 */

/** The date of what is packaged, that of its last change: the same sources make the same packages. */
function sourceDate(): Date {
  const given = process.env["SOURCE_DATE_EPOCH"];
  const seconds =
    given ?? execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: repository, encoding: "utf8" });
  return new Date(Number(seconds) * 1000);
}

const date = sourceDate();
const isQuick = process.argv.includes("--quick");

interface Kind {
  /** What names of such packages end with. */
  readonly ending: string;
  /** Makes it; returns its path. */
  readonly make: (tree: Tree) => string;
}

/** TABLE: the packages. */
const kinds: Readonly<Record<string, Kind>> = {
  npm: { ending: ".tgz", make: makeNpmPackage },
  deb: { ending: ".deb", make: (tree) => makeDeb(tree, nodeOf(CARRIED_MAJOR), date, isQuick ? 0 : 6) },
  archive: { ending: ".tar.gz", make: (tree) => makeArchive(tree, nodeOf(CARRIED_MAJOR), date) },
};

/** Makes a package of a tree. Those of other versions, which tests might take for it, go first. */
function makeAnew(kind: Kind, tree: Tree): void {
  for (const name of readdirSync(packagesFolder))
    if (name.startsWith("wirespan") && name.endsWith(kind.ending)) rmSync(join(packagesFolder, name));
  console.log(`package: ${relative(repository, kind.make(tree))}`);
}

const given = process.argv.slice(2).filter((word) => word !== "--quick");
const unknown = given.filter((name) => kinds[name] === undefined);
if (unknown.length > 0)
  throw new Error(`make ${unknown.join(", ")}: there are ${Object.keys(kinds).join(", ")}`);
const tree = await makeTree(date);
const wanted = given.length === 0 ? Object.values(kinds) : given.flatMap((name) => kinds[name] ?? []);
for (const kind of wanted) makeAnew(kind, tree);
