import { AssemblyError } from "../errors.ts";
import { type HelperName, helpers } from "../helpers-table.ts";
import type { Register } from "../instruction.ts";
import { checkedLabel, type Step } from "../line.ts";
import {
  CALL,
  type ConditionName,
  conditions,
  EXIT,
  instructionClass,
  JUMP,
  SOURCE_IS_REGISTER,
} from "../opcodes.ts";
import { anySigned, inRange, numberOf, signed32 } from "../operands.ts";

/**
 * Goes on at the label `target` if the condition holds, else at the next line. `right` is a register or a
 * constant; a constant of a 64-bit comparison has 32 bits and is extended by its sign, one of a 32-bit
 * comparison may be written signed or not. Throws AssemblyError.
 */
export type ConditionalJump = (left: Register, right: Register | number, target: string) => Step;

function jumpIf(condition: ConditionName, bits: 32 | 64): ConditionalJump {
  const where = bits === 64 ? condition : `${condition}32`;
  const opcode = (bits === 64 ? instructionClass.jump : instructionClass.jump32) | conditions[condition].code;
  const constant = (value: number) => (bits === 64 ? signed32(where, value) : anySigned(where, value, 32));
  return (left, right, target) => {
    const isRegister = typeof right === "string";
    return {
      kind: "step",
      target: checkedLabel(where, target),
      instruction: {
        opcode: isRegister ? opcode | SOURCE_IS_REGISTER : opcode,
        destination: numberOf(where, left),
        source: isRegister ? numberOf(where, right) : 0,
        offset: 0,
        immediate: isRegister ? 0 : constant(right),
      },
    };
  };
}

/** `if (left == right) goto target` */
export const jumpIfEqual = jumpIf("jumpIfEqual", 64);
/** `if (left != right) goto target` */
export const jumpIfNotEqual = jumpIf("jumpIfNotEqual", 64);
/** `if (left > right) goto target`, unsigned */
export const jumpIfGreater = jumpIf("jumpIfGreater", 64);
/** `if (left >= right) goto target`, unsigned */
export const jumpIfAtLeast = jumpIf("jumpIfAtLeast", 64);
/** `if (left < right) goto target`, unsigned */
export const jumpIfLess = jumpIf("jumpIfLess", 64);
/** `if (left <= right) goto target`, unsigned */
export const jumpIfAtMost = jumpIf("jumpIfAtMost", 64);
/** `if ((s64)left > (s64)right) goto target` */
export const jumpIfSignedGreater = jumpIf("jumpIfSignedGreater", 64);
/** `if ((s64)left >= (s64)right) goto target` */
export const jumpIfSignedAtLeast = jumpIf("jumpIfSignedAtLeast", 64);
/** `if ((s64)left < (s64)right) goto target` */
export const jumpIfSignedLess = jumpIf("jumpIfSignedLess", 64);
/** `if ((s64)left <= (s64)right) goto target` */
export const jumpIfSignedAtMost = jumpIf("jumpIfSignedAtMost", 64);
/** `if (left & right) goto target` */
export const jumpIfSet = jumpIf("jumpIfSet", 64);

/** `if ((u32)left == (u32)right) goto target` */
export const jumpIfEqual32 = jumpIf("jumpIfEqual", 32);
/** `if ((u32)left != (u32)right) goto target` */
export const jumpIfNotEqual32 = jumpIf("jumpIfNotEqual", 32);
/** `if ((u32)left > (u32)right) goto target` */
export const jumpIfGreater32 = jumpIf("jumpIfGreater", 32);
/** `if ((u32)left >= (u32)right) goto target` */
export const jumpIfAtLeast32 = jumpIf("jumpIfAtLeast", 32);
/** `if ((u32)left < (u32)right) goto target` */
export const jumpIfLess32 = jumpIf("jumpIfLess", 32);
/** `if ((u32)left <= (u32)right) goto target` */
export const jumpIfAtMost32 = jumpIf("jumpIfAtMost", 32);
/** `if ((s32)left > (s32)right) goto target` */
export const jumpIfSignedGreater32 = jumpIf("jumpIfSignedGreater", 32);
/** `if ((s32)left >= (s32)right) goto target` */
export const jumpIfSignedAtLeast32 = jumpIf("jumpIfSignedAtLeast", 32);
/** `if ((s32)left < (s32)right) goto target` */
export const jumpIfSignedLess32 = jumpIf("jumpIfSignedLess", 32);
/** `if ((s32)left <= (s32)right) goto target` */
export const jumpIfSignedAtMost32 = jumpIf("jumpIfSignedAtMost", 32);
/** `if ((u32)left & (u32)right) goto target` */
export const jumpIfSet32 = jumpIf("jumpIfSet", 32);

function plain(opcode: number, immediate = 0): Step {
  return { kind: "step", instruction: { opcode, destination: 0, source: 0, offset: 0, immediate } };
}

/** `goto target` */
export function jump(target: string): Step {
  return { ...plain(JUMP), target: checkedLabel("jump", target) };
}

/**
 * `result = helper(arg1, arg2, arg3, arg4, arg5)`; `arg1` to `arg5` are undefined afterwards. A helper that
 * the table does not have is called by its number. Throws AssemblyError.
 */
export function call(helper: HelperName | number): Step {
  if (typeof helper === "number") return plain(CALL, inRange("call", "helper", helper, 1, 0x7fff_ffff));
  const number: number | undefined = helpers[helper];
  if (number === undefined)
    throw new AssemblyError(`call: no helper ${helper} in the table; call it by its number`);
  return plain(CALL, number);
}

/** `return result` */
export function exit(): Step {
  return plain(EXIT);
}
