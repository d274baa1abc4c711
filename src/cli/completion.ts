import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { ignoreOperational } from "../bytes/errors.ts";
import { ignoreErrno } from "../os/errors.ts";
import { isThere, namesInDirectory } from "../os/files.ts";
import { defaultSocket } from "./daemon-socket.ts";

/** Who presses TAB waits no longer for names than this. */
const ANSWER_MS = 500;

/** What a value on the command line may be. */
interface Names {
  readonly tunnels: readonly string[];
  readonly pseudowires: readonly string[];
  readonly labs: readonly string[];
  readonly topologies: readonly string[];
  /** Paths that begin with the word that is completed. */
  readonly paths: readonly string[];
}

/** TABLE: what an argument of a command, or the value of an option, is one of, by its name in the help. */
const namesOfValue: Readonly<Record<string, (names: Names) => readonly string[]>> = {
  name: ({ tunnels, pseudowires }) => [...tunnels, ...pseudowires],
  tunnel: ({ tunnels }) => tunnels,
  pseudowire: ({ pseudowires }) => pseudowires,
  lab: ({ labs }) => labs,
  topology: ({ topologies, paths }) => [...topologies, ...paths],
  file: ({ paths }) => paths,
  files: ({ paths }) => paths,
  folder: ({ paths }) => paths,
  path: ({ paths }) => paths,
};

/**
 * Adds `wirespan complete`, which prints a script for a shell, and answers that script when TAB is pressed
 * (`complete -- WORDS`). The library answers at once, so that names are asked for before; and it never has
 * the shell complete paths.
 */
export async function addCompletion(program: Command, words: readonly string[]): Promise<void> {
  const isAsked = words.includes("--");
  const names = isAsked ? await namesFor(words) : undefined;
  const answer = (name: string) => (complete: (value: string, description: string) => void) => {
    if (names === undefined) return;
    for (const value of new Set(namesOfValue[name]?.(names))) complete(value, "");
  };
  const options = optionsOf(program);
  for (const [path, command] of tab(program).commands) {
    for (const [name, argument] of command.arguments) argument.handler = answer(name);
    for (const [name, option] of command.options) {
      const value = options.get(`${path} --${name}`);
      if (value !== undefined) option.handler = answer(value);
    }
  }
}

/** The names of the values that options take, by the path of their command and themselves. */
function optionsOf(command: Command, path = ""): ReadonlyMap<string, string> {
  const own = command.options.flatMap(({ long, flags }) => {
    const value = /[<[]([\w-]+)/.exec(flags)?.[1];
    return value === undefined ? [] : [[`${path} ${long}`, value] as const];
  });
  const below = command.commands.flatMap((one) => [
    ...optionsOf(one, path === "" ? one.name() : `${path} ${one.name()}`),
  ]);
  return new Map([...own, ...below]);
}

async function namesFor(words: readonly string[]): Promise<Names> {
  return {
    ...(await namesOfDaemon(words)),
    ...(await namesOfLabs(words)),
    paths: pathsFrom(words.at(-1) ?? ""),
  };
}

/** Paths that begin with these characters; those of folders end with a slash. */
function pathsFrom(begin: string): readonly string[] {
  const folder = begin.slice(0, begin.lastIndexOf("/") + 1);
  try {
    return namesInDirectory(folder === "" ? "." : folder)
      .map((name) => `${folder}${name}`)
      .filter((path) => path.startsWith(begin))
      .map((path) => (isThere(`${path}/.`) ? `${path}/` : path));
  } catch (error) {
    ignoreErrno(error);
    return [];
  }
}

/** Names of the daemon that runs; none where it does not answer. */
async function namesOfDaemon(words: readonly string[]): Promise<Pick<Names, "tunnels" | "pseudowires">> {
  const { askStatus } = await import("../daemon/api-client.ts");
  const at = words.indexOf("--socket");
  const socket = (at < 0 ? undefined : words[at + 1]) ?? defaultSocket();
  try {
    const { controlConnections, pseudowires } = await askStatus(socket, ANSWER_MS);
    return {
      tunnels: controlConnections.map(({ tunnel }) => tunnel),
      pseudowires: pseudowires.map(({ name }) => name),
    };
  } catch (error) {
    ignoreOperational(error);
    return { tunnels: [], pseudowires: [] };
  }
}

async function namesOfLabs(words: readonly string[]): Promise<Pick<Names, "labs" | "topologies">> {
  if (!words.includes("lab")) return { labs: [], topologies: [] };
  const [{ runningLabs }, { topologyNames }] = await Promise.all([
    import("../lab/running.ts"),
    import("../lab/topology-files.ts"),
  ]);
  return { labs: runningLabs().map(({ name }) => name), topologies: topologyNames() };
}
