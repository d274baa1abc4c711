import { assemble } from "../bpf/assembler.ts";
import { Register } from "../bpf/instruction.ts";
import { adjustRoomFlags, adjustRoomModes, verdicts } from "../bpf/kernel-numbers.ts";
import type { Line } from "../bpf/line.ts";
import { call, exit, loadConstant, move } from "../bpf/mnemonics.ts";
import type { BpfPort } from "../ports.ts";

/** Something that programs in the kernel need and this machine lacks, in words. */
export interface Lack {
  /** What was tried, and what happened. */
  readonly problem: string;
  readonly remedy: string;
}

interface Check {
  readonly needs: string;
  /** Throws, or gives back false, where it is missing. */
  readonly holds: (bpf: BpfPort) => boolean;
  readonly remedy: string;
}

const { result, arg2, arg3, arg4 } = Register;

function runs(bpf: BpfPort, lines: readonly Line[], data: Uint8Array): number {
  const program = bpf.loadProgram({ name: "ws_probe", octets: assemble(lines) });
  try {
    return program.run({ data }).verdict;
  } finally {
    program.close();
  }
}

/** An IPv4 packet of nothing, behind an Ethernet header. */
function packet(): Uint8Array {
  const octets = new Uint8Array(128);
  octets.set([0x08, 0x00, 0x45], 12);
  return octets;
}

/** TABLE: what is tried, each row only if all above it hold. */
const checks: readonly Check[] = [
  {
    needs: "a little-endian 64-bit machine (x86-64 or arm64)",
    holds: () => process.arch === "x64" || process.arch === "arm64",
    remedy: "use `plane: userspace`",
  },
  {
    needs: "bpf(2) with maps",
    holds: (bpf) => {
      bpf.createMap({ kind: "array", name: "ws_probe", keyOctets: 4, valueOctets: 8, maxEntries: 1 }).close();
      return true;
    },
    remedy:
      "run as root (CAP_BPF, CAP_NET_ADMIN) outside of user namespaces, on a kernel with CONFIG_BPF_SYSCALL",
  },
  {
    needs: "programs at traffic control",
    holds: (bpf) => runs(bpf, [move(result, verdicts.pass), exit()], packet()) === verdicts.pass,
    remedy: "needs a kernel with CONFIG_NET_CLS_ACT and CONFIG_BPF_JIT or the interpreter",
  },
  {
    needs: "skb_adjust_room that follows the inner packet",
    holds: (bpf) => {
      const { fixedGso, decapsulatedFromIpv4 } = adjustRoomFlags;
      const shrink = [
        move(arg2, -28),
        move(arg3, adjustRoomModes.link),
        loadConstant(arg4, fixedGso | decapsulatedFromIpv4),
        call("skb_adjust_room"),
        exit(),
      ];
      return runs(bpf, shrink, packet()) === 0;
    },
    remedy: "needs Linux 6.1 or later",
  },
];

/** The first thing that this machine lacks for programs in the kernel; undefined if nothing. Leaves nothing behind. */
export function probeBpf(bpf: BpfPort): Lack | undefined {
  for (const { needs, holds, remedy } of checks) {
    try {
      if (holds(bpf)) continue;
      return { problem: `${needs}: not here`, remedy };
    } catch (error) {
      return { problem: `${needs}: ${error instanceof Error ? error.message : String(error)}`, remedy };
    }
  }
  return undefined;
}
