import { assemble } from "../../../bpf/assembler.ts";
import type { Line } from "../../../bpf/line.ts";
import type { BpfPort, BpfProgram } from "../../../ports.ts";
import { decapsulateProgram } from "../programs/decapsulate-program.ts";
import { type Delivery, deliverProgram } from "../programs/deliver-program.ts";
import { emitProgram } from "../programs/emit-program.ts";
import { encapsulateProgram } from "../programs/encapsulate-program.ts";
import { type ProgramMaps, type ProgramOptions, shapeOf } from "../programs/options.ts";
import { puntProgram } from "../programs/punt-program.ts";

/** A program to be had: its kind, and what it is specialised to. */
export type ProgramOrder =
  | { readonly kind: "encapsulate" | "decapsulate"; readonly options: ProgramOptions }
  | { readonly kind: "deliver"; readonly options: Delivery }
  | { readonly kind: "emit" }
  | { readonly kind: "punt"; readonly options: Pick<ProgramOptions, "vlan"> };

/** Names a program in 15 letters at most, by which a later daemon knows it: `ws_`, and what it does, then its shape or interface. */
export function programName(order: ProgramOrder): string {
  if (order.kind === "emit") return "ws_emit";
  if (order.kind === "punt") return `ws_punt_${order.options.vlan}`;
  if (order.kind === "deliver")
    return `ws_${order.options.redirectFlags === 0 ? "out" : "in"}_${order.options.interfaceIndex.toString(16)}`;
  return `ws_${order.kind.slice(0, 5)}_${shapeOf(order.options)}`;
}

function linesOf(order: ProgramOrder, maps: ProgramMaps, traits: KernelTraits): readonly Line[] {
  switch (order.kind) {
    case "encapsulate":
      return encapsulateProgram({ ...order.options, ...traits }, maps);
    case "decapsulate":
      return decapsulateProgram({ ...order.options, ...traits }, maps);
    case "deliver":
      return deliverProgram(order.options);
    case "emit":
      return emitProgram(maps);
    case "punt":
      return puntProgram({ ...order.options, ...traits }, maps);
  }
}

/** What the kernel and the machine are like for which programs are made. */
export type KernelTraits = Pick<Required<ProgramOptions>, "readsProtocol" | "processors" | "packetLayout">;

/** Assembles and loads programs, each once. */
export class ProgramShop implements Disposable {
  readonly #bpf: BpfPort;
  readonly #maps: ProgramMaps;
  readonly #traits: KernelTraits;
  readonly #programs = new Map<string, BpfProgram>();

  constructor(bpf: BpfPort, maps: ProgramMaps, traits: KernelTraits) {
    this.#bpf = bpf;
    this.#maps = maps;
    this.#traits = traits;
  }

  /** Throws VerifierError or SystemError. */
  get(order: ProgramOrder): BpfProgram {
    const name = programName(order);
    const loaded = this.#programs.get(name);
    if (loaded !== undefined) return loaded;
    const program = this.#bpf.loadProgram({
      name,
      octets: assemble(linesOf(order, this.#maps, this.#traits)),
    });
    this.#programs.set(name, program);
    return program;
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program.close();
    this.#programs.clear();
  }
}
