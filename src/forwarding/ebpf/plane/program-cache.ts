import { assemble } from "../../../bpf/assembler.ts";
import type { Line } from "../../../bpf/line.ts";
import type { BpfProgram, KernelBpf } from "../../../environment.ts";
import { decapsulateProgram } from "../programs/decapsulate-program.ts";
import { type DeliveryTarget, deliverProgram } from "../programs/deliver-program.ts";
import { emitProgram } from "../programs/emit-program.ts";
import { encapsulateProgram } from "../programs/encapsulate-program.ts";
import { type ProgramMaps, type ProgramOptions, variantOf } from "../programs/options.ts";
import { puntProgram } from "../programs/punt-program.ts";

/** Specifies a program: its kind, and the options for which it is specialised. */
export type ProgramSpec =
  | { readonly kind: "encapsulate" | "decapsulate"; readonly options: ProgramOptions }
  | { readonly kind: "deliver"; readonly options: DeliveryTarget }
  | { readonly kind: "emit" }
  | { readonly kind: "punt"; readonly options: Pick<ProgramOptions, "vlan"> };

/**
 * The name of a program, at most 15 letters, by which a later daemon recognises it: `ws_`, its kind, and its
 * variant or interface.
 */
export function programName(spec: ProgramSpec): string {
  if (spec.kind === "emit") return "ws_emit";
  if (spec.kind === "punt") return `ws_punt_${spec.options.vlan}`;
  if (spec.kind === "deliver") {
    const direction = spec.options.redirectFlags === 0 ? "out" : "in";
    return `ws_${direction}_${spec.options.interfaceIndex.toString(16)}`;
  }
  return `ws_${spec.kind.slice(0, 5)}_${variantOf(spec.options)}`;
}

function programLines(spec: ProgramSpec, maps: ProgramMaps, traits: KernelTraits): readonly Line[] {
  switch (spec.kind) {
    case "encapsulate":
      return encapsulateProgram({ ...spec.options, ...traits }, maps);
    case "decapsulate":
      return decapsulateProgram({ ...spec.options, ...traits }, maps);
    case "deliver":
      return deliverProgram(spec.options);
    case "emit":
      return emitProgram(maps);
    case "punt":
      return puntProgram({ ...spec.options, ...traits }, maps);
  }
}

/** Properties of the kernel and the machine on which programs depend. */
export type KernelTraits = Pick<Required<ProgramOptions>, "readsProtocol" | "processors" | "packetOffsets">;

/** Assembles and loads programs, each once. */
export class ProgramCache implements Disposable {
  readonly #bpf: KernelBpf;
  readonly #maps: ProgramMaps;
  readonly #traits: KernelTraits;
  readonly #programs = new Map<string, BpfProgram>();

  constructor(bpf: KernelBpf, maps: ProgramMaps, traits: KernelTraits) {
    this.#bpf = bpf;
    this.#maps = maps;
    this.#traits = traits;
  }

  /** Throws VerifierError or SystemError. */
  get(spec: ProgramSpec): BpfProgram {
    const name = programName(spec);
    const loaded = this.#programs.get(name);
    if (loaded !== undefined) return loaded;
    const program = this.#bpf.loadProgram({
      name,
      octets: assemble(programLines(spec, this.#maps, this.#traits)),
    });
    this.#programs.set(name, program);
    return program;
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program.close();
    this.#programs.clear();
  }
}
