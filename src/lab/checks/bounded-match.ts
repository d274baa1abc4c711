import { runInNewContext } from "node:vm";

/** The longest that one look for a regular expression may take: nothing else is done meanwhile. */
const LIMIT_MS = 250;

/**
 * Whether a regular expression matches somewhere in a text; undefined where that takes too long to say, as
 * some expressions take a time that doubles with each character. Throws SyntaxError for what is none.
 */
export function boundedMatch(pattern: string, flags: string, text: string): boolean | undefined {
  const expression = new RegExp(pattern, flags);
  try {
    return runInNewContext("expression.test(text)", { expression, text }, { timeout: LIMIT_MS }) as boolean;
  } catch (error) {
    // It is of the other context, and so no Error of this one.
    if ((error as { readonly code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    return undefined;
  }
}

/** What is said of a regular expression that takes too long. */
export function tooLong(pattern: string): string {
  return `/${pattern}/ takes longer than ${LIMIT_MS} ms; write it without a repetition within a repetition`;
}
