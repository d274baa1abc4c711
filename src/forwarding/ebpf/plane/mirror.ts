import { assemble } from "../../../bpf/assembler.ts";
import type { AttachPoint } from "../../../bpf/kernel-numbers.ts";
import type { Line } from "../../../bpf/line.ts";
import { KernelLink } from "../../../os/bpf-link.ts";
import { BpfSyscall } from "../../../os/bpf-syscall.ts";
import { SystemError, UnsupportedError } from "../../../os/errors.ts";
import { MirrorDevice } from "../../../os/mirror-device.ts";
import { PacketCapture } from "../../../os/packet-capture.ts";
import { keepingFilter } from "../../../os/socket-filter.ts";
import type { CapturedFrame, FrameSource, FramesWanted, MirrorPlace } from "../../frame-source.ts";
import {
  type MirrorOptions,
  mirroredDirectionOf,
  mirroredProgram,
  mirrorProgram,
} from "../programs/mirror-program.ts";
import type { EbpfDevice } from "./devices.ts";

/** Where the frames of a device meet no program yet. */
export function mirrorPlace(device: EbpfDevice): MirrorPlace {
  return {
    interfaceIndex: device.hook.interfaceIndex,
    // By a veth pair all frames come to the device as received; a packet socket passes by its egress hook.
    seesOthers: device.delivery === "in",
    open: (wanted) => Mirror.open(device, wanted),
  };
}

/**
 * Copies of the frames of a circuit whose device has programs, taken in front of those: a packet socket does
 * not see what a program takes at egress. All that it has in the kernel is held by descriptors.
 */
class Mirror implements FrameSource, Disposable {
  readonly #held: readonly Disposable[];
  readonly #packets: PacketCapture;

  private constructor(held: readonly Disposable[], packets: PacketCapture) {
    this.#held = held;
    this.#packets = packets;
  }

  /** Throws SystemError, and UnsupportedError before Linux 6.6. */
  static open({ hook, delivery }: EbpfDevice, wanted: FramesWanted): Mirror {
    const held: Disposable[] = [];
    const { interfaceIndex } = hook;
    const toCircuit = delivery === "out" ? "egress" : "ingress";
    const attach = (name: string, lines: readonly Line[], index: number, at: AttachPoint) => {
      using program = new BpfSyscall().loadProgram({ name, octets: assemble(lines) });
      held.unshift(linkInFront(program, index, at));
    };
    try {
      const device = MirrorDevice.open();
      held.unshift(device);
      attach("ws_mirrored", mirroredProgram(), device.interfaceIndex, "egress");
      const packets = PacketCapture.open({
        interfaceIndex: device.interfaceIndex,
        withLinkHeader: true,
        filter: keepingFilter(wanted.snapOctets, wanted.filter),
        directionOf: mirroredDirectionOf,
      });
      held.unshift(packets);
      const options = { to: device.interfaceIndex, vlan: wanted.circuit.vlan };
      const from: MirrorOptions = { ...options, direction: "inbound", onlyForwarded: false };
      // What the host itself sends by an interface is no frame of the pseudowire.
      const to: MirrorOptions = { ...options, direction: "outbound", onlyForwarded: delivery === "out" };
      attach("ws_mirror_from", mirrorProgram(from), interfaceIndex, hook.at);
      attach("ws_mirror_to", mirrorProgram(to), interfaceIndex, toCircuit);
      return new Mirror(held, packets);
    } catch (error) {
      for (const each of held) each[Symbol.dispose]();
      throw error;
    }
  }

  get received(): number {
    return this.#packets.received;
  }

  get dropped(): number {
    return this.#packets.dropped;
  }

  peek(): CapturedFrame | undefined {
    return this.#packets.peek();
  }

  skip(): void {
    this.#packets.skip();
  }

  [Symbol.dispose](): void {
    for (const each of this.#held) each[Symbol.dispose]();
  }
}

function linkInFront(
  program: Parameters<typeof KernelLink.create>[0],
  interfaceIndex: number,
  at: AttachPoint,
): KernelLink {
  try {
    return KernelLink.create(program, interfaceIndex, at, { first: true });
  } catch (error) {
    // The kernel does not know links of this kind.
    if (!(error instanceof SystemError) || error.errno !== "EINVAL") throw error;
    throw new UnsupportedError(
      "capturing frames that eBPF programs forward",
      "Linux 6.6 or later; capture at the other end, or set plane: userspace and restart the daemon; " +
        "the packets between the two ends can be captured: --psn-only",
    );
  }
}
