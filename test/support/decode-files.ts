import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex } from "../../src/bytes/hex.ts";
import type { ControlRecord, DataRecord, PacketRecord, Summary } from "../../src/capture/record.ts";
import { type DecodeOptions, decodeCapture } from "../../src/cli/commands/decode.ts";
import { type VectorMessage, vectors } from "../vectors/vectors.ts";
import { ethernetFrame, ipPacket, linkType, pcapFile } from "./captures.ts";

/** A temporary folder of files for `wirespan decode`. */
export class DecodeFiles {
  readonly #folder = mkdtempSync(join(tmpdir(), "wirespan-decode-"));
  #count = 0;

  write(octets: Uint8Array | string): string {
    this.#count += 1;
    const path = join(this.#folder, `file-${this.#count}`);
    writeFileSync(path, octets, { mode: 0o600 });
    return path;
  }

  /** A capture of vectors, each from and to the addresses and ports that it names. */
  capture(messages: readonly VectorMessage[]): string {
    const packets = messages.map((message) => ({ octets: frameOf(message) }));
    return this.write(pcapFile(linkType.ethernet, packets));
  }

  secret(secret: string): string {
    return this.write(`${secret}\n`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** What the command prints. */
export async function decodeText(path: string, options: DecodeOptions = {}): Promise<string> {
  let text = "";
  const shell = {
    out: (part: string) => {
      text += part;
    },
    error: (part: string) => {
      throw new Error(`unexpected words: ${part}`);
    },
    exit: (code: number) => {
      throw new Error(`unexpected exit code ${code}`);
    },
  };
  await decodeCapture(path, options, shell);
  return text;
}

/** What the command prints with --json. */
export async function decodeJson(
  path: string,
  options: DecodeOptions = {},
): Promise<{ readonly records: readonly PacketRecord[]; readonly summary: Summary }> {
  const lines = (await decodeText(path, { ...options, json: true })).trimEnd().split("\n");
  const objects = lines.map((line) => JSON.parse(line));
  return { records: objects.slice(0, -1), summary: objects.at(-1) };
}

/** The messages of one scenario of the vectors. */
export function scenario(name: string): readonly VectorMessage[] {
  return vectors.messages.filter((message) => message.scenario === name);
}

/** A vector as an Ethernet frame. */
export function frameOf(message: VectorMessage): Uint8Array {
  const route = {
    family: message["ipver"] as 4 | 6,
    transport: message.transport,
    from: message.src,
    sourcePort: message["sport"] as number,
    destinationPort: message["dport"] as number,
  };
  return ethernetFrame(ipPacket(route, fromHex(message.payload_hex)));
}

export function controls(records: readonly PacketRecord[]): readonly ControlRecord[] {
  return records.filter((record) => record.kind === "control");
}

export function dataOf(records: readonly PacketRecord[]): readonly DataRecord[] {
  return records.filter((record) => record.kind === "data");
}
