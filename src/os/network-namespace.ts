import { statOf } from "./files.ts";

/** Tells the network namespace of this thread from others that there are. Throws SystemError. */
export function networkNamespaceId(): number {
  return statOf("/proc/thread-self/ns/net").ino;
}
