import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { repository } from "./paths.ts";

/**
 * The bundle: few files in place of hundreds, so that the command starts fast, and no package but the native
 * ones. Every file where execution begins, and that is named by its path or URL, stands where it stands in
 * dist/: it is one line that imports the bundle's part of the same name. So the URLs of the sources stay
 * true, also of what they read: package.json, topologies, documents.
 */

/** Packages with add-ons, which no bundle can hold. */
export const nativePackages = ["koffi", "netlink", "raw-socket", "pcap"] as const;

/** TABLE: where execution begins, besides what `programsIn` finds. */
const entrances = ["cli/main.ts", "index.ts"];

/** What a file starts by its URL: a worker, or another process. */
const PROGRAM = /\bnew URL\(\s*"([^"]+\.js)",\s*import\.meta\.url/g;

/** Programs and workers that sources start by their URLs, as paths below src/. */
export function programsIn(sources: readonly { readonly path: string; readonly text: string }[]): string[] {
  const found = sources.flatMap(({ path, text }) =>
    [...text.matchAll(PROGRAM)].map(([, name = ""]) =>
      posix.join(posix.dirname(path), name).replace(/\.js$/, ".ts"),
    ),
  );
  return [...new Set([...entrances, ...found])].sort();
}

function readSources(): readonly { readonly path: string; readonly text: string }[] {
  const root = join(repository, "src");
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

/** All parts of the bundle stand in this folder of dist/, whichever part a source gets into. */
const PARTS = "bundle";

/** Gives each source the URL that it has in dist/ without a bundle. */
const ownUrls: Plugin = {
  name: "own-urls",
  setup({ onLoad }) {
    const root = join(repository, "src");
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      if (!path.startsWith(`${root}/`)) return undefined;
      const built = relative(root, path).replace(/\.ts$/, ".js");
      const url = `new URL("../${built}", import.meta.url).href`;
      const text = readFileSync(path, "utf8").replaceAll("import.meta.url", url);
      // Entrances are executed, not the parts behind them.
      return { contents: text.replace(/^#!.*\n/, ""), loader: "ts" };
    });
  },
};

/** Packages of CommonJS call `require` for modules of Node. */
const requireOfNode =
  'import { createRequire as createRequireOfNode } from "node:module";\n' +
  "const require = createRequireOfNode(import.meta.url);";

/** Bundles src/ into `folder`, a dist/; returns what went in. Rejects with esbuild's error. */
export async function bundle(folder: string): Promise<Metafile> {
  const roots = programsIn(readSources());
  const { metafile } = await build({
    entryPoints: roots.map((path) => ({ in: join(repository, "src", path), out: partName(path) })),
    outdir: join(folder, PARTS),
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: { js: requireOfNode },
    external: [...nativePackages],
    plugins: [ownUrls],
    // Stacks of a crash name functions.
    keepNames: true,
    legalComments: "none",
    metafile: true,
    absWorkingDir: repository,
    logLevel: "warning",
  });
  for (const path of roots) writeEntrance(folder, path);
  return metafile;
}

function partName(path: string): string {
  return path.replace(/\.ts$/, "").replaceAll("/", "-");
}

function writeEntrance(folder: string, path: string): void {
  const file = join(folder, path.replace(/\.ts$/, ".js"));
  mkdirSync(dirname(file), { recursive: true });
  const part = `${posix.relative(posix.dirname(path), PARTS) || "."}/${partName(path)}.js`;
  const from = part.startsWith(".") ? part : `./${part}`;
  const isCommand = path === "cli/main.ts";
  const line = path === "index.ts" ? `export * from "${from}";` : `import "${from}";`;
  writeFileSync(file, `${isCommand ? "#!/usr/bin/env node\n" : ""}${line}\n`, {
    mode: isCommand ? 0o755 : 0o644,
  });
}
