import { type AttachPoint, attachPoints } from "../bpf/kernel-numbers.ts";
import type { BpfLink, BpfProgram } from "../environment.ts";
import { attributeFields, BpfAttribute, commands } from "./bpf-attribute.ts";
import { callOrThrow, Handle, type Hints, openPin } from "./bpf-object.ts";

/** Offsets in struct bpf_link_info. */
const info = { programId: 8, interfaceIndex: 16 } as const;

/** BPF_F_BEFORE, with nothing named: before all others. */
const BEFORE = 8;

/** Room for ids of programs at one interface; the kernel allows 63. */
const MOST_ATTACHED = 64;

/** TABLE: what the errnos of attaching, and of listing what is attached, mean. */
const attachHints: Hints = {
  EEXIST: "a link that a process or a pin holds has it there already; see: bpftool link",
  ENODEV: "needs an interface of this network namespace",
  EINVAL: "needs Linux 6.6 or later",
  ERANGE: "the kernel attaches no more programs there",
};

/** A BPF link at traffic control (tcx), held by its descriptor. */
export class KernelLink extends Handle implements BpfLink {
  private constructor(fd: number, name: string) {
    super(fd, "link", name);
  }

  /** Attaches a program to an interface, after those already attached or before them. Throws SystemError. */
  static create(
    program: BpfProgram,
    interfaceIndex: number,
    at: AttachPoint,
    { first = false } = {},
  ): KernelLink {
    const attribute = new BpfAttribute()
      .u32(attributeFields.createLink.program, program.fd)
      .u32(attributeFields.createLink.interfaceIndex, interfaceIndex)
      .u32(attributeFields.createLink.attachPoint, attachPoints[at])
      .u32(attributeFields.createLink.flags, first ? BEFORE : 0);
    const name = `${at} of interface ${interfaceIndex}`;
    const fd = callOrThrow(
      attribute,
      commands.createLink,
      `attach program "${program.name}"`,
      name,
      attachHints,
    );
    return new KernelLink(fd, name);
  }

  /** Opens a pinned one. Throws SystemError. */
  static open(path: string): KernelLink {
    return new KernelLink(openPin(path, "link"), path);
  }

  get interfaceIndex(): number {
    return this.describe().getUint32(info.interfaceIndex, true);
  }

  get programId(): number {
    return this.describe().getUint32(info.programId, true);
  }

  update(program: BpfProgram): void {
    const attribute = new BpfAttribute()
      .u32(attributeFields.updateLink.link, this.fd)
      .u32(attributeFields.updateLink.program, program.fd);
    callOrThrow(attribute, commands.updateLink, `put program "${program.name}" in place`, this.target);
  }

  detach(): void {
    const attribute = new BpfAttribute().u32(attributeFields.detachLink.link, this.fd);
    callOrThrow(attribute, commands.detachLink, "detach a BPF link", this.target);
  }
}

/** Ids of the programs attached there, in order. Throws SystemError. */
export function attachedPrograms(interfaceIndex: number, at: AttachPoint): readonly number[] {
  const ids = new Uint8Array(4 * MOST_ATTACHED);
  const attribute = new BpfAttribute()
    .u32(attributeFields.query.interfaceIndex, interfaceIndex)
    .u32(attributeFields.query.attachPoint, attachPoints[at])
    .pointer(attributeFields.query.ids, ids)
    .u32(attributeFields.query.count, MOST_ATTACHED);
  callOrThrow(
    attribute,
    commands.query,
    "list attached BPF programs",
    `${at} of interface ${interfaceIndex}`,
    attachHints,
  );
  const view = new DataView(ids.buffer);
  return Array.from({ length: attribute.read(attributeFields.query.count) }, (_, index) =>
    view.getUint32(4 * index, true),
  );
}
