/** TABLE: what stands for characters that mean something in XML and HTML. */
const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand in XML and HTML, and in attributes; control characters become U+FFFD. */
export function escaped(text: string): string {
  return withoutControls(text).replace(/[&<>"']/g, (character) => references[character] ?? character);
}

/**
 * XML 1.0 has no way to write most control characters, lone surrogates and non-characters; those that turn
 * the direction of text would show another one.
 */
function withoutControls(text: string): string {
  return text.replace(
    /[^\t\n\u0020-\u007e\u00a0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu,
    "\ufffd",
  );
}
