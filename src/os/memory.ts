/** What code that lays out memory for the kernel needs, in one place: addresses and sizes. */
export { addressOf } from "./libc.ts";
export { memoryOf } from "./mapped-memory.ts";
export { SOCKADDR_OCTETS, VNET_HEADER_OCTETS } from "./sockets.ts";
