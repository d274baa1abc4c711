/**
 * The bond between the first process of a lab and the command that starts it: a pipe, which breaks when that
 * command ends, however it does. Signals would not do: unshare ignores them while it waits, and the first
 * process of a pid namespace gets only those that it has a handler for.
 *
 * namespaces.ts has another bond, `whileThisRuns` and `whileStarterWaits`, which kills the processes around
 * the first one, and by that also a first process that is busy or stopped and does not read. This one is
 * needed beside it: each of those processes is bound to the one before only some moments after it was
 * started, by prctl(2), and what is killed in between leaves the next one alone with its pipe.
 */

/** What the command writes into the pipe for the lab to stay without it. */
export const STAY = "stay\n";

/** What a lab that starts says to the command that started it, as lines of JSON. */
export type LabMessage =
  | { readonly progress: string; readonly isReady?: never }
  | {
      readonly isReady: true;
      /** What did not come up, and why. */
      readonly problems: readonly string[];
    };

/**
 * Ends this process as soon as whoever has the other end of its standard input ends without having said that
 * it is to stay; the namespaces end with their first process.
 */
export function endWithStarter(): void {
  let said = "";
  const { stdin } = process;
  const ended = (): void => {
    if (said !== STAY) process.exit(1);
  };
  stdin.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said === STAY) stdin.destroy();
  });
  stdin.on("close", ended).on("end", ended).on("error", ended);
}
