import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Document, isMap, isScalar, parseDocument, visit, YAMLMap } from "yaml";
import { ignoreOperational } from "../../bytes/errors.ts";
import { askStatus } from "../../daemon/api-client.ts";
import type { LabLcce, WirespanSource } from "../format/topology.ts";
import { configOf, logOf, RUN, socketOf } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

const MAIN = fileURLToPath(new URL("../../cli/main.js", import.meta.url));

const SECRET = `${RUN}/wirespan.secret`;

/**
 * The Wirespan of an LCCE; its configuration is written to /run, and the secret of the topology. `plane` is
 * instead of the topology's.
 */
export function wirespanProgram(
  { name, site, wirespan, plane: own }: LabLcce,
  secret: string | undefined,
  plane?: string,
): ProgramSettings {
  const source: WirespanSource = wirespan ?? { kind: "text", config: {} };
  const overrides: Overrides = { socket: socketOf(site), plane: plane ?? own };
  const file = configOf(site);
  return {
    node: name,
    name: "wirespan",
    command: [process.execPath, MAIN, "run", "-c", file],
    log: logOf(site),
    ...(source.kind === "file" ? { folder: dirname(source.file) } : {}),
    prepare: () => {
      if (secret !== undefined && !existsSync(SECRET)) writeFileSync(SECRET, `${secret}\n`, { mode: 0o600 });
      // What was changed in /run stays in a restart, as what was changed in a file of the user's own.
      if (source.kind === "file" || !existsSync(file)) writeFileSync(file, configText(source, overrides));
    },
    isUp: () => answers(socketOf(site)),
  };
}

/** Values of a lab, which are instead of those of a configuration. */
interface Overrides {
  readonly socket: string;
  readonly plane: string | undefined;
}

/** The configuration as the daemon of a lab gets it. Throws where the user's own file cannot be read. */
function configText(source: WirespanSource, overrides: Overrides): string {
  if (source.kind === "text") return withOverrides(new Document(source.config), overrides);
  const text = readFileSync(source.file, "utf8");
  const document = parseDocument(text);
  // What is wrong with a file is the daemon's to say.
  if (
    document.errors.length > 0 ||
    !isMap(document.contents) ||
    !isMap(document.get("lcce") ?? new YAMLMap())
  )
    return text;
  replaceFiles(document, source.files);
  return withOverrides(document, overrides);
}

function withOverrides(document: Document, { socket, plane }: Overrides): string {
  document.setIn(["lcce", "control_socket"], socket);
  document.set("log", { format: "json", level: "debug" });
  if (plane !== undefined) document.set("plane", plane);
  return document.toString();
}

/** Replaces the paths of files, wherever they stand. */
function replaceFiles(document: Document, files: Readonly<Record<string, string>>): void {
  visit(document, {
    Scalar: (_, scalar) => {
      const path = isScalar(scalar) && typeof scalar.value === "string" ? files[scalar.value] : undefined;
      if (path !== undefined) scalar.value = path;
    },
  });
}

/** Whether a daemon answers at its control socket. */
async function answers(socket: string): Promise<boolean> {
  try {
    await askStatus(socket);
    return true;
  } catch (error) {
    ignoreOperational(error);
    return false;
  }
}
