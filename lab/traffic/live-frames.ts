import type { BpfProgram } from "../../src/environment.ts";
import { attributeFields, BpfAttribute, commands } from "../../src/os/bpf-attribute.ts";
import { callError } from "../../src/os/bpf-object.ts";

/** BPF_F_TEST_XDP_LIVE_FRAMES: frames that the program passes enter the kernel. */
const LIVE_FRAMES = 2;
/** struct xdp_md. */
const CONTEXT_OCTETS = 24;
const DATA_END = 4;
const INTERFACE = 12;

/** Runs until a signal ends it. */
const REPEAT = 2 ** 31;

/**
 * Runs an XDP program on the same frame over and over, as if the interface received it each time, until a
 * signal; frames that it passes enter the kernel (Linux 5.18). The kernel makes the frames, `batch` at a
 * time, faster than any process can send. One long call, since the kernel waits some 25 ms before it begins.
 * Throws SystemError.
 */
export function receiveLive(
  program: BpfProgram,
  frame: Uint8Array,
  { interfaceIndex, batch }: { interfaceIndex: number; batch: number },
): void {
  const context = new DataView(new ArrayBuffer(CONTEXT_OCTETS));
  context.setUint32(DATA_END, frame.length, true);
  context.setUint32(INTERFACE, interfaceIndex, true);
  const at = attributeFields.run;
  const attribute = new BpfAttribute()
    .u32(at.program, program.fd)
    .u32(at.dataOctets, frame.length)
    .pointer(at.data, frame)
    .u32(at.repeat, REPEAT)
    .u32(at.contextOctets, CONTEXT_OCTETS)
    .pointer(at.context, new Uint8Array(context.buffer))
    .u32(at.flags, LIVE_FRAMES)
    .u32(at.batch, batch);
  const answer = attribute.call(commands.run);
  if (typeof answer === "number" || answer === "EINTR") return;
  throw callError("have an interface receive frames", `interface ${interfaceIndex}`, answer);
}
