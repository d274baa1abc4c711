import { endianness } from "node:os";
import type { OfflineSession, PacketWithHeader } from "pcap";
import { isBug, messageOf } from "../bytes/errors.ts";
import { errnoOf, SystemError, UnsupportedError } from "./errors.ts";
import { checkReadable } from "./files.ts";

/** One packet of a capture file. */
export interface CapturedPacket {
  /** From 1, in the order of the file. */
  readonly number: number;
  /** Microseconds since 1970, UTC. */
  readonly timeUs: number;
  /** LINKTYPE number, such as 1 for Ethernet. */
  readonly linkType: number;
  /** The captured octets from the link layer on; the receiver may keep them. */
  readonly octets: Uint8Array;
  /** Its length on the network, `octets.length` or more. */
  readonly originalOctets: number;
}

/** Link types by the names that the package gives them; others it calls "Unknown linktype" and a number. */
const linkTypes: Readonly<Record<string, number>> = {
  LINKTYPE_NULL: 0,
  LINKTYPE_ETHERNET: 1,
  LINKTYPE_RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
  LINKTYPE_IEEE802_11_RADIO: 127,
};

/** Offsets in the packet header that the package fills in: 32-bit fields in the machine's byte order. */
const headerOffset = { seconds: 0, microseconds: 4, capturedOctets: 8, originalOctets: 12 } as const;

/**
 * Reads a pcap or pcapng file with libpcap and calls `onPacket` for each packet. `complete` is false when the
 * file ends inside a packet or is damaged. Throws SystemError for a file that cannot be read,
 * UnsupportedError without libpcap. The package is loaded here and nowhere else: nothing but reading captures
 * needs it.
 */
export async function readCapture(
  path: string,
  onPacket: (packet: CapturedPacket) => void,
): Promise<{ readonly complete: boolean }> {
  try {
    checkReadable(path);
  } catch (error) {
    const errno = errnoOf(error);
    const hint = path === "-" ? { hint: "for standard input write /dev/stdin" } : {};
    throw new SystemError("read a capture", { errno, target: path, cause: error, ...hint });
  }
  const session = open(await loadPcap(), path);
  const linkType = linkTypeOf(session.link_type);
  let number = 0;
  return await run(session, (packet) => {
    number += 1;
    onPacket({ number, linkType, ...copyOf(packet) });
  });
}

async function loadPcap(): Promise<typeof import("pcap").default> {
  try {
    return (await import("pcap")).default;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UnsupportedError(
      "reading captures",
      "libpcap: apt-get install libpcap0.8 (or dnf install libpcap); " +
        `in a clone: apt-get install libpcap-dev, then npm rebuild pcap (${reason})`,
    );
  }
}

function open(pcap: typeof import("pcap").default, path: string): OfflineSession {
  try {
    return pcap.createOfflineSession(path);
  } catch (error) {
    if (isBug(error)) throw error;
    const hint = `${messageOf(error)}; wanted a capture, such as tcpdump -w writes it`;
    throw new SystemError("read a capture", { errno: "EINVAL", target: path, hint, cause: error });
  }
}

function run(
  session: OfflineSession,
  onPacket: (packet: PacketWithHeader) => void,
): Promise<{ readonly complete: boolean }> {
  const { session: binding } = session;
  const dispatch = binding.dispatch.bind(binding);
  let outcome = 0;
  // The package hides the binding's result at the end of the file.
  binding.dispatch = (buffer, header) => {
    outcome = dispatch(buffer, header);
    return outcome;
  };
  return new Promise((resolve, reject) => {
    let failure: { readonly error: unknown } | undefined;
    session.on("packet", (packet) => {
      if (failure !== undefined) return;
      try {
        onPacket(packet);
      } catch (error) {
        // Thrown through the binding, it would end the process.
        failure = { error };
      }
    });
    session.on("complete", () => {
      session.close();
      // The binding gives the file back at the first read after closing.
      dispatch(session.buf, session.header);
      if (failure === undefined) resolve({ complete: outcome >= 0 });
      else reject(failure.error);
    });
  });
}

function linkTypeOf(name: string): number {
  return linkTypes[name] ?? Number(/\d+$/.exec(name)?.[0] ?? -1);
}

function copyOf({ buf, header }: PacketWithHeader): Omit<CapturedPacket, "number" | "linkType"> {
  const littleEndian = endianness() === "LE";
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const field = (offset: number) => view.getUint32(offset, littleEndian);
  // The buffer is shorter than the longest packet that a capture may hold.
  const present = Math.min(field(headerOffset.capturedOctets), buf.length);
  return {
    timeUs: field(headerOffset.seconds) * 1e6 + field(headerOffset.microseconds),
    octets: Uint8Array.from(buf.subarray(0, present)),
    originalOctets: Math.max(field(headerOffset.originalOctets), present),
  };
}
