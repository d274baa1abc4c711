import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { NodeBuild } from "./nodes.ts";
import { packagesFolder } from "./paths.ts";
import { emptyFolder, fillPrefix, type Places, writeInto } from "./system.ts";
import { readManifest, type Tree } from "./tree.ts";

/** The archive: a folder that runs wherever it is unpacked. */

const places: Places = {
  library: "lib/wirespan",
  documents: "share/doc/wirespan",
  units: "lib/systemd/system",
  command: `#!/bin/sh
# Runs Wirespan with the Node beside it, wherever this folder is.
self=$(readlink -f "$0")
library=\${self%/bin/wirespan}/lib/wirespan
exec "$library/node" "$library/dist/cli/main.js" "$@"
`,
};

/** Makes the archive; returns its path. */
export function makeArchive(tree: Tree, node: NodeBuild, date: Date): string {
  const { version } = readManifest();
  const name = `wirespan-${version}-linux-${process.arch}`;
  const parent = emptyFolder(join(packagesFolder, "archive"));
  const prefix = join(parent, name);
  const licences = fillPrefix(prefix, places, node, tree);
  writeInto(join(prefix, places.documents, "THIRD-PARTY-LICENSES"), licences);
  writeInto(join(prefix, places.documents, "LICENSE"), tree.licence);
  const path = join(packagesFolder, `${name}.tar.gz`);
  const same = [
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    `--mtime=@${date.getTime() / 1000}`,
  ];
  execFileSync("tar", [...same, "-C", parent, "-czf", path, name]);
  return path;
}
