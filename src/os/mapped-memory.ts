import type { MappedMemory } from "../environment.ts";
import { lastError, memoryAt, mmap, munmap } from "./libc.ts";

const PROTECTION_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Maps the memory behind a descriptor into this process, until `unmapMemory`. Throws SystemError. */
export function mapMemory(fd: number, octets: number, target: string): MappedMemory {
  const address = mmap(0, octets, PROTECTION_READ_WRITE, MAP_SHARED, fd, 0);
  if (address <= 0) throw lastError(`map ${octets} octets of memory`, target);
  return { address, octets };
}

export function unmapMemory({ address, octets }: MappedMemory): void {
  munmap(address, octets);
}

/**
 * The mapped octets, usable in each thread of this process; they must stay mapped as long as the result is
 * used.
 */
export function memoryOf({ address, octets }: MappedMemory): ArrayBuffer {
  return memoryAt(address, octets);
}
