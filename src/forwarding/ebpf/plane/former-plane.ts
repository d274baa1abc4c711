import { ignoreOperational } from "../../../bytes/errors.ts";
import { arePinned, pinsPattern, removeUnheld } from "../../../os/bpf-file-system.ts";
import { SystemError } from "../../../os/errors.ts";
import type { PsnSocketSource } from "../../transport.ts";
import { removeLeftovers } from "./devices.ts";
import { closeNetworkExceptionPath } from "./network-exception-path.ts";
import { type AdoptedPrograms, EbpfPlane } from "./plane.ts";

const none = { releaseNumbers: async () => undefined, close: async () => undefined };

/**
 * Removes the programs of a daemon of this owner that crashed, which would go on forwarding beside another
 * plane: adopts them, and closes them as at a stop. Where they cannot be adopted, their pins are removed,
 * which detaches them. Resolves to what was found; rejects with SystemError where both are impossible.
 */
export async function endFormerPlane(
  sockets: PsnSocketSource,
  owner: string,
): Promise<AdoptedPrograms | undefined> {
  const prefix = `${owner}-`;
  if (!arePinned(prefix)) return undefined;
  try {
    const { plane } = await EbpfPlane.open(sockets, { capacity: 1, owner }, async () => none);
    const { adopted } = plane;
    await plane.removeLeftovers();
    await plane.close();
    return adopted;
  } catch (error) {
    ignoreOperational(error);
    removePins(prefix);
    // Without programs these interfaces carry nothing.
    await removeLeftovers([], owner).catch(ignoreOperational);
    await closeNetworkExceptionPath(owner).catch(ignoreOperational);
    return undefined;
  }
}

function removePins(prefix: string): void {
  try {
    removeUnheld(prefix);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const target = pinsPattern(prefix);
    throw new SystemError("end the programs of a former daemon", {
      errno: error.errno,
      target,
      hint: `they would forward beside the userspace plane; remove them as root: rm -r ${target}`,
    });
  }
}
