import { isPair, isScalar, parseDocument, visit } from "yaml";

const HIDDEN = "(not shown)";
/** Keys whose values may be secrets, also those that other programs have and people write by mistake. */
const secretKey = /cookie$|secret|passw|passphrase|psk|^key$|_key$/i;

/**
 * A configuration without secrets: cookies of static sessions, and what stands where the path of a secret
 * belongs. Paths of files stay. Text that is no YAML is left out as a whole.
 */
export function redactedYaml(text: string): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) return `# No valid YAML, and so not shown: ${document.errors[0]?.code}\n`;
  visit(document, {
    Pair: (_, pair) => {
      if (!isPair(pair) || !isScalar(pair.key) || !secretKey.test(String(pair.key.value))) return;
      if (isScalar(pair.value) && typeof pair.value.value !== "number") pair.value.value = HIDDEN;
      else if (isScalar(pair.value) && /_cookie$/.test(String(pair.key.value))) pair.value.value = HIDDEN;
    },
  });
  return document.toString({ lineWidth: 0 });
}
