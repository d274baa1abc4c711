import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packagesFolder } from "../../packaging/paths.ts";

/** A package that `npm run package` made, by the ending of its name. Throws where there is none. */
export function packageFile(ending: string): string {
  const found = existsSync(packagesFolder) ? readdirSync(packagesFolder) : [];
  const name = found.find((one) => one.startsWith("wirespan") && one.endsWith(ending));
  if (name === undefined)
    throw new Error(`find a package *${ending} in ${packagesFolder}: first make them: npm run package`);
  return join(packagesFolder, name);
}
