import type { Config, ConfigProblem } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";

const context = { hostName: "here.example" };

/** The problems of a text, which must have some. */
export function problemsOf(text: string): readonly ConfigProblem[] {
  const { config, problems } = parseConfig(text, "wirespan.yaml", context);
  if (config !== undefined) throw new Error(`in order, but should not be:\n${text}`);
  return problems;
}

/** The problems of a text as "line:column path: message", without the lists of keys that there are. */
export function linesOf(text: string): readonly string[] {
  return problemsOf(text).map(({ line, column, path, message }) => {
    const [short] = message.split("; there are ");
    return `${line}:${column} ${path}: ${short}`;
  });
}

/** The problems of a text as "message: path <what stands at the place>". */
export function marksOf(text: string): readonly string[] {
  const lines = text.split("\n");
  return problemsOf(text).map(({ line, column, path, message }) => {
    const token = /^[^\s,}]*/.exec(lines[line - 1]?.slice(column - 1) ?? "")?.[0];
    return `${message}: ${path} <${token}>`;
  });
}

/** The configuration of a text, which must be in order. */
export function configOf(text: string): Config {
  const { config, problems } = parseConfig(text, "wirespan.yaml", context);
  if (config === undefined)
    throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return config;
}

/**
 * A tunnel `branch` with the pseudowire `lan`, each with more keys, and what stands beside them, in flow
 * style.
 */
export function configText(
  keys: {
    readonly tunnel?: string;
    readonly pseudowire?: string;
    readonly circuit?: string;
    readonly top?: string;
  } = {},
): string {
  const { tunnel = "", pseudowire = "", circuit = "interface: eth1", top = "" } = keys;
  return `tunnels:
  branch:
    local: 192.0.2.1
    remote: 192.0.2.2
${tunnel === "" ? "" : `    ${tunnel}\n`}    pseudowires:
      lan:
${pseudowire === "" ? "" : `        ${pseudowire}\n`}        circuit: { ${circuit} }
${top}`;
}

/** The same as a static tunnel with these keys in `static:`. */
export function staticText(staticKeys: string, pseudowire = ""): string {
  return configText({
    tunnel: "control: static",
    pseudowire:
      `static: { local_session_id: 1, remote_session_id: 2${staticKeys === "" ? "" : `, ${staticKeys}`} ` +
      `}${pseudowire === "" ? "" : `\n        ${pseudowire}`}`,
  });
}
