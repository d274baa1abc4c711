import { assemble } from "../../src/bpf/assembler.ts";
import type { Line } from "../../src/bpf/line.ts";
import { VerifierError } from "../../src/bpf/verifier-error.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { emitProgram } from "../../src/forwarding/ebpf/programs/emit-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { mapSizes } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import {
  everyDecapsulation,
  everyEncapsulation,
  type ProgramMaps,
} from "../../src/forwarding/ebpf/programs/options.ts";
import { puntProgram } from "../../src/forwarding/ebpf/programs/punt-program.ts";
import { packetOffsets } from "../../src/os/bpf-probe.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";

/**
 * Has the running kernel verify every program of the eBPF plane. Prints a line of JSON for each program that
 * it refuses, and one in the end: the number of programs, the instructions of the shortest and the longest,
 * and the time. The exit status is 1 if one was refused.
 */

/** Report of a refused program. */
interface RefusedProgram {
  readonly program: string;
  readonly options: unknown;
  readonly refusal: string;
}

const INSTRUCTION_OCTETS = 8;
const SESSIONS = 4;

const kernel = new BpfSyscall();

function makeMaps(): ProgramMaps {
  const make = (kind: "hash" | "array" | "perCpuArray", name: keyof typeof mapSizes) =>
    kernel.createMap({ kind, name, maxEntries: SESSIONS, ...mapSizes[name] }).fd;
  return {
    circuits: make("hash", "circuits"),
    peers: make("hash", "peers"),
    counters: make("perCpuArray", "counters"),
    sequences: make("array", "sequences"),
    routes: make("array", "routes"),
  };
}

/** Properties of this kernel that programs depend on. */
const traits = { packetOffsets: packetOffsets() };

function* everyProgram(maps: ProgramMaps): Generator<readonly [string, unknown, readonly Line[]]> {
  for (const options of everyEncapsulation())
    yield ["encapsulate", options, encapsulateProgram({ ...options, ...traits }, maps)];
  for (const options of everyDecapsulation())
    yield ["decapsulate", options, decapsulateProgram(options, maps)];
  yield ["emit", {}, emitProgram(maps)];
  for (const vlan of ["port", "vlan"] as const)
    yield ["punt", { vlan }, puntProgram({ vlan, ...traits }, maps)];
}

/** Loads a program and unloads it; returns the verifier's log if it was refused. */
function refusalOf(name: string, octets: Uint8Array): string | undefined {
  try {
    kernel.loadProgram({ name, octets }).close();
    return undefined;
  } catch (error) {
    return error instanceof VerifierError ? error.log : String(error);
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const startMs = performance.now();
const lengths: number[] = [];
let refused = 0;
for (const [program, options, lines] of everyProgram(makeMaps())) {
  const octets = assemble(lines);
  lengths.push(octets.length / INSTRUCTION_OCTETS);
  const refusal = refusalOf(program, octets);
  if (refusal === undefined) continue;
  refused += 1;
  printJson({ program, options, refusal } satisfies RefusedProgram);
}
printJson({
  programs: lengths.length,
  refused,
  fewestInstructions: Math.min(...lengths),
  mostInstructions: Math.max(...lengths),
  tookMs: Math.round(performance.now() - startMs),
});
process.exitCode = refused === 0 ? 0 : 1;
