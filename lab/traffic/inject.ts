import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { expressVerdicts } from "../../src/bpf/kernel-numbers.ts";
import { type Line, label } from "../../src/bpf/line.ts";
import {
  add,
  call,
  exit,
  jumpIfAtLeast,
  jumpIfGreater,
  jumpIfLess,
  load32,
  load64,
  loadMapValue,
  move,
  move32,
  store16,
  store32,
  store64,
} from "../../src/bpf/mnemonics.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { benchFrame, linkHeader } from "./frame.ts";
import { receiveLive } from "./live-frames.ts";

/**
 * Injects frames into an interface, as if it had received them: node inject.js INTERFACE SECONDS OCTETS
 * [RATE]. The kernel makes them itself, at full speed or at RATE a second, so that no sender's work
 * interferes; with a RATE only while nobody else wants the processor, as if they came from another machine.
 * Prints the number of frames, as a line of JSON.
 */

const { result, arg1, arg2, arg3, arg4, saved1, saved2 } = Register;
/** Frames per batch, as of a network card. */
const BATCH = 64;
/** Longest time until the kernel begins. */
const START_S = 0.2;
const LEAST_PRIORITY = 19;
const NS = 1e9;

/** TABLE: cells of 8 octets shared with the program. */
const cells = { endNs: 0, nextNs: 8, stepNs: 16, sent: 24 } as const;
const SHARED_OCTETS = 32;

/** Offsets in struct xdp_md. */
const context = { data: 0, dataEnd: 4 } as const;
const LOWEST_BYTE_FIRST = true;

/** Rewrites the first octets of a frame: the kernel reuses frames as the last user left them. */
function restoreHeader(): readonly Line[] {
  const octets = new DataView(linkHeader.buffer, linkHeader.byteOffset);
  const word = (at: number) => octets.getUint32(at, LOWEST_BYTE_FIRST);
  return [
    load32(arg2, saved2, context.data),
    load32(arg3, saved2, context.dataEnd),
    move(arg4, arg2),
    add(arg4, linkHeader.length),
    jumpIfGreater(arg4, arg3, "not-now"),
    ...[0, 4, 8].flatMap((at) => [move32(arg4, word(at)), store32(arg2, at, arg4)]),
    store16(arg2, 12, octets.getUint16(12, LOWEST_BYTE_FIRST)),
  ];
}

/** Passes a frame whenever one is due, until the end. */
function pacer(map: number): readonly Line[] {
  return [
    move(saved2, arg1),
    loadMapValue(saved1, map),
    call("ktime_get_ns"),
    load64(arg2, saved1, cells.endNs),
    jumpIfAtLeast(result, arg2, "not-now"),
    load64(arg2, saved1, cells.nextNs),
    jumpIfLess(result, arg2, "not-now"),
    load64(arg3, saved1, cells.stepNs),
    add(arg2, arg3),
    store64(saved1, cells.nextNs, arg2),
    load64(arg4, saved1, cells.sent),
    add(arg4, 1),
    store64(saved1, cells.sent, arg4),
    ...restoreHeader(),
    move(result, expressVerdicts.pass),
    exit(),
    label("not-now"),
    move(result, expressVerdicts.drop),
    exit(),
  ];
}

const [interfaceName = "", seconds = "1", octets = "60", rate = "Infinity"] = process.argv.slice(2);
const kernel = new BpfSyscall();
using map = kernel.createMap({
  kind: "array",
  name: "pace",
  keyOctets: 4,
  valueOctets: SHARED_OCTETS,
  maxEntries: 1,
});
using program = kernel.loadProgram({
  name: "pacer",
  kind: "expressDataPath",
  octets: assemble(pacer(map.fd)),
});
const key = new Uint8Array(4);
const shared = new DataView(new ArrayBuffer(SHARED_OCTETS));
const beganNs = process.hrtime.bigint() + BigInt(START_S * NS);
shared.setBigUint64(cells.endNs, beganNs + BigInt(Math.round(Number(seconds) * NS)), true);
shared.setBigUint64(cells.nextNs, beganNs, true);
shared.setBigUint64(cells.stepNs, BigInt(Math.round(NS / Number(rate))), true);
map.update(key, new Uint8Array(shared.buffer));
const frame = benchFrame(Number(octets));
const interfaceIndex = ifNameToIndex(interfaceName);
process.on("SIGUSR2", () => {});
if (Number.isFinite(Number(rate))) setPriority(LEAST_PRIORITY);
// Nothing here runs during the call; after its end the program passes nothing.
const patience = `sleep ${Number(seconds) + START_S + 0.02}; kill -USR2 ${process.pid}`;
spawn("sh", ["-c", patience], { stdio: "ignore" }).unref();
receiveLive(program, frame, { interfaceIndex, batch: BATCH });
const left = map.lookUp(key) ?? new Uint8Array(SHARED_OCTETS);
const sent = Number(new DataView(left.buffer, left.byteOffset).getBigUint64(cells.sent, true));
process.stdout.write(`${JSON.stringify({ sent })}\n`);
process.removeAllListeners("SIGUSR2");
