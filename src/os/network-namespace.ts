import { OpenFile, statOf } from "./files.ts";
import { lastError, setns } from "./libc.ts";

const CLONE_NEWNET = 0x4000_0000;

/** Tells the network namespace of this thread from others that there are. Throws SystemError. */
export function networkNamespaceId(): number {
  return statOf("/proc/thread-self/ns/net").ino;
}

/**
 * Does something in another network namespace, which a file is of; sockets that it opens stay there. It has
 * to be done when it returns: whatever goes on later is back in our own namespace. Throws SystemError.
 */
export function inNetworkNamespace<T>(file: string, act: () => T): T {
  using own = new OpenFile("/proc/thread-self/ns/net", "read");
  using other = new OpenFile(file, "read");
  enter(other, file);
  try {
    return act();
  } finally {
    enter(own, "our own");
  }
}

function enter({ fd }: OpenFile, target: string): void {
  if (setns(fd, CLONE_NEWNET) !== 0) throw lastError("enter a network namespace", target);
}
