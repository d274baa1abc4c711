/** What the kernel has room for in the address of a Unix socket, without the octet that ends it (unix(7)). */
export const UNIX_PATH_OCTETS = 107;
