import { constants } from "node:os";
import koffi from "koffi";
import { SystemError } from "./errors.ts";

/**
 * The functions of libc that the data plane needs, called without copies: every pointer is a number, the
 * address of memory that the caller keeps alive. A wrong address gives EFAULT at best; so all of them come
 * from the few files that import this one.
 */
const libc = koffi.load("libc.so.6");

type Call = (...parameters: readonly (number | string)[]) => number;

function declare(prototype: string): Call {
  return libc.func(prototype) as unknown as Call;
}

/**
 * Loads another library, and returns what declares its functions by their prototypes. Throws where it is not
 * there.
 */
export function loadLibrary(
  name: string,
): (prototype: string) => (...parameters: readonly (number | string)[]) => unknown {
  const library = koffi.load(name);
  return (prototype) => library.func(prototype) as never;
}

export const socket = declare("int socket(int family, int type, int protocol)");
export const bind = declare("int bind(int fd, uintptr_t address, unsigned int length)");
export const listen = declare("int listen(int fd, int backlog)");
export const connect = declare("int connect(int fd, uintptr_t address, unsigned int length)");
export const flock = declare("int flock(int fd, int operation)");
export const getsockname = declare("int getsockname(int fd, uintptr_t address, uintptr_t length)");
export const setsockopt = declare(
  "int setsockopt(int fd, int level, int option, uintptr_t value, unsigned int length)",
);
export const getsockopt = declare(
  "int getsockopt(int fd, int level, int option, uintptr_t value, uintptr_t length)",
);
export const close = declare("int close(int fd)");
export const open = declare("int open(const char *path, int flags)");
export const ioctl = declare("int ioctl(int fd, unsigned long request, uintptr_t value)");
export const poll = declare("int poll(uintptr_t fds, unsigned long count, int timeout)");
/** poll(2) with a timeout in nanoseconds: a struct timespec. */
export const ppoll = declare(
  "int ppoll(uintptr_t fds, unsigned long count, uintptr_t timeout, uintptr_t mask)",
);
export const epollCreate = declare("int epoll_create1(int flags)");
export const epollControl = declare("int epoll_ctl(int epoll, int operation, int fd, uintptr_t event)");
export const epollWait = declare("int epoll_wait(int epoll, uintptr_t events, int most, int timeout)");
export const recvmmsg = declare(
  "int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)",
);
export const sendmmsg = declare("int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)");
export const sendto = declare(
  "intptr_t sendto(int fd, uintptr_t octets, unsigned long length, int flags, " +
    "uintptr_t address, unsigned int addressLength)",
);
export const recvfrom = declare(
  "intptr_t recvfrom(int fd, uintptr_t octets, unsigned long length, int flags, " +
    "uintptr_t address, uintptr_t addressLength)",
);
export const recv = declare("intptr_t recv(int fd, uintptr_t octets, unsigned long length, int flags)");
export const eventfd = declare("int eventfd(unsigned int value, int flags)");
export const read = declare("intptr_t read(int fd, uintptr_t octets, unsigned long length)");
export const write = declare("intptr_t write(int fd, uintptr_t octets, unsigned long length)");
export const writev = declare("intptr_t writev(int fd, uintptr_t vectors, int count)");
/** For bpf(2) only, which has no function in libc: these are its arguments after the number. */
export const syscall = declare(
  "intptr_t syscall(long number, int command, uintptr_t attribute, unsigned int octets)",
);
/** Returns the address of the mapping, or -1. */
export const mmap = declare(
  "intptr_t mmap(uintptr_t address, unsigned long length, int protection, int flags, int fd, long offset)",
);
export const munmap = declare("int munmap(uintptr_t address, unsigned long length)");
export const mount = declare(
  "int mount(const char *source, const char *target, const char *kind, unsigned long flags, uintptr_t data)",
);
export const unshare = declare("int unshare(int kinds)");
export const setns = declare("int setns(int fd, int kind)");
export const fchdir = declare("int fchdir(int fd)");
/** For open_tree(2) and move_mount(2) only, which an older libc has no functions for. */
export const openTree = declare(
  "intptr_t syscall(long number, int folder, const char *path, unsigned int flags)",
);
export const moveMount = declare(
  "intptr_t syscall(long number, int tree, const char *path, " +
    "int folder, const char *target, unsigned int flags)",
);
export const ifNameToIndex = declare("unsigned int if_nametoindex(const char *name)");

/** Writes a struct timespec. */
export const clockGettime = declare("int clock_gettime(int clock, uintptr_t time)");

