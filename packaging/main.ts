import { execFileSync } from "node:child_process";
import { relative } from "node:path";
import { makeArchive } from "./archive.ts";
import { makeDeb } from "./deb.ts";
import { CARRIED_MAJOR, nodeOf } from "./nodes.ts";
import { makeNpmPackage } from "./npm.ts";
import { repository } from "./paths.ts";
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
/** TABLE: the packages. */
const makers: Readonly<Record<string, (tree: Tree) => string>> = {
  npm: makeNpmPackage,
  deb: (tree) => makeDeb(tree, nodeOf(CARRIED_MAJOR), date, isQuick ? 0 : 6),
  archive: (tree) => makeArchive(tree, nodeOf(CARRIED_MAJOR), date),
};

const given = process.argv.slice(2).filter((word) => word !== "--quick");
const unknown = given.filter((name) => makers[name] === undefined);
if (unknown.length > 0)
  throw new Error(`make ${unknown.join(", ")}: there are ${Object.keys(makers).join(", ")}`);
const tree = await makeTree(date);
for (const name of given.length === 0 ? Object.keys(makers) : given)
  console.log(`package: ${relative(repository, makers[name]?.(tree) ?? "")}`);
