import netlink, { type RtNetlinkSocket } from "netlink";
import type { AttachPoint as AnyAttachPoint } from "../bpf/kernel-numbers.ts";
import type { BpfProgram } from "../ports.ts";
import { SystemError } from "./errors.ts";
import { ask, attributesIn, errnoOf, joinAttributes } from "./rtnetlink.ts";

/**
 * Programs as filters of the queueing discipline "clsact", by rtnetlink: what there was before links
 * (tc-bpf(8)).
 */

/** Where filters can be. */
export type AttachPoint = Exclude<AnyAttachPoint, "netkit">;

/** TABLE: handles of linux/pkt_sched.h. */
const handles = { discipline: 0xffff_0000, disciplineParent: 0xffff_fff1 } as const;
const filterParents: Readonly<Record<AttachPoint, number>> = { ingress: 0xffff_fff2, egress: 0xffff_fff3 };
/** TABLE: attributes of linux/pkt_cls.h. */
const attribute = { fd: 6, name: 7, flags: 8 } as const;
/** What the program gives back is the verdict, not the number of a class. */
const DIRECT_ACTION = 1;
/** ETH_P_ALL in network order, in the lower half of a number whose upper half is the priority. */
const ALL_PROTOCOLS = 0x0300;
const PRIORITY_UNIT = 0x1_0000;
/** Priorities that nobody asked for begin here and go down; ours follow what is there. */
const FIRST_PRIORITY = 0xc000;
const LAST_PRIORITY = 0xffff;
/** Each of our filters has a priority to itself. */
const HANDLE = 1;
/** How often a priority is chosen anew that someone else took meanwhile. */
const MOST_TRIES = 5;
const PREFIX = "wirespan";

/** A filter of ours. */
export interface Filter {
  readonly interfaceIndex: number;
  readonly at: AttachPoint;
  readonly priority: number;
  readonly name: string;
}

/** The name by which a filter is known for ours, such as "wirespan/west/encapsulate". */
export function filterName(owner: string, program: string): string {
  return `${PREFIX}/${owner}/${program}`;
}

