/** Manual pages in roff (groff_man(7)), also of what is Markdown. */

/** Text with what is special to roff written out. */
export function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
}

/** A line of text, which begins no request. */
function line(text: string): string {
  return text.startsWith(".") ? `\\&${text}` : text;
}

const SPAN = /`([^`]+)`|\*\*((?:[^*]|\*(?!\*))+)\*\*|\[((?:[^\]\\]|\\.)*)\]\([^()\s]+\)|\b_([^_]+)_\b/g;

/** A paragraph of Markdown: code and words in bold type, links by their text. */
export function inline(markdown: string): string {
  let at = 0;
  let text = "";
  for (const match of markdown.matchAll(SPAN)) {
    const [whole, code, bold, link, emphasis] = match;
    text += escaped(markdown.slice(at, match.index));
    if (bold !== undefined) text += `\\fB${escaped(bold.replaceAll("`", ""))}\\fR`;
    else if (link !== undefined) text += inline(link);
    else text += `\\f${code === undefined ? "I" : "B"}${escaped(code ?? emphasis ?? "")}\\fR`;
    at = match.index + whole.length;
  }
  return line(text + escaped(markdown.slice(at)));
}

/** An item with a term; both are roff. */
export function item(term: string, text: string): string {
  return `.TP\n${term}\n${text === "" ? "\\&" : text}`;
}

/** Lines that stay as they are. */
export function verbatim(text: string): string {
  return [".PP", ".nf", ...text.split("\n").map((one) => line(escaped(one))), ".fi"].join("\n");
}

export function section(title: string): string {
  return `.SH ${quoted(title.toUpperCase())}`;
}

export function subsection(title: string): string {
  return `.SS ${quoted(title)}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', "\\(dq")}"`;
}

/** What a page is about. */
export interface PageTitle {
  readonly name: string;
  readonly volume: number;
  /** What it is, in one line. */
  readonly what: string;
  readonly date: string;
  readonly version: string;
}

/** A whole page, of parts in roff. */
export function page({ name, volume, what, date, version }: PageTitle, parts: readonly string[]): string {
  const title = [name.toUpperCase(), `${volume}`, date, `Wirespan ${version}`, "Wirespan"].map(quoted);
  const head = [
    `.TH ${title.join(" ")}`,
    ".ad l",
    ".nh",
    section("Name"),
    `${escaped(name)} \\- ${inline(what)}`,
  ];
  return `${[...head, ...parts].join("\n")}\n`;
}

/**
 * A document in Markdown of this project's kind as parts: headings of the second level are sections, rows of
 * tables and items with a bold term are items. Its title is left out.
 */
export function markdownParts(markdown: string): readonly string[] {
  return markdown
    .split(/\n{2,}|\n(?=- )/)
    .map((block) => block.trim())
    .filter((block) => block !== "" && !block.startsWith("# "))
    .map(blockPart);
}

function blockPart(block: string): string {
  const heading = /^(#{2,}) (.*)$/.exec(block);
  if (heading !== null) {
    const title = inline(heading[2] ?? "").replace(/\\f[BIR]/g, "");
    return heading[1] === "##" ? section(title) : subsection(title);
  }
  const text = block.replace(/\n\s*/g, " ");
  if (block.startsWith("```")) return verbatim(block.replace(/^```.*\n|\n?```$/g, ""));
  if (block.startsWith("|")) return tablePart(block);
  const term = /^- \*\*(`[^`]+`|[^*]+)\*\*:? ?(.*)$/.exec(text);
  if (term !== null) return item(inline(`**${term[1]}**`), inline(term[2] ?? ""));
  if (text.startsWith("- ")) return item("\\(bu", inline(text.slice(2)));
  return `.PP\n${inline(text)}`;
}

/** From this number of columns on, cells have the name of their column. */
const MANY_COLUMNS = 4;

function tablePart(table: string): string {
  const [columns = [], , ...rows] = table.split("\n").map((row) =>
    row
      .replace(/^\||\|$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
  return rows
    .map(([term = "", ...cells]) => {
      const named = cells.map((cell, index) =>
        columns.length < MANY_COLUMNS ? cell : `${columns[index + 1]}: ${cell === "" ? "-" : cell}`,
      );
      return item(inline(term), inline(named.join("; ")));
    })
    .join("\n");
}
