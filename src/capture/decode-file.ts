import { readCapture } from "../os/capture-file.ts";
import { readSecret } from "../os/secrets.ts";
import { CaptureDecoder, type DecoderOptions } from "./capture-decoder.ts";
import type { PacketRecord, Summary } from "./record.ts";

export interface DecodeFileOptions extends Omit<DecoderOptions, "secrets"> {
  /** Files with shared secrets, for digests and hidden AVPs. */
  readonly secretFiles?: readonly string[];
  /** Warnings, such as about a secret that others can read. */
  readonly onNote?: (note: string) => void;
}

/**
 * Reads a capture file and hands over a record of each packet of L2TPv3. Throws SystemError for files that
 * cannot be read, and UnsupportedError without libpcap.
 */
export async function decodeFile(
  path: string,
  options: DecodeFileOptions,
  onRecord: (record: PacketRecord) => void,
): Promise<Summary> {
  const secrets = (options.secretFiles ?? []).map((file) => {
    const { octets, notes } = readSecret({ kind: "file", path: file });
    for (const note of notes) options.onNote?.(note);
    return octets;
  });
  const { port, staticFormat } = options;
  const decoder = new CaptureDecoder({ port, staticFormat, secrets });
  const { complete } = await readCapture(path, (packet) => {
    const record = decoder.decode(packet);
    if (record !== undefined) onRecord(record);
  });
  return decoder.summary(complete);
}
