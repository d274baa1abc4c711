import { OperationalError } from "../bytes/errors.ts";
import { UnsupportedError } from "./errors.ts";
import { addressOf, loadLibrary, memoryAt } from "./libc.ts";

/** Compiles filter expressions of pcap-filter(7) by libpcap, which `tcpdump` uses too. */

const LIBRARY = "libpcap.so.0.8";
/** DLT_EN10MB. */
const ETHERNET = 1;
const SNAP_OCTETS = 262_144;
/** PCAP_NETMASK_UNKNOWN. */
const ANY_NETMASK = 0xffff_ffff;
/** struct bpf_program: how many instructions, and where they are. */
const PROGRAM_OCTETS = 16;
const INSTRUCTION_OCTETS = 8;

/**
 * The classic BPF program of an expression for Ethernet frames, two words for each instruction as struct
 * bpf_insn has them. Throws OperationalError for an expression that libpcap does not take, and
 * UnsupportedError without libpcap.
 */
export function compileFilter(expression: string): Uint32Array {
  const library = open();
  const openDead = library("uintptr_t pcap_open_dead(int linkType, int snapOctets)");
  const compile = library(
    "int pcap_compile(uintptr_t pcap, uintptr_t program, const char *text, int optimise, uint32_t netmask)",
  );
  const errorOf = library("const char *pcap_geterr(uintptr_t pcap)");
  const free = library("void pcap_freecode(uintptr_t program)");
  const close = library("void pcap_close(uintptr_t pcap)");
  const pcap = Number(openDead(ETHERNET, SNAP_OCTETS));
  const program = new Uint8Array(PROGRAM_OCTETS);
  try {
    if (compile(pcap, addressOf(program), expression, 1, ANY_NETMASK) !== 0)
      throw new OperationalError(
        `understand the filter "${expression}": ${String(errorOf(pcap))}; it is written as for tcpdump, ` +
          "see: man 7 pcap-filter",
      );
    const view = new DataView(program.buffer);
    const octets = view.getUint32(0, true) * INSTRUCTION_OCTETS;
    const instructions = memoryAt(Number(view.getBigUint64(8, true)), octets).slice(0);
    free(addressOf(program));
    return new Uint32Array(instructions);
  } finally {
    close(pcap);
  }
}

function open(): ReturnType<typeof loadLibrary> {
  try {
    return loadLibrary(LIBRARY);
  } catch (error) {
    throw new UnsupportedError(
      "filter expressions",
      "libpcap: apt-get install libpcap0.8 (or dnf install libpcap); without one all frames are captured " +
        `(${error instanceof Error ? error.message : String(error)})`,
    );
  }
}
