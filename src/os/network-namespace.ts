import { statSync } from "node:fs";

/** Tells the network namespace of this thread from others that there are. */
export function networkNamespaceId(): number {
  return statSync("/proc/thread-self/ns/net").ino;
}
