import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import { configurationReference } from "../../src/config/reference.ts";
import { repository } from "../paths.ts";
import {
  escaped,
  inline,
  item,
  markdownParts,
  type PageTitle,
  page,
  section,
  subsection,
  verbatim,
} from "./roff.ts";

/**
 * The manual pages: one for each command, made of what its help is made of; one for the configuration, of the
 * table of its keys; and one for discards, of the document that is made of their tables.
 */

/** Where commands stand in the manual: those of administrators. */
const COMMANDS = 8;

/** Files of pages and their texts; `date` is that of this version. */
export function manualPages(version: string, date: string): ReadonlyMap<string, string> {
  const help = { text: "" };
  const out = (text: string) => {
    help.text += text;
  };
  const program = createProgram({ out, error: out, exit: () => {} });
  /** What follows the generated help of a command: examples and the like. */
  const afterHelp = (command: Command): string => {
    help.text = "";
    command.outputHelp();
    return help.text.slice(command.helpInformation().length).trim();
  };
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .filter(({ parent }) => parent !== null);
  const own = commands.filter((command) => command.name() !== "help");
  const title = (name: string, volume: number, what: string): PageTitle => ({
    name,
    volume,
    what,
    date,
    version,
  });
  const others = [
    ...own.map((command) => `wirespan\\-${escaped(command.name())}(${COMMANDS})`),
    "wirespan.yaml(5)",
    "wirespan\\-discards(7)",
  ];
  const seeAlso = (name: string) => [
    section("See also"),
    ["wirespan(8)", ...others].filter((other) => !other.startsWith(`${escaped(name)}(`)).join(",\n"),
  ];
  const pages: [string, string][] = own.map((command) => {
    const name = `wirespan-${command.name()}`;
    const parts = [...commandParts(command, afterHelp), ...seeAlso(name)];
    return [`${name}.${COMMANDS}`, page(title(name, COMMANDS, firstWords(command)), parts)];
  });
  const overview = [...programParts(program, own, afterHelp(program)), ...seeAlso("wirespan")];
  pages.push([
    `wirespan.${COMMANDS}`,
    page(title("wirespan", COMMANDS, "L2TPv3 pseudowires for Ethernet"), overview),
  ]);
  const configuration = withoutOrigin(configurationReference());
  const ofConfiguration = [
    section("Description"),
    ...markdownParts(configuration),
    ...seeAlso("wirespan.yaml"),
  ];
  pages.push([
    "wirespan.yaml.5",
    page(title("wirespan.yaml", 5, "configuration of wirespan"), ofConfiguration),
  ]);
  const discards = withoutOrigin(readFileSync(join(repository, "docs/discards.md"), "utf8"));
  const ofDiscards = [section("Description"), ...markdownParts(discards), ...seeAlso("wirespan-discards")];
  const what = "what wirespan counts, and why frames and messages are discarded";
  pages.push(["wirespan-discards.7", page(title("wirespan-discards", 7, what), ofDiscards)]);
  return new Map(pages);
}

/** A document without the sentence that says what it is made of. */
function withoutOrigin(markdown: string): string {
  return markdown.replace(/\bMade from [\s\S]*?do\s+not edit\.\s*/, "");
}

/** The beginning of what a command does, as a line of whatis(1). */
function firstWords(command: Command): string {
  return (command.description().split(/[;:]/)[0] ?? "").trim();
}

function commandParts(command: Command, afterHelp: (command: Command) => string): readonly string[] {
  const after = afterHelp(command);
  const subcommands = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== "help");
  return [
    section("Synopsis"),
    synopsis(command),
    section("Description"),
    `.PP\n${inline(sentence(command.description()))}`,
    ...detailParts(command),
    ...(subcommands.length === 0 ? [] : [section("Commands")]),
    ...subcommands.flatMap((one) => [
      subsection(escaped(one.name())),
      synopsis(one),
      `.PP\n${inline(sentence(one.description()))}`,
      ...detailParts(one),
    ]),
    ...(after === "" ? [] : [section("Examples and notes"), verbatim(after)]),
  ];
}

function synopsis(command: Command): string {
  return `.PP\n\\fB${escaped(command.createHelp().commandUsage(command))}\\fR`;
}

/** Arguments and options. */
function detailParts(command: Command): readonly string[] {
  const help = command.createHelp();
  return [
    ...help
      .visibleArguments(command)
      .map((argument) =>
        item(`\\fI${escaped(help.argumentTerm(argument))}\\fR`, inline(help.argumentDescription(argument))),
      ),
    ...help
      .visibleOptions(command)
      .map((option) =>
        item(`\\fB${escaped(help.optionTerm(option))}\\fR`, inline(help.optionDescription(option))),
      ),
  ];
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

function programParts(program: Command, commands: readonly Command[], after: string): readonly string[] {
  const [examples = "", ...rest] = after.split(/\n{2,}/);
  return [
    section("Synopsis"),
    synopsis(program),
    section("Description"),
    `.PP\n${inline(sentence(program.description()))}`,
    section("Commands"),
    ...commands.map((command) =>
      item(
        `\\fB${escaped(command.name())}\\fR`,
        `${inline(sentence(command.description()))} See wirespan\\-${escaped(command.name())}(${COMMANDS}).`,
      ),
    ),
    section("Examples"),
    verbatim(examples.replace(/^Examples:\n/, "")),
    section("Files"),
    ...files.map(([path, text]) => item(`\\fI${escaped(path)}\\fR`, inline(text))),
    section("Environment"),
    ...environment.map(([name, text]) => item(`\\fB${escaped(name)}\\fR`, inline(text))),
    section("Exit status"),
    ...rest.map((paragraph) => `.PP\n${inline(paragraph.replaceAll("\n", " "))}`),
  ];
}

/** TABLE: files that an operator meets. */
const files: readonly (readonly [path: string, text: string])[] = [
  ["/etc/wirespan/wirespan.yaml", "The configuration, wirespan.yaml(5), of the service `wirespan`."],
  ["/etc/wirespan/NAME.yaml", "That of the service `wirespan@NAME`, in the network namespace NAME."],
  ["/run/wirespan/wirespan.sock", "The control socket, by which commands ask the daemon."],
  ["/sys/fs/bpf/wirespan", "What forwards on when a daemon of the eBPF plane crashed."],
  ["/usr/share/doc/wirespan", "Documents and examples; `docs/operating.md` is about operating it."],
];

/** TABLE: variables that are read. */
const environment: readonly (readonly [name: string, text: string])[] = [
  ["WIRESPAN_SOCKET", "The control socket of commands that have no `--socket`."],
  ["WIRESPAN_DEBUG", "Where it is set, the message of a failure has its stack."],
  [
    "NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
    "The service manager that the daemon tells of its state, sd_notify(3).",
  ],
];
