import { endianness } from "node:os";
import { assemble } from "../bpf/assembler.ts";
import { Register } from "../bpf/instruction.ts";
import { adjustRoomFlags, adjustRoomModes, innerLinkHeader, verdicts } from "../bpf/kernel-numbers.ts";
import type { Line } from "../bpf/line.ts";
import { add, call, exit, loadConstant, move } from "../bpf/mnemonics.ts";
import { VerifierError } from "../bpf/verifier-error.ts";
import { KernelProgram } from "./bpf-program.ts";
import { SystemError } from "./errors.ts";
import { linkTarget, readText } from "./files.ts";
import { interfaceIndexOf } from "./interface-index.ts";
import { memberOffsets } from "./kernel-types.ts";
import { TrafficControl } from "./traffic-control.ts";

/**
 * Probes for the kernel features that the eBPF plane needs: each is tried, since version numbers tell little.
 */

/** A kernel feature that is needed and missing. */
export interface MissingFeature {
  readonly need: string;
  /** What the probe found. */
  readonly problem: string;
  /** What to do. */
  readonly remedy: string;
}

/** Offsets in the kernel's own structures, in octets. */
export interface PacketOffsets {
  /** Of `end` in struct sk_buff: the distance of struct skb_shared_info from `head`, which follows it. */
  readonly end: number;
  /** Of `tx_flags` in struct skb_shared_info: which time stamps the sender asks for. */
  readonly txFlags: number;
}

interface FeatureCheck {
  readonly need: string;
  /** Describes the problem; undefined when the feature is there. */
  readonly findProblem: () => string | undefined | Promise<string | undefined>;
  readonly remedy: string;
  /** Whether the checks that follow make no sense where this one fails. */
  readonly isBasic?: true;
}

const { result, arg1, arg2, arg3, arg4, frame } = Register;
const OTHERWISE = "or use plane: userspace";

/** The first user namespace, by a number that the kernel has for it (PROC_USER_INIT_INO). */
const FIRST_USER_NAMESPACE = "user:[4026531837]";

/** TABLE: bits of capabilities (linux/capability.h). */
const capabilities = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;

/** TABLE: the checks, in the order in which they are made. */
const checks: readonly FeatureCheck[] = [
  {
    need: "a processor that the programs are written for",
    isBasic: true,
    findProblem: architectureProblem,
    remedy: `use an x86-64 or arm64 machine, ${OTHERWISE}`,
  },
  {
    need: "the first user namespace",
    isBasic: true,
    findProblem: () =>
      linkTarget("/proc/self/ns/user") === FIRST_USER_NAMESPACE
        ? undefined
        : "bpf(2) is refused inside a user namespace",
    remedy: `run as root outside of it, ${OTHERWISE}`,
  },
  {
    need: "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
    isBasic: true,
    findProblem: capabilityProblem,
    remedy: `run as root, or with AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_NET_ADMIN, ${OTHERWISE}`,
  },
  {
    need: "bpf(2), and programs for traffic control",
    isBasic: true,
    findProblem: () => trial([move(result, verdicts.next), exit()]),
    remedy: `use a kernel with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT, ${OTHERWISE}`,
  },
  {
    need: "the helper redirect_neigh",
    findProblem: () =>
      trial([...[arg1, arg2, arg3, arg4].map((each) => move(each, 0)), call("redirect_neigh"), exit()]),
    remedy: `use Linux 5.10 or later, ${OTHERWISE}`,
  },
  {
    need: "skb_adjust_room that makes a tunnel for Ethernet frames",
    findProblem: () => trial(makeTunnel, "run"),
    remedy: `use Linux 5.13 or later, ${OTHERWISE}`,
  },
  {
    need: "a place for programs at interfaces, tcx or clsact",
    findProblem: attachProblem,
    remedy: `use Linux 6.6 or later, or one with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF, ${OTHERWISE}`,
  },
];

/**
 * Lists the features that the eBPF plane misses; empty when all are there. After a basic one that is missing
 * the rest is not tried. Takes some milliseconds and leaves nothing behind: for a moment a program that does
 * nothing is attached to the loopback interface of this network namespace.
 */
export async function probeBpf(): Promise<readonly MissingFeature[]> {
  const missing: MissingFeature[] = [];
  for (const { need, findProblem, remedy, isBasic } of checks) {
    const problem = await findProblem();
    if (problem === undefined) continue;
    missing.push({ need, problem, remedy });
    if (isBasic) break;
  }
  return missing;
}

