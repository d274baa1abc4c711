import { programKinds } from "../bpf/kernel-numbers.ts";
import { VerifierError } from "../bpf/verifier-error.ts";
import type { BpfProgram, BpfProgramDescription, BpfTestResult, BpfTestRun } from "../environment.ts";
import { attributeFields, BpfAttribute, commands } from "./bpf-attribute.ts";
import { callError, callOrThrow, checkedObjectName, Handle, nameIn, openPin } from "./bpf-object.ts";
import type { SystemError } from "./errors.ts";

const INSTRUCTION_OCTETS = 8;
/** Any other license, and the kernel withholds redirect_neigh, skb_adjust_room and more. */
const LICENSE = "GPL";
const LOG_OCTETS = 1024 * 1024;
/** A traced program logs every state of every path. */
const TRACE_LOG_OCTETS = 16 * LOG_OCTETS;
/** Log levels: no log; what led to a refusal; every instruction with the register states after it. */
const logLevels = { none: 0, refusal: 1, trace: 2 } as const;
/** Attempts to load a program while signals interrupt the verifier. */
const MOST_TRIES = 5;
const DEFAULT_GROWTH_OCTETS = 256;

/** Errnos of a machine that has no room for a program that the verifier accepts: its log tells nothing. */
const shortages: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** Offset in struct bpf_prog_info. */
const INFO_NAME = 64;

interface Loaded {
  readonly answer: number | string;
  readonly log: string;
}

/** A BPF program, held by its descriptor. */
export class KernelProgram extends Handle implements BpfProgram {
  readonly name: string;
  readonly log: string;

  private constructor(fd: number, name: string, log: string) {
    super(fd, "program", name);
    this.name = name;
    this.log = log;
  }

  /**
   * Loads a program without a log, which costs time; after a refusal again with one. Throws VerifierError or
   * SystemError.
   */
  static load(description: BpfProgramDescription): KernelProgram {
    const { name } = description;
    const { answer, log } = loadOnce(description, description.trace === true ? "trace" : "none");
    if (typeof answer === "number") return new KernelProgram(answer, name, log);
    if (shortages.has(answer)) throw callError("load a BPF program", name, answer);
    const again = loadOnce(description, "refusal");
    if (typeof again.answer === "number") return new KernelProgram(again.answer, name, "");
    throw loadError(name, again.answer, again.log);
  }

  /** Opens a pinned program. Throws SystemError. */
  static open(path: string): KernelProgram {
    const handle = new Handle(openPin(path, "program"), "program", path);
    try {
      return new KernelProgram(handle.fd, nameIn(handle.describe(), INFO_NAME), "");
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  run({ data, context, repeat = 1, growthOctets = DEFAULT_GROWTH_OCTETS }: BpfTestRun): BpfTestResult {
    const at = attributeFields.run;
    const dataOut = new Uint8Array(data.length + growthOctets);
    const contextOut = new Uint8Array(context?.length ?? 0);
    const attribute = new BpfAttribute()
      .u32(at.program, this.fd)
      .u32(at.dataOctets, data.length)
      .u32(at.dataRoom, dataOut.length)
      .pointer(at.data, data)
      .pointer(at.dataOut, dataOut)
      .u32(at.repeat, repeat);
    if (context !== undefined) {
      attribute
        .u32(at.contextOctets, context.length)
        .u32(at.contextRoom, contextOut.length)
        .pointer(at.context, context)
        .pointer(at.contextOut, contextOut);
    }
    callOrThrow(
      attribute,
      commands.run,
      "run a BPF program",
      this.target,
      `with ${data.length} octets, ${growthOctets} to grow by, ${context === undefined ? "no" : "a"} context`,
    );
    return {
      verdict: attribute.read(at.verdict) | 0,
      data: dataOut.subarray(0, attribute.read(at.dataRoom)),
      context: contextOut,
      durationNs: attribute.read(at.durationNs),
    };
  }
}

/** TABLE: errnos with which the verifier refuses a program; with others, too, there may be its log. */
const verifierErrnos: readonly string[] = ["EACCES", "EINVAL", "E2BIG", "EPERM", "EOPNOTSUPP"];

/** The error of a failed load, for which the verifier wrote `log`. */
export function loadError(name: string, errno: string, log: string): VerifierError | SystemError {
  if (log !== "" && verifierErrnos.includes(errno)) return new VerifierError(name, errno, log);
  return callError("load a BPF program", name, errno);
}

function loadOnce(description: BpfProgramDescription, level: keyof typeof logLevels): Loaded {
  const at = attributeFields.loadProgram;
  const { name, octets } = description;
  const attribute = new BpfAttribute()
    .u32(at.kind, programKinds[description.kind ?? "trafficControl"])
    .u32(at.instructions, octets.length / INSTRUCTION_OCTETS)
    .pointer(at.octets, octets)
    .text(at.license, LICENSE)
    .name(at.name, checkedObjectName(name));
  let log = new Uint8Array(0);
  if (level !== "none") {
    log = new Uint8Array(level === "trace" ? TRACE_LOG_OCTETS : LOG_OCTETS);
    attribute.u32(at.logLevel, logLevels[level]).u32(at.logOctets, log.length).pointer(at.log, log);
  }
  let answer = attribute.call(commands.loadProgram);
  for (let tries = 1; answer === "EAGAIN" && tries < MOST_TRIES; tries += 1)
    answer = attribute.call(commands.loadProgram);
  const end = log.indexOf(0);
  return { answer, log: new TextDecoder().decode(log.subarray(0, end < 0 ? log.length : end)) };
}
