import type { AttachPoint } from "../bpf/kernel-numbers.ts";
import type { BpfProgram } from "../environment.ts";
import { NetlinkError, SystemError } from "./errors.ts";
import { type Netlink, type NetlinkRequest, type Operation, requestFlags, withNetlink } from "./netlink.ts";
import {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  nestedIn,
  textIn,
  textPayload,
  u32Payload,
} from "./netlink-attributes.ts";

/**
 * eBPF programs as filters of the queueing discipline "clsact", by rtnetlink, for kernels without BPF links
 * at traffic control (tc-bpf(8)). All functions throw SystemError.
 */

/** Where filters can be attached. */
export type ClsactHook = Exclude<AttachPoint, "netkit">;

/** TABLE: types of messages (linux/rtnetlink.h). */
const messageTypes = {
  newDiscipline: 36,
  deleteDiscipline: 37,
  getDiscipline: 38,
  newFilter: 44,
  deleteFilter: 45,
  getFilter: 46,
} as const;
/** TABLE: handles of linux/pkt_sched.h. */
const handles = { discipline: 0xffff_0000, disciplineParent: 0xffff_fff1 } as const;
const filterParents: Readonly<Record<ClsactHook, number>> = { ingress: 0xffff_fff2, egress: 0xffff_fff3 };
/** TABLE: attributes of disciplines and filters (linux/rtnetlink.h). */
const attribute = { kind: 1, options: 2 } as const;
/** TABLE: attributes nested in the options of a filter of kind "bpf" (linux/pkt_cls.h). */
const bpfAttribute = { fd: 6, name: 7, flags: 8 } as const;
/** struct tcmsg: family, interface, handle, parent, info. */
const TC_HEADER_OCTETS = 20;
const tcOffset = { interfaceIndex: 4, handle: 8, parent: 12, info: 16 } as const;
/** The program returns the verdict itself, not the number of a class. */
const DIRECT_ACTION = 1;
/** ETH_P_ALL in network order, in the lower half of a number whose upper half is the priority. */
const ALL_PROTOCOLS = 0x0300;
const PRIORITY_UNIT = 0x1_0000;
/** The kernel chooses priorities from here downwards; ours come after all others. */
const FIRST_PRIORITY = 0xc000;
const LAST_PRIORITY = 0xffff;
/** Each of our filters has a priority of its own. */
const HANDLE = 1;
/** Attempts to find a free priority while others take them. */
const MOST_TRIES = 5;
const PREFIX = "wirespan";

/** A filter of ours. */
export interface Filter {
  readonly interfaceIndex: number;
  readonly at: ClsactHook;
  readonly priority: number;
  readonly name: string;
}

/** The name that marks a filter as ours, such as "wirespan/west/encapsulate". */
export function filterName(owner: string, program: string): string {
  return `${PREFIX}/${owner}/${program}`;
}

