import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from "./lab.ts";

/** The configuration of a daemon with one tunnel and one pseudowire at its trunk, as a line of YAML. */
export function wirespanText(local: string, remote: string, encapsulation: "udp" | "ip" = "udp"): string {
  const tunnel = { local, remote, encapsulation, pseudowires: { lan: { circuit: { interface: "trunk" } } } };
  return JSON.stringify({ tunnels: { peer: tunnel } });
}

/** A lab of a topology that a test has written, with files beside it. */
export class WrittenLab {
  readonly lab: Lab;
  readonly #folder: string;

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.#folder = folder;
  }

  /** Brings it up; `files` are the contents of files beside the topology by their names. */
  static async up(
    name: string,
    text: string,
    files: Readonly<Record<string, string>> = {},
    plane?: string,
  ): Promise<WrittenLab> {
    const folder = mkdtempSync(join(tmpdir(), "wirespan-lab-"));
    // Also for programs of the lab that run as somebody else.
    chmodSync(folder, 0o755);
    for (const [file, contents] of Object.entries({ ...files, [`${name}.yaml`]: `title: own\n${text}` }))
      writeFileSync(join(folder, file), contents, { mode: file.endsWith(".sh") ? 0o755 : 0o600 });
    try {
      return new WrittenLab(await Lab.up(join(folder, `${name}.yaml`), plane), folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
