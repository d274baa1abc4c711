import { ignoreOperational } from "../bytes/errors.ts";
import { askStatus } from "../daemon/api-client.ts";
import { isWanted, type StatusReport } from "../daemon/status.ts";
import { socketOf } from "./nodes.ts";

/** Status of a site's daemon; undefined while it does not answer. */
export async function statusOf(site: string): Promise<StatusReport | undefined> {
  try {
    return await askStatus(socketOf(site));
  } catch (error) {
    ignoreOperational(error);
    return undefined;
  }
}

/** Whether every enabled pseudowire of a site is established and its circuits are up at both ends. */
export function isSiteUp({ pseudowires }: StatusReport): boolean {
  return pseudowires
    .filter(isWanted)
    .every(({ state, whyNot }) => state === "established" && whyNot === undefined);
}
