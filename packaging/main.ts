import { relative } from "node:path";
import { repository, treeFolder } from "./paths.ts";
import { makeTree } from "./tree.ts";

/** `npm run package`: makes the packages, into .packages. */

await makeTree();
console.log(`package: ${relative(repository, treeFolder)}`);
