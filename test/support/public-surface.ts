import { readFileSync } from "node:fs";
import { posix } from "node:path";

/** A declaration of a file of declarations, without its comments. */
export interface Declaration {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

interface DeclarationFile {
  readonly declared: ReadonlyMap<string, Declaration>;
  /** Names imported, or exported from elsewhere, with the file and the name that they have there. */
  readonly elsewhere: ReadonlyMap<string, { readonly file: string; readonly name: string }>;
  /** Names that the file exports by naming another file. */
  readonly forwarded: readonly string[];
  readonly namespaces: ReadonlyMap<string, string>;
}

const DECLARED = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|const|function) ([\w$]+)/;

/** Reads declarations as the compiler writes them: every statement begins at the first column. */
export class PublicSurface {
  readonly #folder: string;
  readonly #files = new Map<string, DeclarationFile>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Everything that a file exports, with the declarations of what it exports from others. */
  exported(file: string): ReadonlyMap<string, Declaration> {
    const { declared, forwarded, namespaces } = this.#read(file);
    const own = [...declared].filter(([, { text }]) => text.startsWith("export "));
    const others = forwarded.flatMap((name) => {
      const found = this.#find(file, name);
      return found === undefined ? [] : [[name, found] as const];
    });
    const inNamespaces = [...namespaces].flatMap(([namespace, from]) =>
      [...this.exported(from)].map(([name, found]) => [`${namespace}.${name}`, found] as const),
    );
    return new Map([...own, ...others, ...inNamespaces]);
  }

  /**
   * Types of the project that exported declarations use and that nobody can name, since they are not
   * exported; but for those that only compute other types.
   */
  unnamed(file: string, computing: ReadonlySet<string> = new Set()): readonly string[] {
    const exported = this.exported(file);
    const known = new Set([...exported.values()].map((found) => `${found.file} ${found.name}`));
    const missing = [...exported.values()].flatMap((user) =>
      this.#used(user)
        .filter((found) => !known.has(`${found.file} ${found.name}`) && !computing.has(found.name))
        .map((found) => `${found.name} of ${found.file}, in ${user.name}`),
    );
    return [...new Set(missing)].sort();
  }

  #used({ file, name, text }: Declaration): readonly Declaration[] {
    const code = text.replace(/"(?:\\.|[^"\\])*"/g, "").replace(/\btypeof [\w$.]+/g, "");
    const types = new Set([...code.matchAll(/(?<![\w$.])[A-Z][\w$]*/g)].map(([type]) => type));
    types.delete(name);
    return [...types].flatMap((type) => {
      const found = this.#find(file, type);
      if (found === undefined) return [];
      // A type that its file keeps to itself is only a part of the one that uses it.
      return found.text.startsWith("export ") ? [found] : this.#used(found);
    });
  }

  #find(file: string, name: string): Declaration | undefined {
    const { declared, elsewhere } = this.#read(file);
    const there = elsewhere.get(name);
    return declared.get(name) ?? (there === undefined ? undefined : this.#find(there.file, there.name));
  }

  #read(file: string): DeclarationFile {
    const before = this.#files.get(file);
    if (before !== undefined) return before;
    const read = parse(file, readFileSync(posix.join(this.#folder, file), "utf8"));
    this.#files.set(file, read);
    return read;
  }
}

function statementsOf(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return code
    .split(/\n(?=[a-z])/)
    .map((statement) => statement.replace(/\n\s*\n/g, "\n").trim())
    .filter((statement) => statement !== "");
}

function parse(file: string, text: string): DeclarationFile {
  const declared = new Map<string, Declaration>();
  const elsewhere = new Map<string, { readonly file: string; readonly name: string }>();
  const forwarded: string[] = [];
  const namespaces = new Map<string, string>();
  for (const statement of statementsOf(text)) {
    const from = /from "(\.[^"]+)"/.exec(statement)?.[1];
    const source = from === undefined ? "" : declarationFile(file, from);
    const namespace = /^export \* as (\w+)/.exec(statement)?.[1];
    const list = /^(import|export)(?: type)? \{([^}]*)\} from/.exec(statement);
    const name = DECLARED.exec(statement)?.[1];
    if (namespace !== undefined) namespaces.set(namespace, source);
    for (const item of list?.[2]?.split(",") ?? []) {
      const [original = "", alias = original] = item
        .trim()
        .replace(/^type /, "")
        .split(" as ");
      if (original === "" || source === "") continue;
      elsewhere.set(alias, { file: source, name: original });
      if (list?.[1] === "export") forwarded.push(alias);
    }
    if (name !== undefined) declared.set(name, { file, name, text: statement });
  }
  return { declared, elsewhere, forwarded, namespaces };
}

function declarationFile(file: string, from: string): string {
  return posix.join(posix.dirname(file), from.replace(/\.(?:js|ts)$/, ".d.ts"));
}