/**
 * Whether skb_adjust_room can set the protocol of a decapsulated packet (Linux 6.3). Needs what `probeBpf`
 * looks for.
 */
export function canSetDecapsulatedProtocol(): boolean {
  return trial(setDecapsulatedProtocol, "run") === undefined;
}

/**
 * Offsets of a packet's time stamp flags; undefined where the kernel has no BTF, or lets no program read its
 * memory (lockdown for confidentiality). Needs what `probeBpf` looks for.
 */
export function packetOffsets(): PacketOffsets | undefined {
  const offsets = memberOffsets(["sk_buff.end", "sk_buff.head", "skb_shared_info.tx_flags"]);
  if (offsets === undefined) return undefined;
  const [end = 0, head = 0, txFlags = 0] = offsets;
  if (head !== end + 4) return undefined;
  return trial(readPacket(end)) === undefined ? { end, txFlags: txFlags } : undefined;
}

/** A program that reads a field of struct sk_buff. */
function readPacket(at: number): readonly Line[] {
  return [
    move(arg3, arg1),
    add(arg3, at),
    move(arg1, frame),
    add(arg1, -8),
    move(arg2, 8),
    call("probe_read_kernel"),
    exit(),
  ];
}

function architectureProblem(): string | undefined {
  const isKnown = process.arch === "x64" || process.arch === "arm64";
  if (isKnown && endianness() === "LE") return undefined;
  return `this is ${process.arch}, ${endianness() === "LE" ? "little" : "big"}-endian`;
}

function capabilityProblem(): string | undefined {
  const status = readText("/proc/thread-self/status");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const has = (name: keyof typeof capabilities) => ((effective >> capabilities[name]) & 1n) === 1n;
  // Without CAP_PERFMON the verifier forbids arithmetic on pointers that are reached by more than one branch.
  const wanted = ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"] as const;
  const missing = wanted.filter((name) => !has(name) && (name === "CAP_NET_ADMIN" || !has("CAP_SYS_ADMIN")));
  return missing.length === 0 ? undefined : `this process lacks ${missing.join(", ")}`;
}

/** A program that makes room for IPv4, UDP, 8 octets and an Ethernet header. */
const makeTunnel: readonly Line[] = [
  move(arg2, 50),
  move(arg3, adjustRoomModes.link),
  loadConstant(
    arg4,
    adjustRoomFlags.fixedGso |
      adjustRoomFlags.encapsulatedInIpv4 |
      adjustRoomFlags.encapsulatedInUdp |
      adjustRoomFlags.innerEthernet |
      innerLinkHeader(14),
  ),
  call("skb_adjust_room"),
  exit(),
];

/**
 * A program that strips an IPv4 header in front of IPv6, as in decapsulation of IPv6 from a tunnel over IPv4.
 */
const setDecapsulatedProtocol: readonly Line[] = [
  move(arg2, -20),
  move(arg3, adjustRoomModes.link),
  loadConstant(arg4, adjustRoomFlags.fixedGso | adjustRoomFlags.decapsulatedFromIpv6),
  call("skb_adjust_room"),
  exit(),
];

/** Long enough that an IPv6 header is left. */
const TRIAL_OCTETS = 128;

/**
 * Loads a program and, with "run", runs it on an IPv4 packet, where it must return 0; describes the problem.
 */
function trial(lines: readonly Line[], then: "load" | "run" = "load"): string | undefined {
  try {
    using program = KernelProgram.load({ name: "wirespan_probe", octets: assemble(lines) });
    if (then === "load") return undefined;
    const data = new Uint8Array(TRIAL_OCTETS);
    // Type IPv4, version 4, a header of 20 octets.
    data.set([0x08, 0x00, 0x45], 12);
    const { verdict } = program.run({ data });
    return verdict === 0 ? undefined : `the kernel refused it with ${verdict}`;
  } catch (error) {
    return refusalText(error);
  }
}

async function attachProblem(): Promise<string | undefined> {
  try {
    using program = KernelProgram.load({
      name: "wirespan_probe",
      octets: assemble([move(result, verdicts.next), exit()]),
    });
    const control = new TrafficControl({ owner: "probe" });
    const attachment = await control.attach(program, interfaceIndexOf("lo"), "ingress");
    await attachment.detach();
    return undefined;
  } catch (error) {
    return refusalText(error);
  }
}

/** The text of the kernel's refusal; any other error is a mistake of ours and is thrown. */
function refusalText(error: unknown): string {
  if (error instanceof SystemError || error instanceof VerifierError)
    return error.message.split("\n")[0] ?? "";
  throw error;
}
