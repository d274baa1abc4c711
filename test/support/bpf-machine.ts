import { assemble } from "../../src/bpf/assembler.ts";
import { Register, type WritableRegister } from "../../src/bpf/instruction.ts";
import { type Line, label } from "../../src/bpf/line.ts";
import { exit, load64, loadMapValue, move, store64 } from "../../src/bpf/mnemonics.ts";
import { concat } from "../../src/bytes/hex.ts";
import type { BpfMap, BpfProgram, KernelBpf } from "../../src/environment.ts";

const { result, arg1, arg2, arg3, arg4, arg5, saved1, saved2, saved3, saved4 } = Register;

/** The registers that lines under test may use; `saved4` points at their values. */
export const tested: readonly WritableRegister[] = [
  result,
  arg1,
  arg2,
  arg3,
  arg4,
  arg5,
  saved1,
  saved2,
  saved3,
];

const OCTETS = 8;
const VALUE_OCTETS = 2 * tested.length * OCTETS;
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

/**
 * Runs lines in the kernel on registers whose values come from a map, so that the verifier knows nothing of
 * them, and go back to it. Lines may jump to the label "end", which stands behind them.
 */
export class KernelMachine {
  readonly #port: KernelBpf;
  readonly #map: BpfMap;

  constructor(port: KernelBpf) {
    this.#port = port;
    const shape = { keyOctets: KEY.length, valueOctets: VALUE_OCTETS, maxEntries: 1 };
    this.#map = port.createMap({ kind: "array", name: "registers", ...shape });
  }

  /** The octets of the whole program. */
  octetsOf(lines: readonly Line[]): Uint8Array {
    return assemble([
      loadMapValue(saved4, this.#map.fd),
      ...tested.map((register, index) => load64(register, saved4, index * OCTETS)),
      ...lines,
      label("end"),
      ...tested.map((register, index) => store64(saved4, (tested.length + index) * OCTETS, register)),
      move(result, 0),
      exit(),
    ]);
  }

  load(lines: readonly Line[]): BpfProgram {
    return this.#port.loadProgram({ name: "machine", octets: this.octetsOf(lines) });
  }

  /** What the registers hold at the end. */
  run(program: BpfProgram, registers: readonly bigint[]): readonly bigint[] {
    const value = new DataView(new ArrayBuffer(VALUE_OCTETS));
    for (const [index, content] of registers.entries()) value.setBigUint64(index * OCTETS, content, true);
    this.#map.update(KEY, new Uint8Array(value.buffer));
    program.run({ data: PACKET });
    const after = concat(this.#map.lookUp(KEY) ?? new Uint8Array(VALUE_OCTETS));
    const view = new DataView(after.buffer);
    return tested.map((_, index) => view.getBigUint64((tested.length + index) * OCTETS, true));
  }

  [Symbol.dispose](): void {
    this.#map.close();
  }
}
