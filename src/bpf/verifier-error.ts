import { OperationalError } from "../bytes/errors.ts";

/** A line of the log that is about the work itself, or says what registers hold. */
const ABOUT_THE_WORK = new RegExp(
  "^(?:" +
    [
      String.raw`processed \d+ insns|verification time|stack depth|max_states|mark_precise:|last_idx|regs=`,
      String.raw`func#\d|Live regs|(?:cur|old|parent) state:|caller:|callee:|frame\d|from \d+ to \d+`,
      String.raw`\d+: [RFf][\d_]*[pw=_]|$`,
    ].join("|") +
    ")",
);
const INSTRUCTION = /^(?:\d+: )?(\d+): (\([0-9a-f]{2}\) [^;]*)/;

/** Why the kernel's verifier refused a program: the line of its log that tells, and the whole log. */
export class VerifierError extends OperationalError {
  override readonly name = "VerifierError";
  readonly program: string;
  /** Such as "EACCES". */
  readonly errno: string;
  /** Such as "invalid bpf_context access off=2000 size=4". */
  readonly telling: string;
  /** The slot of the last instruction that the verifier looked at, where the log has one. */
  readonly slot: number | undefined;
  readonly log: string;

  /** `log` is what the verifier wrote, and not empty. */
  constructor(program: string, errno: string, log: string) {
    const { telling, slot, instruction } = readLog(log);
    const at = slot === undefined ? "" : ` (at ${slot}: ${instruction})`;
    super(`load program "${program}": ${errno}; the verifier refuses it: ${telling}${at}`);
    this.program = program;
    this.errno = errno;
    this.telling = telling;
    this.slot = slot;
    this.log = log;
  }
}

function readLog(log: string) {
  const lines = log.split("\n").map((line) => line.trim());
  const isInstruction = (line: string) => INSTRUCTION.test(line);
  const telling = lines.findLast((line) => !ABOUT_THE_WORK.test(line) && !isInstruction(line));
  const last = INSTRUCTION.exec(lines.findLast(isInstruction) ?? "");
  return {
    telling: telling ?? lines.findLast((line) => line !== "") ?? "",
    slot: last === null ? undefined : Number(last[1]),
    instruction: last?.[2]?.trim() ?? "",
  };
}
