import { addressOf, execve, fcntl, lastError, prctl } from "./libc.ts";

/** Programs that drop their supplementary groups, where a user namespace lets nobody do so. */

const STANDARD = [0, 1, 2];
const F_SETFD = 2;
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;

/** Instructions of classic BPF, and what a filter returns (linux/filter.h, linux/seccomp.h). */
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff_0000;
/** The call is not made, and has this errno: 0, so it succeeded. */
const SUCCEED = 0x0005_0000;
/** Offsets in struct seccomp_data. */
const CALL = 0;
const ARCHITECTURE = 4;

/** TABLE: of each processor, its name for seccomp (linux/audit.h), and its number of setgroups(2). */
const processors: Readonly<Partial<Record<NodeJS.Architecture, readonly [number, number]>>> = {
  x64: [0xc000_003e, 116],
  arm64: [0xc000_00b7, 159],
};

function filter([architecture, setgroups]: readonly [number, number]): Uint8Array {
  const instructions: readonly (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = [
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 0, 3, architecture],
    [LOAD_WORD, 0, 0, CALL],
    [JUMP_IF_EQUAL, 0, 1, setgroups],
    [RETURN, 0, 0, SUCCEED],
    [RETURN, 0, 0, ALLOW],
  ];
  const view = new DataView(new ArrayBuffer(instructions.length * 8));
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, value, true);
  }
  return new Uint8Array(view.buffer);
}

/**
 * Executes a program in this process, in which setgroups(2) does nothing and succeeds. Programs such as
 * tcpdump call it to give up rights before they go on, and end where it is denied: in the user namespace of
 * an ordinary user, who has none to give up. Returns only by throwing SystemError.
 */
export function executeWithoutGroups(path: string, words: readonly string[]): never {
  const processor = processors[process.arch];
  if (processor !== undefined) {
    const instructions = filter(processor);
    const program = new DataView(new ArrayBuffer(16));
    program.setUint16(0, instructions.length / 8, true);
    program.setBigUint64(8, BigInt(addressOf(instructions)), true);
    const address = addressOf(new Uint8Array(program.buffer));
    if (
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address, 0, 0) < 0
    )
      throw lastError("answer setgroups(2) for a program", path);
  }
  // The runtime set them to be closed at exec.
  for (const fd of STANDARD) fcntl(fd, F_SETFD, 0);
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  execve(path, [...words, null], [...environment, null]);
  throw lastError("execute", path);
}
