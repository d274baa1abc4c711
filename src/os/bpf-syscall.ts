import type { BpfMapDescription, BpfProgram, BpfProgramDescription, KernelBpf } from "../environment.ts";
import { attachedPrograms, KernelLink } from "./bpf-link.ts";
import { KernelMap } from "./bpf-map.ts";
import { KernelProgram } from "./bpf-program.ts";
import { readText } from "./files.ts";

const POSSIBLE_CPUS = "/sys/devices/system/cpu/possible";

/** The kernel's BPF by bpf(2), without any library but libc. */
export class BpfSyscall implements KernelBpf {
  readonly possibleCpus: number;

  constructor() {
    this.possibleCpus = countCpus(readText(POSSIBLE_CPUS));
  }

  createMap(description: BpfMapDescription): KernelMap {
    return KernelMap.create(description, this.possibleCpus);
  }

  loadProgram(description: BpfProgramDescription): KernelProgram {
    return KernelProgram.load(description);
  }

  attach(program: BpfProgram, interfaceIndex: number, at: "ingress" | "egress"): KernelLink {
    return KernelLink.create(program, interfaceIndex, at);
  }

  attached(interfaceIndex: number, at: "ingress" | "egress"): readonly number[] {
    return attachedPrograms(interfaceIndex, at);
  }

  openMap(path: string): KernelMap {
    return KernelMap.open(path, this.possibleCpus);
  }

  openProgram(path: string): KernelProgram {
    return KernelProgram.open(path);
  }

  openLink(path: string): KernelLink {
    return KernelLink.open(path);
  }
}

/** How many CPUs a list such as "0-3,8" has. */
export function countCpus(list: string): number {
  return list
    .trim()
    .split(",")
    .map((range) => range.split("-").map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}
