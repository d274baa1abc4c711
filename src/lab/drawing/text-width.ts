/**
 * TABLE: widths of characters in hundredths of the font size: the widest of DejaVu Sans and Arial's metric
 * equal, Liberation Sans, so that texts fit whichever of the system's fonts a viewer takes.
 */
const characters: Readonly<Record<number, string>> = {
  28: "'ijl",
  30: "I",
  32: " ,.·",
  34: "/:;\\|",
  36: "f",
  37: "-",
  40: "()[]t",
  41: "!",
  42: "r",
  46: '"',
  50: "*J`",
  53: "sz",
  55: "c",
  56: "?L_–",
  58: "k",
  60: "vxy",
  62: "FTaeoé",
  64: "$0123456789bdghnpqu{}µ",
  67: "EKPSY",
  69: "ABVXZ",
  73: "CR",
  74: "U",
  75: "N",
  76: "H",
  78: "&DG",
  79: "OQ",
  82: "w",
  84: "#+<=>^~×≤",
  87: "M",
  96: "%",
  98: "m",
  99: "W",
};
/** What any other character takes. */
const WIDEST = 102;
/** Step by which a narrower text is tried. */
const NARROWER = 16;
/** How much wider bold text is. */
const BOLD = 1.14;

const widths = new Map(
  Object.entries(characters).flatMap(([width, text]) =>
    [...text].map((one) => [one, Number(width)] as const),
  ),
);

/** The width of a line of text, at most, in the units of its font size. */
export function textWidth(text: string, fontSize: number, bold = false): number {
  const hundredths = [...text].reduce((sum, one) => sum + (widths.get(one) ?? WIDEST), 0);
  return Math.ceil(((hundredths * fontSize) / 100) * (bold ? BOLD : 1));
}

/** In as few lines as this width allows, all about as long; a word that is wider has a line of its own. */
export function wrapped(text: string, fontSize: number, width: number, bold = false): readonly string[] {
  const fewest = linesIn(text, fontSize, width, bold).length;
  let narrow = width;
  while (narrow > NARROWER && linesIn(text, fontSize, narrow - NARROWER, bold).length === fewest)
    narrow -= NARROWER;
  return linesIn(text, fontSize, narrow, bold);
}

function linesIn(text: string, fontSize: number, width: number, bold: boolean): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize, bold) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