/** The program's name in a filter's name. */
export function programOfFilter(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

const hints = {
  ENOENT: "needs a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF",
  EOPNOTSUPP: "needs a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF",
  ENODEV: "the interface is not in this network namespace",
};

function operationOf(operation: string, interfaceIndex: number, at?: ClsactHook): Operation {
  const where = `interface ${interfaceIndex}`;
  return { operation, target: at === undefined ? where : `${at} of ${where}`, hints };
}

/** Gives an interface the discipline if it has none; returns whether it had none. */
export function makeDiscipline(interfaceIndex: number, at: ClsactHook): boolean {
  const operation = operationOf("add the queueing discipline clsact", interfaceIndex);
  return withNetlink("route", (netlink) => {
    const kind = disciplineOf(netlink, interfaceIndex);
    if (kind === "clsact" || (kind === "ingress" && at === "ingress")) return false;
    if (kind !== undefined) {
      throw new SystemError(operation.operation, {
        errno: "EEXIST",
        target: operation.target,
        hint: `it has the discipline ${kind}, which has no ${at}; remove it: tc qdisc del dev ... ${kind}`,
      });
    }
    netlink.request(operation, {
      type: messageTypes.newDiscipline,
      flags: requestFlags.create | requestFlags.exclusive,
      payload: tcPayload(disciplineAt(interfaceIndex), [[attribute.kind, textPayload("clsact")]]),
    });
    return true;
  });
}

function disciplineAt(interfaceIndex: number): TcHeader {
  return { interfaceIndex, handle: handles.discipline, parent: handles.disciplineParent };
}

/** The kind of the discipline in the place of clsact; undefined without one. */
function disciplineOf(netlink: Netlink, interfaceIndex: number): string | undefined {
  const operation = operationOf("list queueing disciplines", interfaceIndex);
  const payload = tcPayload({ interfaceIndex }, []);
  for (const found of netlink.dump(operation, { type: messageTypes.getDiscipline, payload })) {
    const header = tcHeaderOf(found);
    if (header.interfaceIndex === interfaceIndex && header.parent === handles.disciplineParent)
      return textIn(tcAttributes(found), attribute.kind);
  }
  return undefined;
}

/** Adds a program after all existing filters. */
export function addFilter(program: BpfProgram, interfaceIndex: number, at: ClsactHook, name: string): Filter {
  const operation = operationOf(`attach program "${program.name}"`, interfaceIndex, at);
  return withNetlink("route", (netlink) => {
    for (let tries = 1; ; tries += 1) {
      const taken = filtersOf(netlink, interfaceIndex, at).map(({ priority }) => priority);
      const priority = Math.max(FIRST_PRIORITY, ...taken.map((each) => each + 1));
      if (priority > LAST_PRIORITY) {
        const { target } = operation;
        const hint = "the last priority is taken; see: tc filter show";
        throw new SystemError(operation.operation, { errno: "ENOSPC", target, hint });
      }
      const filter = { interfaceIndex, at, priority, name };
      try {
        netlink.request(operation, newFilter(filter, program, requestFlags.create | requestFlags.exclusive));
        return filter;
      } catch (error) {
        const isTaken = error instanceof NetlinkError && error.errno === "EEXIST";
        if (tries === MOST_TRIES || !isTaken) throw error;
      }
    }
  });
}

/** Replaces the program of a filter. */
export function replaceFilter(filter: Filter, program: BpfProgram): void {
  const operation = operationOf(`replace with program "${program.name}"`, filter.interfaceIndex, filter.at);
  withNetlink("route", (netlink) => netlink.request(operation, newFilter(filter, program, 0)));
}

function newFilter(filter: Filter, program: BpfProgram, flags: number): NetlinkRequest {
  const options = encodeAttributes([
    [bpfAttribute.fd, u32Payload(program.fd)],
    [bpfAttribute.name, textPayload(filter.name)],
    [bpfAttribute.flags, u32Payload(DIRECT_ACTION)],
  ]);
  const attributes: readonly Attribute[] = [
    [attribute.kind, textPayload("bpf")],
    [attribute.options, options],
  ];
  return { type: messageTypes.newFilter, flags, payload: tcPayload(filterAt(filter), attributes) };
}

function filterAt({ interfaceIndex, at, priority }: Filter): TcHeader {
  const info = priority * PRIORITY_UNIT + ALL_PROTOCOLS;
  return { interfaceIndex, parent: filterParents[at], handle: HANDLE, info };
}

/** Removes a filter, unless it is gone or another has its priority. */
export function removeFilter(filter: Filter): void {
  const operation = operationOf("remove a filter", filter.interfaceIndex, filter.at);
  withNetlink("route", (netlink) => {
    const there = filtersOf(netlink, filter.interfaceIndex, filter.at);
    const isThere = there.some(({ name, priority }) => name === filter.name && priority === filter.priority);
    if (!isThere) return;
    const payload = tcPayload(filterAt(filter), [[attribute.kind, textPayload("bpf")]]);
    netlink.request(operation, { type: messageTypes.deleteFilter, payload });
  });
}

/** The filters of an owner, in the order in which they run. */
export function ownFilters(interfaceIndex: number, at: ClsactHook, owner: string): readonly Filter[] {
  const all = withNetlink("route", (netlink) => filtersOf(netlink, interfaceIndex, at));
  return all.flatMap(({ priority, name }) =>
    name?.startsWith(filterName(owner, "")) ? [{ interfaceIndex, at, priority, name }] : [],
  );
}

/**
 * Removes the discipline of an interface if it has no filter, whoever added it; returns whether there is none
 * now.
 */
export function removeIfEmpty(interfaceIndex: number): boolean {
  const operation = operationOf("remove the queueing discipline clsact", interfaceIndex);
  return withNetlink("route", (netlink) => {
    if (disciplineOf(netlink, interfaceIndex) !== "clsact") return true;
    for (const at of Object.keys(filterParents) as ClsactHook[]) {
      if (filtersOf(netlink, interfaceIndex, at).length > 0) return false;
    }
    const payload = tcPayload(disciplineAt(interfaceIndex), []);
    netlink.request(operation, { type: messageTypes.deleteDiscipline, payload });
    return true;
  });
}

/** All filters there, ours or not; the name of those that are no programs is undefined. */
function filtersOf(
  netlink: Netlink,
  interfaceIndex: number,
  at: ClsactHook,
): readonly { readonly priority: number; readonly name: string | undefined }[] {
  const operation = operationOf("list filters", interfaceIndex, at);
  const payload = tcPayload({ interfaceIndex, parent: filterParents[at] }, []);
  return netlink.dump(operation, { type: messageTypes.getFilter, payload }).map((found) => {
    const attributes = tcAttributes(found);
    const options = nestedIn(attributes, attribute.options);
    const isProgram = textIn(attributes, attribute.kind) === "bpf" && options !== undefined;
    return {
      priority: Math.floor(tcHeaderOf(found).info / PRIORITY_UNIT),
      name: isProgram ? textIn(options, bpfAttribute.name) : undefined,
    };
  });
}

interface TcHeader {
  readonly interfaceIndex: number;
  readonly handle?: number;
  readonly parent?: number;
  readonly info?: number;
}

function tcPayload(
  { interfaceIndex, handle = 0, parent = 0, info = 0 }: TcHeader,
  attributes: readonly Attribute[],
): Uint8Array {
  const encoded = encodeAttributes(attributes);
  const octets = new Uint8Array(TC_HEADER_OCTETS + encoded.length);
  const view = new DataView(octets.buffer);
  view.setInt32(tcOffset.interfaceIndex, interfaceIndex, true);
  view.setUint32(tcOffset.handle, handle, true);
  view.setUint32(tcOffset.parent, parent, true);
  view.setUint32(tcOffset.info, info, true);
  octets.set(encoded, TC_HEADER_OCTETS);
  return octets;
}

function tcHeaderOf(payload: Uint8Array): { interfaceIndex: number; parent: number; info: number } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    interfaceIndex: view.getInt32(tcOffset.interfaceIndex, true),
    parent: view.getUint32(tcOffset.parent, true),
    info: view.getUint32(tcOffset.info, true),
  };
}

function tcAttributes(payload: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return decodeAttributes(payload.subarray(TC_HEADER_OCTETS));
}