/** Reads and changes how the clock is kept: a struct timex. */
export const adjtimex = declare("int adjtimex(uintptr_t timex)");

export const prctl = declare(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
export const capset = declare("int capset(uintptr_t header, uintptr_t data)");
export const setrlimit = declare("int setrlimit(int resource, uintptr_t limit)");
export const fcntl = declare("int fcntl(int fd, int command, int value)");
/** Returns only when it fails. Both lists end with null. */
export const execve: (
  path: string,
  words: readonly (string | null)[],
  environment: readonly (string | null)[],
) => number = libc.func("int execve(const char *path, const char **argv, const char **envp)");
/** Does not return. */
export const exitAtOnce = declare("void _exit(int status)");

/** errno of this thread's last call. */
export function errno(): number {
  return koffi.errno();
}

/** Names by number; EWOULDBLOCK is left out, a second name of EAGAIN. */
const errnoNames: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => name !== "EWOULDBLOCK")
    .map(([name, number]) => [number, name]),
);

export function errnoName(number: number): string {
  return errnoNames.get(number) ?? `errno ${number}`;
}

/** The error of the call that has just failed. */
export function lastError(operation: string, target: string, hint?: string): SystemError {
  return new SystemError(operation, { errno: errnoName(errno()), target, hint });
}

/** More addresses than any call takes, including those behind pointers. */
const RECENTLY_ADDRESSED = 64;
/**
 * The arrays whose addresses were taken last. Optimised code drops a value after its last use, which is where
 * its address is taken, before the call: without this reference the kernel might read or write freed memory.
 */
const recentlyAddressed: (Uint8Array | undefined)[] = new Array(RECENTLY_ADDRESSED).fill(undefined);
let nextAddressed = 0;

/**
 * The address of an array's first octet, whose buffer must never be detached. The array is kept alive until
 * 64 more addresses are taken, and so during the call that the address is for; whoever keeps the address
 * longer must keep the array.
 */
export function addressOf(octets: Uint8Array): number {
  recentlyAddressed[nextAddressed] = octets;
  nextAddressed = (nextAddressed + 1) % RECENTLY_ADDRESSED;
  return Number(koffi.address(octets));
}

/**
 * Memory outside the JavaScript heap, such as the kernel's that mmap(2) maps; it must stay mapped as long as
 * the result is used.
 */
export function memoryAt(address: number, length: number): ArrayBuffer {
  return koffi.view(address, length);
}

/** TABLE: constants of Linux (uapi headers), the same on all 64-bit machines. */
export const linux = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_PACKET: 17,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_RCVBUF: 8,
  SO_ERROR: 4,
  SO_SNDBUF: 7,
  SO_PEERCRED: 17,
  SO_RCVTIMEO: 20,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  SO_ATTACH_FILTER: 26,
  SO_PROTOCOL: 38,
  SO_MEMINFO: 55,
  IPPROTO_IP: 0,
  IP_TOS: 1,
  IP_MTU_DISCOVER: 10,
  IPPROTO_IPV6: 41,
  IPV6_MTU_DISCOVER: 23,
  IPV6_MTU: 24,
  IPV6_V6ONLY: 26,
  IPV6_TCLASS: 67,
  PMTUDISC_DONT: 0,
  PMTUDISC_DO: 2,
  PMTUDISC_PROBE: 3,
  SOL_UDP: 17,
  UDP_NO_CHECK6_RX: 102,
  UDP_SEGMENT: 103,
  UDP_GRO: 104,
  SOL_PACKET: 263,
  PACKET_ADD_MEMBERSHIP: 1,
  PACKET_RX_RING: 5,
  PACKET_STATISTICS: 6,
  PACKET_AUXDATA: 8,
  PACKET_VERSION: 10,
  PACKET_TX_RING: 13,
  PACKET_VNET_HDR: 15,
  PACKET_QDISC_BYPASS: 20,
  PACKET_IGNORE_OUTGOING: 23,
  PACKET_MR_PROMISC: 1,
  ETH_P_ALL: 3,
  O_RDWR: 2,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  MSG_DONTWAIT: 0x40,
  MSG_TRUNC: 0x20,
  POLLIN: 1,
  EPOLLIN: 1,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CLOEXEC: 0o2000000,
  POLLOUT: 4,
  POLLERR: 8,
  CLOCK_REALTIME: 0,
  LOCK_EX: 2,
  LOCK_NB: 4,
  EFD_CLOEXEC: 0o2000000,
  EFD_NONBLOCK: 0o4000,
} as const;
