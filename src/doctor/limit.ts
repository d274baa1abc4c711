import { OperationalError } from "../bytes/errors.ts";
import { SystemError } from "../os/errors.ts";
import type { Seen } from "./facts.ts";

/** Looking at one thing, with an end to it: what fails or takes too long is told and delays nothing else. */

/** TABLE: what an errno means for who looks. */
const meanings: Readonly<Record<string, string>> = {
  EPERM: "it needs root",
  EACCES: "it needs root",
};

/** Why something could not be looked at, in short. */
function reasonOf(error: OperationalError): string {
  const meaning = error instanceof SystemError ? meanings[error.errno] : undefined;
  return meaning === undefined ? error.message : `${meaning} (${error.message})`;
}

/** A value, or why the kernel refused it; a bug of ours is thrown on. */
export function see<T>(look: () => T): Seen<T> {
  try {
    return { value: look() };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { unseen: reasonOf(error) };
  }
}

/** As `see`, for what takes time: after `limitMs` it counts as not seen. */
export async function seeWithin<T>(limitMs: number, look: () => Promise<T>): Promise<Seen<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Seen<T>>((resolve) => {
    timer = setTimeout(() => resolve({ unseen: `it took more than ${limitMs / 1000} s` }), limitMs);
  });
  const looked = look().then(
    (value): Seen<T> => ({ value }),
    (error: unknown): Seen<T> => {
      if (!(error instanceof OperationalError)) throw error;
      return { unseen: reasonOf(error) };
    },
  );
  try {
    return await Promise.race([looked, late]);
  } finally {
    clearTimeout(timer);
  }
}
