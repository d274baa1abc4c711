import type { BpfProgram } from "../ports.ts";
import { Attribute, commands, fields } from "./bpf-attribute.ts";
import { must } from "./bpf-object.ts";

/** BPF_F_TEST_XDP_LIVE_FRAMES: what the program passes goes on into the kernel. */
const LIVE_FRAMES = 2;
/** struct xdp_md. */
const CONTEXT_OCTETS = 24;
const DATA_END = 4;
const INTERFACE = 12;

/**
 * Runs a program at the express data path `repeat` times on the same frame, as if the interface had received it each time; what
 * it passes, the kernel takes in (Linux 5.18). The frames are made in the kernel, `batch` at a time, so that none is faster.
 * Throws SystemError.
 */
export function receiveLive(
  program: BpfProgram,
  frame: Uint8Array,
  { interfaceIndex, repeat, batch }: { interfaceIndex: number; repeat: number; batch: number },
): void {
  const context = new DataView(new ArrayBuffer(CONTEXT_OCTETS));
  context.setUint32(DATA_END, frame.length, true);
  context.setUint32(INTERFACE, interfaceIndex, true);
  const at = fields.run;
  const attribute = new Attribute()
    .u32(at.program, program.fd)
    .u32(at.dataOctets, frame.length)
    .pointer(at.data, frame)
    .u32(at.repeat, repeat)
    .u32(at.contextOctets, CONTEXT_OCTETS)
    .pointer(at.context, new Uint8Array(context.buffer))
    .u32(at.flags, LIVE_FRAMES)
    .u32(at.batch, batch);
  must(attribute, commands.run, "have an interface receive frames", `interface ${interfaceIndex}`);
}
