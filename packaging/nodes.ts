import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packagesFolder } from "./paths.ts";

/** Nodes as npm has them: to build add-ons for, to run tests with, and for packages to carry. */

/** The major versions that packages have add-ons for. */
export const nodeMajors = [20, 22, 24] as const;
/** The one that the deb and the archive carry. */
export const CARRIED_MAJOR = 24;

/** A Node in a folder of its own, which has include/ and LICENSE too. */
export interface NodeBuild {
  readonly folder: string;
  /** Of the program. */
  readonly path: string;
  readonly version: string;
  /** What add-ons of Node's own interface must be built for. */
  readonly abi: string;
}

/**
 * The newest Node of a major version, for the machine that this runs on. It is fetched once: remove
 * .packages/nodes to have a newer one.
 */
export function nodeOf(major: number): NodeBuild {
  const name = `node-linux-${process.arch}`;
  const prefix = join(packagesFolder, "nodes", String(major));
  const folder = join(prefix, "node_modules", name);
  const path = join(folder, "bin/node");
  if (!existsSync(path)) {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(join(prefix, "package.json"), "{}\n");
    const options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", ["install", ...options, `${name}@${major}`], { cwd: prefix, stdio: "inherit" });
  }
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const header = readFileSync(join(folder, "include/node/node_version.h"), "utf8");
  const abi = /^#define NODE_MODULE_VERSION (\d+)$/m.exec(header)?.[1];
  if (abi === undefined) throw new Error(`read the ABI of Node ${version}: ${folder} does not name it`);
  return { folder, path, version, abi };
}
