import { concat } from "../bytes/hex.ts";
import { instructionText } from "./disassembler.ts";
import { AssemblyError } from "./errors.ts";
import { encodeInstruction, type Instruction, slotsOf } from "./instruction.ts";
import type { Line, Step } from "./line.ts";
import { EXIT, JUMP } from "./opcodes.ts";

/** The most slots that the kernel takes from a privileged process. */
const MOST_SLOTS = 1_000_000;
/** The range of a jump, in slots. */
const LEAST_DISTANCE = -0x8000;
const MOST_DISTANCE = 0x7fff;

/** A step with its location. */
interface Placed {
  readonly step: Step;
  /** Index into the lines. */
  readonly line: number;
  readonly slot: number;
}

interface Layout {
  readonly steps: readonly Placed[];
  /** By a label's name, the index into `steps` of what follows it. */
  readonly labels: ReadonlyMap<string, number>;
}

/**
 * The octets of a program: labels become distances. A line is told by its index, from 0. Throws AssemblyError
 * when
 * - there is no instruction, or there are more than a million slots;
 * - a label is defined twice, or a jump names one that is not there or is too far away;
 * - a path runs off the end, or an instruction cannot be reached: the kernel would refuse both.
 */
export function assemble(lines: readonly Line[]): Uint8Array {
  return concat(...resolve(lines).instructions.map(encodeInstruction));
}

/**
 * The instructions of a program with their distances, and the slots of its labels. Throws as assemble does.
 */
export function resolve(lines: readonly Line[]): {
  readonly instructions: readonly Instruction[];
  readonly labels: ReadonlyMap<string, number>;
} {
  const layout = layOut(lines);
  const targets = layout.steps.map((placed) => targetOf(placed, layout));
  checkPaths(layout, targets);
  return {
    instructions: layout.steps.map((placed, index) => withDistance(placed, targets[index], layout)),
    labels: new Map([...layout.labels].map(([name, index]) => [name, slotAt(layout, index)])),
  };
}

function layOut(lines: readonly Line[]): Layout {
  const steps: Placed[] = [];
  const labels = new Map<string, number>();
  const definedAt = new Map<string, number>();
  let slot = 0;
  for (const [line, entry] of lines.entries()) {
    if (entry.kind === "label") {
      const before = definedAt.get(entry.name);
      if (before !== undefined)
        throw new AssemblyError(`label "${entry.name}": defined by line ${before} and again by line ${line}`);
      definedAt.set(entry.name, line);
      labels.set(entry.name, steps.length);
    } else {
      steps.push({ step: entry, line, slot });
      slot += slotsOf(entry.instruction);
    }
  }
  if (steps.length === 0) throw new AssemblyError("assemble: a program has at least one instruction");
  if (slot > MOST_SLOTS)
    throw new AssemblyError(`assemble: ${slot} slots; the kernel takes at most ${MOST_SLOTS}`);
  return { steps, labels };
}

/** The slot of a step, or behind the last one. */
function slotAt({ steps }: Layout, index: number): number {
  const last = steps.at(-1);
  return steps[index]?.slot ?? (last === undefined ? 0 : last.slot + slotsOf(last.step.instruction));
}

/** The index of the step that a jump goes to; undefined for what is no jump. */
function targetOf({ step, line }: Placed, { steps, labels }: Layout): number | undefined {
  if (step.target === undefined) return undefined;
  const index = labels.get(step.target);
  if (index === undefined) {
    const known = [...labels.keys()].map((name) => `"${name}"`).join(", ");
    throw new AssemblyError(
      `line ${line}: jump to "${step.target}": no such label; ` +
        `there ${known === "" ? "is none" : `are ${known}`}`,
    );
  }
  if (index === steps.length)
    throw new AssemblyError(`line ${line}: jump to "${step.target}": no instruction follows that label`);
  return index;
}

function withDistance({ step, line, slot }: Placed, target: number | undefined, layout: Layout): Instruction {
  if (target === undefined) return step.instruction;
  const offset = slotAt(layout, target) - (slot + 1);
  if (offset < LEAST_DISTANCE || offset > MOST_DISTANCE) {
    throw new AssemblyError(
      `line ${line}: jump to "${step.target}": ${offset} slots away; ` +
        `a jump reaches from ${LEAST_DISTANCE} to ${MOST_DISTANCE}`,
    );
  }
  return { ...step.instruction, offset };
}

/** Follows all paths from the first step. */
function checkPaths({ steps }: Layout, targets: readonly (number | undefined)[]): void {
  const reached = new Set<number>();
  const waiting = [0];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    const placed = steps[index];
    if (placed === undefined || reached.has(index)) continue;
    reached.add(index);
    const { opcode } = placed.step.instruction;
    const target = targets[index];
    if (target !== undefined) waiting.push(target);
    if (opcode === EXIT || opcode === JUMP) continue;
    if (index + 1 === steps.length) {
      throw new AssemblyError(
        `${named(placed)}: the program runs off its end here; end it with exit or a jump`,
      );
    }
    waiting.push(index + 1);
  }
  const unreached = steps.find((_, index) => !reached.has(index));
  if (unreached !== undefined) {
    throw new AssemblyError(
      `${named(unreached)}: cannot be reached, and the kernel refuses what cannot; ` +
        "jump to it or leave it out",
    );
  }
}

function named({ step, line }: Placed): string {
  return `line ${line}, ${instructionText(step.instruction, step.target)}`;
}
