import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { filesOf } from "./files.ts";
import type { NodeBuild } from "./nodes.ts";
import { packagesFolder, repository } from "./paths.ts";

/**
 * The packages whose add-ons fit one version of Node alone, and are compiled where they are installed: copies
 * of what npm's registry has, with add-ons for several versions built here, which `node-gyp-build` finds.
 */

/** A package, and what is changed in its copy. */
interface Compiled {
  readonly name: string;
  /** The file of the add-on below build/Release. */
  readonly built: string;
  /** The file that loads it, and how. */
  readonly loader: string;
  readonly loads: string;
}

/** TABLE: the packages whose add-ons are built here. */
const compiled: readonly Compiled[] = [
  {
    name: "raw-socket",
    built: "raw.node",
    loader: "index.js",
    loads: 'require ("./build/Release/raw.node")',
  },
  {
    name: "pcap",
    built: "pcap_binding.node",
    loader: "pcap.js",
    loads: 'require("./build/Release/pcap_binding")',
  },
];

/** What loads them, and that of netlink. */
const LOADER = "node-gyp-build";
/** Where koffi has its add-on. */
const KOFFI_ADD_ON = `@koromix/koffi-linux-${process.arch}`;

/** Files of a package that are needed to run it. */
const NEEDED = /^(?:.*\.(?:c?js|json)|licen[cs]e.*|README\.md)$/i;
/** TABLE: those of packages that are not, being for building and testing them. */
const forBuilding = [
  ...["examples?", "spec", "build", "node_modules", "vendor", "Gruntfile", "cnoke"],
  ...["src\\/koffi\\/src\\/trampolines", "bin\\.js", "build-test\\.js", "optional\\.js"],
];
const FOR_BUILDING = new RegExp(`^(?:${forBuilding.join("|")})\\b`);

/** The folder of an installed package. */
export function installed(name: string): string {
  return join(repository, "node_modules", name);
}

function manifestOf(name: string) {
  return JSON.parse(readFileSync(join(installed(name), "package.json"), "utf8"));
}

export function installedVersion(name: string): string {
  return manifestOf(name).version;
}

/** All packages with add-ons, and what they need: what packages of ours carry. */
export const nativeNames: readonly string[] = [
  ...compiled.map(({ name }) => name),
  ...["netlink", "koffi", KOFFI_ADD_ON, LOADER],
];

/**
 * Puts them into a folder of packages, with add-ons for these Nodes. Throws with what the compiler said where
 * one cannot be built.
 */
export function addNative(modules: string, nodes: readonly NodeBuild[]): void {
  addCompiled(modules, nodes);
  addShipped(modules);
}

function addCompiled(modules: string, nodes: readonly NodeBuild[]): void {
  for (const one of compiled) {
    const target = join(modules, one.name);
    copyPackage(one, target);
    const prebuilds = join(target, `prebuilds/linux-${process.arch}`);
    mkdirSync(prebuilds, { recursive: true });
    for (const node of nodes) {
      const file = join(prebuilds, `node.abi${node.abi}.glibc.node`);
      copyFileSync(builtFor(node, one), file);
      chmodSync(file, 0o644);
    }
  }
  copyNeeded(LOADER, join(modules, LOADER));
}

/** Fields of a manifest that mean something once a package is installed. */
const FIELDS = [
  ...["name", "version", "description", "license", "author", "repository", "homepage"],
  ...["type", "main", "module", "exports"],
];

/** TABLE: which of these packages need which others; what else they name is for building them. */
const needs: Readonly<Record<string, string>> = {
  "raw-socket": LOADER,
  pcap: LOADER,
  netlink: LOADER,
  koffi: KOFFI_ADD_ON,
};

