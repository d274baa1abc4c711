import { InvariantError } from "../bytes/errors.ts";
import type { BpfObject } from "../environment.ts";
import { attributeFields, BpfAttribute, commands } from "./bpf-attribute.ts";
import { SystemError } from "./errors.ts";
import { linkTarget } from "./files.ts";
import { close } from "./libc.ts";

const MOST_NAME_CHARACTERS = 15;

/** The name, if the kernel accepts it. Throws InvariantError. */
export function checkedObjectName(name: string): string {
  if (name.length <= MOST_NAME_CHARACTERS && /^[A-Za-z0-9_.]+$/.test(name)) return name;
  throw new InvariantError(
    `${JSON.stringify(name)} is no name of a BPF object: ` +
      `1 to ${MOST_NAME_CHARACTERS} letters, digits, "_" and "."`,
  );
}

/** What there is to do, by the errno. */
export type Hints = Readonly<Record<string, string>>;

const hints: Hints = {
  EPERM: "needs CAP_BPF and CAP_NET_ADMIN in the first user namespace",
  ENOSYS: "needs x86-64 or arm64 and a kernel with CONFIG_BPF_SYSCALL",
};

/**
 * The error of a failed bpf(2) call. `own` are hints of the operation, which come before those of all; or a
 * text for where there is none.
 */
export function callError(
  operation: string,
  target: string,
  errno: string,
  own?: Hints | string,
): SystemError {
  const hint = typeof own === "string" ? (hints[errno] ?? own) : (own?.[errno] ?? hints[errno]);
  return new SystemError(operation, { errno, target, hint });
}

/** Makes a call that has to succeed and returns its result. Throws SystemError. */
export function callOrThrow(
  attribute: BpfAttribute,
  command: number,
  operation: string,
  target: string,
  own?: Hints | string,
): number {
  const answer = attribute.call(command);
  if (typeof answer === "string") throw callError(operation, target, answer, own);
  return answer;
}

/** TABLE: what the errnos of pinning mean. */
const pinHints: Hints = {
  ENOENT: "the directory is not there",
  EEXIST: "the path is there already",
  EPERM: "needs a path in a bpf file system (mount -t bpf), without a dot in its name, and CAP_BPF",
};

/** A descriptor of a BPF object: closed once, never used afterwards. */
export class Handle implements BpfObject {
  readonly #kind: string;
  readonly #name: string;
  #fd: number | undefined;

  /** Takes over `fd`; `kind` and `name` appear in errors. */
  constructor(fd: number, kind: string, name: string) {
    this.#fd = fd;
    this.#kind = kind;
    this.#name = name;
  }

  get fd(): number {
    if (this.#fd === undefined) throw new InvariantError(`${this.target}: used after close`);
    return this.#fd;
  }

  get id(): number {
    return this.describe().getUint32(4, true);
  }

  /** Such as `map "sessions"`. */
  get target(): string {
    return `${this.#kind} "${this.#name}"`;
  }

  /** The kernel's description: struct bpf_map_info, bpf_prog_info or bpf_link_info. Throws SystemError. */
  describe(): DataView {
    return describeObject(this.fd, this.target);
  }

  pin(path: string): void {
    const { pin } = attributeFields;
    const attribute = new BpfAttribute().text(pin.path, path).u32(pin.object, this.fd);
    callOrThrow(attribute, commands.pin, `pin ${this.target}`, path, pinHints);
  }

  close(): void {
    if (this.#fd !== undefined) close(this.#fd);
    this.#fd = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const DESCRIPTION_OCTETS = 256;

/** The kernel's description of a descriptor's object. Throws SystemError. */
export function describeObject(fd: number, target: string): DataView {
  const description = new Uint8Array(DESCRIPTION_OCTETS);
  const attribute = new BpfAttribute()
    .u32(attributeFields.describe.object, fd)
    .u32(attributeFields.describe.octets, DESCRIPTION_OCTETS)
    .pointer(attributeFields.describe.description, description);
  callOrThrow(attribute, commands.describe, "describe a BPF object", target);
  return new DataView(description.buffer);
}

/** The object's name in its description. */
export function nameIn(description: DataView, offset: number): string {
  const octets = new Uint8Array(description.buffer, offset, MOST_NAME_CHARACTERS + 1);
  const end = octets.indexOf(0);
  return new TextDecoder().decode(octets.subarray(0, end < 0 ? undefined : end));
}

/**
 * Opens the object pinned at `path`, which must be of this kind; returns its descriptor. Throws SystemError.
 */
export function openPin(path: string, kind: "map" | "program" | "link"): number {
  const suffixes = { map: "map", program: "prog", link: "link" };
  const fd = callOrThrow(
    new BpfAttribute().text(attributeFields.pin.path, path),
    commands.openPin,
    `open the pinned ${kind}`,
    path,
  );
  try {
    const is = linkTarget(`/proc/self/fd/${fd}`);
    if (is.endsWith(suffixes[kind])) return fd;
    throw new SystemError(`open the pinned ${kind}`, {
      errno: "EINVAL",
      target: path,
      hint: `it is a ${is.replace("anon_inode:", "")}`,
    });
  } catch (error) {
    close(fd);
    throw error;
  }
}