/** The program in a filter's name. */
export function programName(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

const hints = {
  ENOENT: "needs a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF",
  ENOTSUP: "needs a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF",
  ENODEV: "the interface is not in this network namespace",
};

function question(operation: string, interfaceIndex: number, at?: AttachPoint) {
  const where = `interface ${interfaceIndex}`;
  return { operation, target: at === undefined ? where : `${at} of ${where}`, hints };
}

/** Gives an interface the discipline if it has none; whether it had none. Rejects with SystemError. */
export function makeDiscipline(interfaceIndex: number, at: AttachPoint): Promise<boolean> {
  const asked = question("add the queueing discipline clsact", interfaceIndex);
  return ask(asked, async (socket) => {
    const kind = await disciplineOf(socket, interfaceIndex);
    if (kind === "clsact" || (kind === "ingress" && at === "ingress")) return false;
    if (kind !== undefined) {
      throw new SystemError(asked.operation, {
        errno: "EEXIST",
        target: asked.target,
        hint: `it has the discipline ${kind}, which has no ${at}; remove it: tc qdisc del dev ... ${kind}`,
      });
    }
    const flags = netlink.FlagsNew.CREATE | netlink.FlagsNew.EXCL;
    const data = { ifindex: interfaceIndex, handle: handles.discipline, parent: handles.disciplineParent };
    await socket.newQdisc(data, { kind: "clsact" }, { flags });
    return true;
  });
}

async function disciplineOf(socket: RtNetlinkSocket, interfaceIndex: number): Promise<string | undefined> {
  const all = await socket.getQdiscs({ ifindex: interfaceIndex });
  const found = all.find(
    ({ data }) => data.ifindex === interfaceIndex && data.parent === handles.disciplineParent,
  );
  return found?.attrs.kind;
}

/** Adds a program behind all filters that are there. Rejects with SystemError. */
export function addFilter(
  program: BpfProgram,
  interfaceIndex: number,
  at: AttachPoint,
  name: string,
): Promise<Filter> {
  const asked = question(`attach program "${program.name}"`, interfaceIndex, at);
  return ask(asked, async (socket) => {
    for (let tries = 1; ; tries += 1) {
      const last = (await filtersOf(socket, interfaceIndex, at)).map(({ priority }) => priority);
      const priority = Math.max(FIRST_PRIORITY, ...last.map((each) => each + 1));
      if (priority > LAST_PRIORITY) throw new Error("ENOSPC: the last priority is taken");
      const filter = { interfaceIndex, at, priority, name };
      try {
        await write(socket, filter, program, netlink.FlagsNew.CREATE | netlink.FlagsNew.EXCL);
        return filter;
      } catch (error) {
        if (tries === MOST_TRIES || errnoOf(error) !== "EEXIST") throw error;
      }
    }
  });
}

/** Puts another program in a filter's place. Rejects with SystemError. */
export function replaceFilter(filter: Filter, program: BpfProgram): Promise<void> {
  const asked = question(`put program "${program.name}" in place`, filter.interfaceIndex, filter.at);
  return ask(asked, (socket) => write(socket, filter, program, 0));
}

async function write(
  socket: RtNetlinkSocket,
  filter: Filter,
  program: BpfProgram,
  flags: number,
): Promise<void> {
  const options = joinAttributes([
    [attribute.fd, netlink.putU32(program.fd)],
    [attribute.name, netlink.putString(filter.name)],
    [attribute.flags, netlink.putU32(DIRECT_ACTION)],
  ]);
  await socket.newTrafficFilter(addressOfFilter(filter), { kind: "bpf", options }, { flags });
}

function addressOfFilter({ interfaceIndex, at, priority }: Filter) {
  return {
    ifindex: interfaceIndex,
    parent: filterParents[at],
    handle: HANDLE,
    info: priority * PRIORITY_UNIT + ALL_PROTOCOLS,
  };
}

/** Removes a filter, unless another has its place or it is gone. Rejects with SystemError. */
export function removeFilter(filter: Filter): Promise<void> {
  const asked = question("remove a filter", filter.interfaceIndex, filter.at);
  return ask(asked, async (socket) => {
    const there = await filtersOf(socket, filter.interfaceIndex, filter.at);
    const isThere = there.some(({ name, priority }) => name === filter.name && priority === filter.priority);
    if (isThere) await socket.delTrafficFilter(addressOfFilter(filter), { kind: "bpf" });
  });
}

/** The filters of an owner, in the order in which they run. Rejects with SystemError. */
export function ownFilters(
  interfaceIndex: number,
  at: AttachPoint,
  owner: string,
): Promise<readonly Filter[]> {
  return ask(question("list filters", interfaceIndex, at), async (socket) => {
    const all = await filtersOf(socket, interfaceIndex, at);
    return all.flatMap(({ priority, name }) =>
      name?.startsWith(filterName(owner, "")) ? [{ interfaceIndex, at, priority, name }] : [],
    );
  });
}

/**
 * Removes the discipline of an interface if it has no filter, whoever added it; whether there is none now.
 * Rejects with SystemError.
 */
export function removeIfEmpty(interfaceIndex: number): Promise<boolean> {
  return ask(question("remove the queueing discipline clsact", interfaceIndex), async (socket) => {
    if ((await disciplineOf(socket, interfaceIndex)) !== "clsact") return true;
    for (const at of Object.keys(filterParents) as AttachPoint[]) {
      if ((await filtersOf(socket, interfaceIndex, at)).length > 0) return false;
    }
    await socket.delQdisc({
      ifindex: interfaceIndex,
      handle: handles.discipline,
      parent: handles.disciplineParent,
    });
    return true;
  });
}

/** All filters there, ours or not; of those that are no programs, the name is undefined. */
async function filtersOf(
  socket: RtNetlinkSocket,
  interfaceIndex: number,
  at: AttachPoint,
): Promise<readonly { readonly priority: number; readonly name: string | undefined }[]> {
  const all = await socket.getTrafficFilters({ ifindex: interfaceIndex, parent: filterParents[at] });
  return all.map(({ data, attrs }) => ({
    priority: Math.floor((data.info ?? 0) / PRIORITY_UNIT),
    name: attrs.kind === "bpf" ? nameOf(attrs.options) : undefined,
  }));
}

function nameOf(options: Buffer | undefined): string | undefined {
  const name = options === undefined ? undefined : attributesIn(options).get(attribute.name);
  return name?.toString("utf8").replace(/\0.*$/s, "");
}