/** Copies of a package what runs; a note says what was changed. */
function copyNeeded(name: string, target: string, note = ""): void {
  const paths = filesOf(installed(name)).filter((path) => NEEDED.test(path) && !FOR_BUILDING.test(path));
  for (const path of paths) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    copyFileSync(join(installed(name), path), join(target, path));
    chmodSync(join(target, path), 0o644);
  }
  const manifest = manifestOf(name);
  const needed = needs[name];
  const own = {
    ...Object.fromEntries(FIELDS.map((field) => [field, manifest[field]])),
    description: `${manifest.description ?? name}${note}`,
    dependencies: needed === undefined ? {} : { [needed]: installedVersion(needed) },
  };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(own, null, 2)}\n`);
}

function copyPackage({ name, loader, loads }: Compiled, target: string): void {
  copyNeeded(name, target, ` (changed for Wirespan: its add-ons are prebuilt, and loaded by ${LOADER})`);
  const parts = readFileSync(join(target, loader), "utf8").split(loads);
  if (parts.length !== 2)
    throw new Error(`change how ${name} loads its add-on: ${loader} of this version has no ${loads}`);
  writeFileSync(join(target, loader), parts.join(`require("${LOADER}")(__dirname)`));
}

/** The add-on of a package for a Node: compiled, unless this was done before. */
function builtFor(node: NodeBuild, { name, built }: Compiled): string {
  const versions = [name, "nan"].map((one) => `${one}-${manifestOf(one).version}`);
  const folder = join(packagesFolder, "add-ons", `node-${node.version}-${process.arch}`, versions.join("-"));
  const result = join(folder, "node_modules", name, "build/Release", built);
  if (existsSync(result)) return result;
  console.log(`package: compiling ${name} for Node ${node.version}`);
  rmSync(folder, { recursive: true, force: true });
  for (const one of [name, "nan"]) {
    const filter = (path: string) => !path.startsWith(join(installed(name), "build"));
    cpSync(installed(one), join(folder, "node_modules", one), { recursive: true, filter });
  }
  execFileSync(node.path, [nodeGyp(), "rebuild", "--loglevel=error"], {
    cwd: join(folder, "node_modules", name),
    env: {
      ...process.env,
      // binding.gyp runs `node`.
      PATH: `${dirname(node.path)}${delimiter}${process.env["PATH"]}`,
      // Not by an option: an npm that has this key in its configuration sets it here, which wins.
      npm_config_nodedir: node.folder,
    },
    // What it says is in the error.
    stdio: ["ignore", "ignore", "pipe"],
  });
  execFileSync("strip", ["--strip-unneeded", result]);
  // Throws where it was compiled with the headers of another Node.
  execFileSync(node.path, ["-e", "require(process.argv[1])", result], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return result;
}

/** npm brings the program that compiles add-ons. */
function nodeGyp(): string {
  const root = execFileSync("npm", ["root", "--global"], { encoding: "utf8" }).trim();
  const npm = process.env["npm_execpath"] ?? join(root, "npm/bin/npm-cli.js");
  const path = join(dirname(npm), "../node_modules/node-gyp/bin/node-gyp.js");
  if (!existsSync(path)) throw new Error(`find node-gyp: npm has none at ${path}`);
  return path;
}

/** TABLE: packages that ship their add-ons, and where those for this machine are. */
const shipped: Readonly<Record<string, readonly string[]>> = {
  netlink: [`prebuilds/linux-${process.arch}/node.napi.node`],
  koffi: [],
  [KOFFI_ADD_ON]: [`linux_${process.arch}/koffi.node`],
};

/** Puts packages that ship their add-ons into a folder of packages, with those for this machine alone. */
function addShipped(modules: string): void {
  for (const [name, addOns] of Object.entries(shipped)) {
    copyNeeded(name, join(modules, name));
    for (const path of addOns) {
      mkdirSync(dirname(join(modules, name, path)), { recursive: true });
      copyFileSync(join(installed(name), path), join(modules, name, path));
      execFileSync("strip", ["--strip-unneeded", join(modules, name, path)]);
    }
  }
}

/** The folders of all packages in a folder of packages. */
export function packageFolders(modules: string): readonly string[] {
  return readdirSync(modules, { withFileTypes: true }).flatMap(({ name }) =>
    name.startsWith("@")
      ? readdirSync(join(modules, name)).map((own) => join(modules, name, own))
      : [join(modules, name)],
  );
}
